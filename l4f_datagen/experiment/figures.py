"""A picture of a report: what it shows, where it stands, and its file."""

from collections.abc import Callable
from dataclasses import dataclass

DIFFERENCES = "Figs. 4 and 5: where masks are wrong"
EDITS = "Fig. 6: edits that keep the background"
LAYERED = "Fig. 7: samples of PSeg"
SAMPLES = "Samples"
TRAININGS = "Trainings"
PROJECTION = "Projection"
OF_THE_PAPER = {
    DIFFERENCES: (
        "As in the paper, green pixels are false positives (foreground in the mask alone), red ones false negatives "
        "(foreground in the truth, or the reference, alone). From left to right the best, the median and the worst "
        "samples by mIoU, each with its name."
    ),
    EDITS: (
        "Steps of edits: above the plain edit, below the edited foreground before the original's background, which "
        "stays as it is."
    ),
    LAYERED: (
        "What a layered generator takes for foreground, background and mask. As in the paper, images that it draws are "
        "far behind those of the StyleGAN2 whose masks the other figures show."
    ),
}
"""Sections of figures that the paper has too, in its order: heading → what is to be seen."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One picture, with a caption that can be read alone."""

    name: str
    """Its name in ``report.json``; where the report draws it, that of its file too."""
    section: str
    """The heading below which it stands: one of the above, or that of a paragraph that a stage writes."""
    caption: str
    """A sentence or two in Markdown."""
    draw: Callable[[], bytes] | None = None
    """Gives the PNG; None: a stage left it at ``place``."""
    place: str = ""
    """Relative to the experiment's folder; "": the report's own folder."""
    plot: bool = False
    """Whether drawing needs matplotlib."""
    folded: bool = False
    """Whether a reader has to open it, since others show the main thing."""
