"""Edits for people to look at: a sheet of each, and a moving picture."""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from ..sheet import picture_grid
from .drawing import Scene, Step

MOST_COLUMNS = 11
"""Steps on a sheet; of more some are shown, evenly spread."""
_TILES = (128, 256)
"""The fewest and most pixels of a picture's side."""
_LONGEST = 32
"""Letters of a key that a sheet shows."""


def shown_steps(count: int) -> list[int]:
    """The steps that a sheet shows, of so many."""
    return sorted({round(place) for place in np.linspace(0, count - 1, min(count, MOST_COLUMNS))})


def edit_sheet(key: str, scene: Scene, steps: Sequence[Step], strengths: Sequence[float]) -> np.ndarray:
    """The plain edit above, the one with the background kept below, then the masks: RGB uint8.

    The first column shows the original, what stands behind its foreground, and its mask.
    """
    rows = {
        "plain edit": [scene.original, *(step.plain for step in steps)],
        "kept": [scene.background, *(step.kept for step in steps)],
        "mask": [_shown(scene.layer.mask), *(_shown(step.layer.mask) for step in steps)],
    }
    tile = min(max(*scene.original.shape[:2], _TILES[0]), _TILES[1])
    ascii_key = key.encode("ascii", "replace").decode()
    titles = [ascii_key if len(ascii_key) <= _LONGEST else f"...{ascii_key[-_LONGEST:]}"]
    return picture_grid(rows, tile=tile, titles=[*titles, *(f"{strength:+.3g}" for strength in strengths)])


def gif_bytes(frames: Sequence[np.ndarray], *, milliseconds: int) -> bytes:
    """Frames, RGB uint8 H×W×3, as a GIF that goes forth and back for ever."""
    pictures = [Image.fromarray(frame) for frame in [*frames, *frames[-2:0:-1]]]
    content = io.BytesIO()
    pictures[0].save(
        content, "GIF", save_all=True, append_images=pictures[1:], duration=milliseconds, loop=0, optimize=False
    )
    return content.getvalue()


def side_by_side(step: Step) -> np.ndarray:
    """The plain edit and the kept one: RGB uint8 H×2W×3."""
    return np.concatenate([step.plain, step.kept], 1)


def _shown(mask: np.ndarray) -> np.ndarray:
    return mask.astype(np.uint8) * 255
