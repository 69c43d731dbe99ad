"""What an experiment's report shows: training curves and samples."""

import io
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from ..analysis.plotting import look, require_matplotlib
from ..shards.reader import open_dataset
from ..sheet import contact_sheet, png_bytes
from ..storage import atomic
from ..training.core.run_files import LOG, log_lines
from .pieces import SEED

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
    for axes, title in zip(figure.subplots(1, 2), ("losses", "terms of the masks")):
        shown = [name for name in names if (name in _LOSSES) == (title == "losses")]
        for number, name in enumerate(shown):
            _draw(axes, log, name, number, label=name.replace("_", " "))
        _label(axes, title, "loss" if title == "losses" else "value")
    return _png(figure)


def segmenter_curves(logs: Mapping[str, Sequence[Mapping[str, Any]]]) -> bytes:
    """A PNG of the loss and of the validated mIoU of all segmenters over the iterations.

    The seeds of one kind look alike, and are one entry of the legend.

    Args:
        logs: by label, as in ``Piece.label``.

    Raises:
        UserError: matplotlib is not installed.
    """
    kinds = {label: label.partition(f"-{SEED}")[0] for label in logs}
    seeds = Counter(kinds.values())
    figure = require_matplotlib("report").figure.Figure(figsize=(12, 4.5), layout="constrained")
    panels = figure.subplots(1, 2)
    for axes, (name, title) in zip(
        panels, (("loss", "loss"), ("miou", "mIoU on images of its own kind that it does not learn from"))
    ):
        for label, log in logs.items():
            kind = kinds[label]
            count = f" ({seeds[kind]} seeds)" if seeds[kind] > 1 else ""
            # An underscore keeps a line out of the legend.
            _draw(axes, log, name, list(seeds).index(kind), label=f"{kind}{count}" if label == kind else "_")
        _label(axes, title, "mIoU" if name == "miou" else name)
    panels[0].set_yscale("log")
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


def _draw(axes: Any, log: Sequence[Mapping[str, Any]], name: str, number: int, *, label: str) -> None:
    points = [(line["iteration"], line[name]) for line in log if line.get(name) is not None]
    if points:
        axes.plot(*zip(*points), label=label, **look(number, len(points)))


def _label(axes: Any, title: str, values: str) -> None:
    axes.set(title=title, xlabel="iteration", ylabel=values)
    axes.grid(alpha=0.3)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize="small")


def _png(figure: Any) -> bytes:
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=100, metadata={"Software": None})
    return content.getvalue()
