"""Colours by hue, saturation and value, and the greens of leaves."""

import colorsys

import numpy as np

Range = tuple[float, float]


def draw_colour(rng: np.random.Generator, hue: Range, saturation: Range, value: Range) -> np.ndarray:
    """RGB (3,) in [0, 1]; hues may go beyond 0 and 1, which are the same red."""
    return np.array(
        colorsys.hsv_to_rgb(rng.uniform(*hue) % 1, rng.uniform(*saturation), rng.uniform(*value)), np.float32
    )


def draw_green(rng: np.random.Generator) -> np.ndarray:
    """The colour of leaves: from yellowish to bluish green, some reddish."""
    if rng.random() < 0.1:
        return draw_colour(rng, (-0.05, 0.06), (0.4, 0.7), (0.25, 0.55))
    return draw_colour(rng, (0.2, 0.42), (0.3, 0.75), (0.3, 0.72))


def varied(rng: np.random.Generator, colour: np.ndarray, count: int, value: float, tint: float) -> np.ndarray:
    """``count`` colours (n, 3) around one: lighter and darker by ``value``, of other tints by ``tint``."""
    lightness = 1 + value * (2 * rng.random((count, 1), np.float32) - 1)
    return colour * lightness + tint * (2 * rng.random((count, 3), np.float32) - 1)


def planes(colour: np.ndarray) -> np.ndarray:
    """A colour (3,) as it is multiplied with planes (3, h, w)."""
    return colour.astype(np.float32)[:, None, None]
