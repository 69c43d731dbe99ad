"""How a user wants labelled images to be read, as far as no file says it of itself."""

from dataclasses import dataclass
from typing import Literal

Values = Literal["auto", "index", "grey"]
KINDS = ("auto", "folder", "coco", "label-studio", "cvat", "tars", "parquet", "shards")
"""What a user may say that a place is; all but the first may stand before it, as in ``tars:PLACE``."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How masks and their images are found and understood."""

    values: Values = "auto"
    """What grey files hold: class indices, or black and white; "auto": what all of them together say."""
    foreground: tuple[str, ...] | None = None
    """Values or colours that are foreground; others but 255 are background. None: found, where it is clear."""
    flag: str = "--foreground-values"
    """The flag with which a user names them, for messages."""
    predicted: bool = False
    """The masks are a network's: they need not hold any foreground, nor all the classes that are asked for."""
    insist: str = "--allow-empty"
    """The flag with which a user insists on a set without foreground, for messages."""
    allow_empty: bool = False
    """Take a set of which no mask holds any foreground."""
    stored: bool = False
    """Masks keep their classes, whatever is foreground."""
    kind: str = "auto"
    """One of ``KINDS``."""
    images: str | None = None
    masks: str | None = None
    alphas: str | None = None
    """Folders, inside the source or elsewhere."""
    categories: tuple[str, ...] | None = None
    """The categories of a COCO file, or the labels of Label Studio or CVAT, that are foreground; None: all."""
    skip_unmatched: bool = False
    """Leave out images without a mask, and masks without an image."""
