"""One labelled image, the same whether it was just generated or read back from shards."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A composite and its masks. Arrays are uint8; RGB arrays are H×W×3 in [0, 255]."""

    image: np.ndarray
    """Composite, H×W×3."""
    alpha: np.ndarray
    """round(255·alpha), H×W."""
    mask: np.ndarray
    """Class indices, H×W: 0 background, 1 foreground, 255 ignored."""
    metadata: dict[str, Any] = field(default_factory=dict)
    """The row of ``shards.schema``, complete."""
    rejected: tuple[str, ...] = ()
    """Why the candidates before it were rejected, one filter each; shards keep counts of them only."""
    foreground: np.ndarray | None = None
    """H×W×3, when it was asked for."""
    background: np.ndarray | None = None
    """H×W×3, when it was asked for."""
    w: np.ndarray | None = None
    """Mapped and truncated codes, float32 (2, w_dim), foreground's first, when asked for; (1, w_dim) where the
    background is an image from elsewhere."""
    encoded: bytes | None = None
    """The file that ``image`` is from, where it can be written as it is: encoding again would lose something."""

    @property
    def key(self) -> str:
        """Nine digits, the global index."""
        return self.metadata["key"]
