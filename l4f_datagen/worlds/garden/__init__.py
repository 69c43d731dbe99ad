"""A garden: one to four things of many kinds, with fine parts, in scenes with light and shadow.

It is hard where photographs are: colours of things are often those behind them, outlines are leaves, stems, handles and
fur, things overlap and are cut by the picture's border, grass grows before them, and shadows and spots of light look
like things. Coordinates run from -1 to 1, x to the right and y down.

The order in which random numbers are drawn is part of what a picture is: change it, and every index shows another
garden. Nothing but noise is drawn in numbers that depend on the size, so that all sizes show the same garden.
"""

from ..rendering import Rendering, to_uint8
from .layers import draw_layers


def render(*, seed: int, index: int, size: int) -> Rendering:
    """Draw garden ``index``; see ``worlds.render``."""
    layers = draw_layers(seed=seed, index=index, size=size)
    return Rendering(
        image=to_uint8(layers.composite() + layers.noise),
        alpha=to_uint8(layers.alpha),
        background=to_uint8(layers.empty + layers.noise),
        instances=layers.instances,
    )
