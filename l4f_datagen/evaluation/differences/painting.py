"""One mask against its truth in colour, as Figs. 4 and 5 of the paper show them: mistakes are green and red."""

from dataclasses import dataclass

import cv2
import numpy as np

from ..metrics import IGNORED

FALSE_POSITIVE = (30, 220, 90)
"""Green, RGB: foreground in the mask alone. A light green beside a dark red: who sees no hues sees the brightness."""
FALSE_NEGATIVE = (190, 0, 30)
"""Red, RGB: foreground in the truth alone."""
UNCERTAIN = (128, 128, 128)
"""Grey, RGB: pixels that the truth leaves open, which are not counted."""
LEGEND = {
    "false positive: the mask alone has foreground": FALSE_POSITIVE,
    "false negative: the truth alone has foreground": FALSE_NEGATIVE,
    "not counted: uncertain in the truth": UNCERTAIN,
}
_FADED, _PALE = 0.45, 110
"""Of an image behind the colours so much of its contrast is kept, above this grey level."""
_OBJECT, _WALL = 225, 60
"""Grey levels of foreground and background that both sides agree on, where there is no image."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Compared:
    """A mask beside its truth, uint8 H×W each: 0 background, 1 foreground; the truth also 255, which is not counted."""

    mask: np.ndarray
    truth: np.ndarray
    image: np.ndarray | None = None
    """RGB uint8 H×W×3; None: only the masks are known."""
    told_by: str = "truth"
    """Who says what is right: "truth", or "reference" of a network that may err."""


def paint(compared: Compared) -> np.ndarray:
    """Mistakes in colour over a faded grey copy of the image, or over grey masks where there is none: RGB uint8 H×W×3.

    Every pixel of a colour is one mistake; ``FALSE_POSITIVE`` and ``FALSE_NEGATIVE`` say which.
    """
    if compared.image is None:
        grey = np.where(compared.mask == 1, _OBJECT, _WALL)
    else:
        grey = _PALE + _FADED * cv2.cvtColor(compared.image, cv2.COLOR_RGB2GRAY)
    painted = np.repeat(grey.astype(np.uint8)[..., None], 3, 2)
    painted[(compared.mask == 1) & (compared.truth == 0)] = FALSE_POSITIVE
    painted[(compared.mask == 0) & (compared.truth == 1)] = FALSE_NEGATIVE
    painted[compared.truth == IGNORED] = UNCERTAIN
    return painted


def shades(mask: np.ndarray) -> np.ndarray:
    """Class indices as grey levels, uint8 H×W: 0 black, 1 white, 255 (not counted) grey."""
    return np.choose((mask == 1) + 2 * (mask == IGNORED), [0, 255, UNCERTAIN[0]]).astype(np.uint8)
