"""How a user wants labelled images to be read: what no file says of itself."""

from dataclasses import dataclass
from typing import Literal

Values = Literal["auto", "index", "grey"]
KINDS = ("auto", "folder", "coco", "tars", "parquet", "shards")
"""What a place may be said to be; the last ones as prefixes, ``tars:PLACE`` say."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How masks and their images are found and understood."""

    values: Values = "auto"
    """What grey files hold: class indices, or black and white; "auto": what all of them together say."""
    foreground: tuple[str, ...] | None = None
    """Values or colours that are foreground; others but 255 are background. None: found, where it is clear."""
    flag: str = "--foreground-values"
    """Where a user names those."""
    predicted: bool = False
    """What a network said: it need not hold any foreground, nor all the classes that are asked for."""
    insist: str = "--allow-empty"
    """How a user may insist on a set without foreground."""
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
    """Of a COCO file, those that are foreground."""
    skip_unmatched: bool = False
    """Leave out images without a mask, and masks without an image."""
