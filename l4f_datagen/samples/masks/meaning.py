"""What the values of mask files mean, and the masks that they therefore are."""

from dataclasses import dataclass

import numpy as np

from ...masks import HALF, make_mask
from .classes import Classes
from .file import MaskFile


@dataclass(frozen=True)
class Meaning:
    """What the values of a set's mask files mean."""

    index: Classes
    """What indices mean."""
    grey: Classes | None
    """What greys and colours mean; None: they are black and white, cut at half."""
    soft: bool = False
    """Whether what is cut at half is a soft mask, rather than a hard one that compression changed."""
    cut_out: bool = False
    """Whether alpha channels are the masks, in all files that have one."""
    deep: bool = False
    """Whether white is 65535 in files that can hold it."""
    stored: bool = False
    """Whether values are class indices that stay as they are."""
    text: str = ""

    @property
    def ignores(self) -> bool:
        """Whether any value of the set means that pixels are ignored."""
        return bool(self.index.ignored or (self.grey is not None and self.grey.ignored))

    def mask(self, file: MaskFile) -> np.ndarray:
        """A file's mask, uint8 H×W: 0 background, 1 foreground, 255 ignored.

        Raises:
            ValueError: its classes were to be kept, and are none.
        """
        file = self._chosen(file)
        if self.stored:
            if file.values.size and not 0 <= file.values.min() <= file.values.max() <= 255:
                raise ValueError("colours or numbers beyond 255, which are no class indices")
            return file.values.astype(np.uint8)
        if file.kind == "bits":
            return file.values.astype(np.uint8)
        classes = self.index if file.kind == "index" else self.grey
        if classes is None:
            return make_mask(file.soft(deep=self.deep), HALF)
        return classes.mask(file.values)

    def alpha(self, file: MaskFile) -> np.ndarray | None:
        """The soft mask that a file is, uint8 H×W; None where it is a hard one."""
        file = self._chosen(file)
        return file.soft(deep=self.deep) if self.soft and file.kind == "grey" and not file.lossy else None

    def _chosen(self, file: MaskFile) -> MaskFile:
        return file.by_transparency() if self.cut_out else file

    def __str__(self) -> str:
        return self.text
