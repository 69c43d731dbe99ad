"""The distributions of a data set as one picture."""

import io

import numpy as np

from .distributions import BINS, SHARES, Distributions
from .plotting import require_matplotlib

_BARS = 50
_NAMES = {"mask_area": "mask area", "decisiveness": "decisiveness", "stability": "stability"}


def plot(found: Distributions, title: str) -> bytes:
    """A PNG of six panels: three scores, components, mean mask, rejections.

    Raises:
        UserError: matplotlib is not installed.
    """
    figure = require_matplotlib("stats --out").figure.Figure(figsize=(12, 7), layout="constrained")
    figure.suptitle(title)
    panels = figure.subplots(2, 3)
    edges = np.linspace(0, 1, _BARS + 1)
    for axes, score in zip(panels[0], SHARES):
        axes.stairs(found.histograms[score].reshape(_BARS, BINS // _BARS).sum(1), edges, fill=True)
        axes.set(xlabel=_NAMES[score], ylabel="samples", xlim=(0, 1))
    components, mask, rejections = panels[1]
    counts = np.trim_zeros(found.components, "b")
    components.bar(range(len(counts)), counts)
    components.set(xlabel="components of the mask", ylabel="samples")
    if found.mean_mask is not None:
        shown = mask.imshow(found.mean_mask, vmin=0, vmax=max(found.mean_mask.max(), 1e-9), cmap="viridis")
        figure.colorbar(shown, ax=mask, label="share of masks")
    mask.set(title=f"mean of {found.masks} masks", xticks=[], yticks=[])
    reasons = found.rejected.most_common(12)[::-1]
    rejections.barh([reason for reason, _ in reasons], [count for _, count in reasons])
    title = "why candidates were rejected" if reasons else "no candidate was rejected"
    rejections.set(title=title, xlabel="candidates")
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=100, metadata={"Software": None})
    return content.getvalue()
