"""What an experiment's report shows: training curves and samples."""

import io
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from ..analysis.plotting import require_matplotlib
from ..settings.experiment import SUPERVISED
from ..shards.reader import open_dataset
from ..sheet import contact_sheet, png_bytes
from ..storage import atomic
from ..training.core.run_files import LOG, log_lines

SHOWN = 8
"""Images beside one another."""
_NOT_TERMS = ("iteration", "steps_per_second", "warning", "news")
_LOSSES = ("discriminator", "adversarial", "cuts")


def read_log(run: Path) -> list[dict[str, Any]]:
    """The lines of a training's log; none where there is no log."""
    file = run / LOG
    return list(log_lines(file)) if file.is_file() else []


def alpha_curves(log: Sequence[Mapping[str, Any]]) -> bytes:
    """A PNG of the losses, and of the terms of the masks, over the iterations.

    Raises:
        UserError: matplotlib is not installed.
    """
    names = [name for name in dict.fromkeys(name for line in log for name in line) if name not in _NOT_TERMS]
    figure = require_matplotlib("report").figure.Figure(figsize=(12, 4), layout="constrained")
    panels = figure.subplots(1, 2)
    for axes, title in zip(panels, ("losses", "terms of the masks")):
        for name in names:
            if (name in _LOSSES) == (title == "losses"):
                _draw(axes, log, name, label=name)
        axes.set(title=title, xlabel="iteration")
        axes.legend()
    return _png(figure)


def segmenter_curves(logs: Mapping[str, Sequence[Mapping[str, Any]]]) -> bytes:
    """A PNG of the loss and of the validated mIoU of all segmenters over the iterations.

    A colour per architecture, dashed for supervised ones; the seeds of one kind look alike.

    Args:
        logs: by label, as in ``Piece.label``.

    Raises:
        UserError: matplotlib is not installed.
    """
    kinds = {label: label.partition("-seed")[0] for label in logs}
    seeds = Counter(kinds.values())
    architectures = list(dict.fromkeys(kind.partition("-")[0] for kind in seeds))
    figure = require_matplotlib("report").figure.Figure(figsize=(12, 4.5), layout="constrained")
    panels = figure.subplots(1, 2)
    for axes, (name, title) in zip(
        panels, (("loss", "loss"), ("miou", "mIoU on images of its own kind that it does not learn from"))
    ):
        for label, log in logs.items():
            kind = kinds[label]
            count = f" ({seeds[kind]} seeds)" if seeds[kind] > 1 else ""
            look = {
                "color": f"C{architectures.index(kind.partition('-')[0])}",
                "linestyle": "--" if SUPERVISED in kind else "-",
            }
            # An underscore keeps a line out of the legend.
            _draw(axes, log, name, label=f"{kind}{count}" if label == kind else "_", **look)
        axes.set(title=title, xlabel="iteration")
    panels[0].set_yscale("log")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return _png(figure)


def shards_sheet(folder: Path) -> bytes:
    """A PNG of the first samples of a data set."""
    samples = list(islice(open_dataset(folder), 2 * SHOWN))
    return png_bytes(contact_sheet(samples, columns=min(SHOWN, len(samples))))


def keep(path: Path, content: bytes) -> None:
    """Write a file unless it is there already."""
    if not path.is_file() or path.read_bytes() != content:
        atomic.make_folder(path.parent)
        atomic.write_bytes(path, content)


def _draw(axes: Any, log: Sequence[Mapping[str, Any]], name: str, *, label: str, **look: Any) -> None:
    points = [(line["iteration"], line[name]) for line in log if line.get(name) is not None]
    if points:
        axes.plot(*zip(*points), label=label, marker="." if len(points) < 30 else None, **look)


def _png(figure: Any) -> bytes:
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=100, metadata={"Software": None})
    return content.getvalue()
