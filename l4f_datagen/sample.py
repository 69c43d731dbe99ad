"""One labelled image, the same whether it was just generated or read back from shards."""

import base64
import io
from dataclasses import dataclass, field
from typing import Any

import numpy as np

_SHOWN_PIXELS = 256
"""Height of the pictures that a notebook shows."""
_GREYS = {0: 0, 1: 255}
"""How class indices are drawn; what is ignored, and further classes, in the middle."""


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Sample:
    """A composite and its masks. Arrays are uint8; RGB arrays are H×W×3 in [0, 255].

    A notebook shows image, alpha and mask side by side. Samples are equal if they are one: compare their arrays.
    """

    image: np.ndarray
    """Composite, H×W×3."""
    alpha: np.ndarray
    """round(255·alpha), H×W."""
    mask: np.ndarray
    """Class indices, H×W: 0 background, 1 foreground, 255 ignored."""
    metadata: dict[str, Any] = field(default_factory=dict)
    """The row of the shards' schema, complete."""
    rejected: tuple[str, ...] = ()
    """Why the candidates before it were rejected, one filter each; shards keep counts of them only."""
    foreground: np.ndarray | None = None
    """H×W×3, when it was asked for."""
    background: np.ndarray | None = None
    """H×W×3, when it was asked for."""
    cutout: np.ndarray | None = None
    """The foreground alone, RGBA H×W×4, when it was asked for: soft edges have its own colour, the fourth channel is
    ``alpha``."""
    w: np.ndarray | None = None
    """Mapped and truncated codes, float32 (2, w_dim), foreground's first, when asked for; (1, w_dim) where the
    background is an image from elsewhere."""
    encoded: bytes | None = None
    """The file that ``image`` is from, where it can be written as it is: encoding again would lose something."""

    @property
    def key(self) -> str:
        """Nine digits, the global index."""
        return self.metadata["key"]

    def __repr__(self) -> str:
        height, width = self.mask.shape[:2]
        with_ = [name for name in ("foreground", "background", "cutout", "w") if getattr(self, name) is not None]
        parts = [
            repr(self.metadata.get("key", "")),
            f"{height}×{width}",
            f"foreground {np.mean(self.mask == 1):.1%}",
            *([f"with {', '.join(with_)}"] if with_ else []),
        ]
        return f"Sample({', '.join(parts)})"

    def _repr_png_(self) -> bytes:
        """Image, alpha and mask side by side, as a PNG file; what a notebook asks for."""
        from PIL import Image  # imported here: few samples are looked at

        grey = np.full_like(self.mask, 128)
        for value, shade in _GREYS.items():
            grey[self.mask == value] = shade
        panels = [self.image, *(np.repeat(one[..., None], 3, axis=2) for one in (self.alpha, grey))]
        content = io.BytesIO()
        Image.fromarray(np.concatenate(panels, axis=1)).save(content, "PNG")
        return content.getvalue()

    def _repr_html_(self) -> str:
        """The same as HTML, small pictures enlarged; it needs no other file."""
        content = base64.b64encode(self._repr_png_()).decode()
        look = f"height: {_SHOWN_PIXELS}px; image-rendering: pixelated"
        return (
            f'<figure style="margin: 0"><img src="data:image/png;base64,{content}" style="{look}" '
            f'alt="image, alpha and mask"><figcaption>{self!r}: image, alpha, mask</figcaption></figure>'
        )
