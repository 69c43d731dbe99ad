"""What a generator's images are: RGB, or what can be drawn as RGB; squares, or rectangles of a constant's shape."""

from collections.abc import Mapping

from torch import Tensor

from ...short import short
from .errors import Misfit, Unsupported

_COLOURS = {1: "grey", 2: "grey with transparency", 4: "RGBA"}
"""By number of channels."""
_LONGEST = 16
"""Pixels of the longer side of a constant; the published one has 4×4, those of rectangular images a few more."""


def check_channels(stated: object) -> None:
    """Refuse what a file states as the number of its images' channels if it is none that is drawn.

    Raises:
        Unsupported: says how many there are.
    """
    if type(stated) is not int or stated not in (3, *_COLOURS):
        raise Unsupported(f"a StyleGAN2 generator of {short(stated, 20)} image channels")


def in_rgb(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Tensors by our names with ToRGB layers of three channels, and what had to be decided for that.

    Images are sums of what these layers give, channel by channel: grey is drawn exactly, as three equal channels.
    Transparency is left out, since colours that are seen through are of no use without what is seen behind them, and
    masks are the alpha network's.
    """
    count = next((tensor.shape[0] for name, tensor in tensors.items() if name == "to_rgb.0.bias" and tensor.ndim), 3)
    if count not in _COLOURS:
        return dict(tensors), []
    taken = [0, 1, 2] if count == 4 else [0, 0, 0]
    found = {
        name: tensor[taken] if _of_colours(name) and tensor.ndim and len(tensor) == count else tensor
        for name, tensor in tensors.items()
    }
    notes = ["its images are grey: all three channels are equal"] if count < 4 else []
    notes += ["its images are transparent in part, which is left out: all of them are opaque"] if count > 1 else []
    return found, notes


def _of_colours(name: str) -> bool:
    return name.startswith("to_rgb.") and name.endswith((".weight", ".bias"))


def check_images(tensors: Mapping[str, Tensor]) -> None:
    """Refuse a StyleGAN2 whose images are not RGB by its name. The generators of all layouts pass here.

    Raises:
        Unsupported: says what they are.
    """
    rgb = tensors.get("to_rgb.0.weight")
    if rgb is not None and rgb.ndim == 2 and rgb.shape[0] != 3:
        check_channels(rgb.shape[0])


def constant_size(tensors: Mapping[str, Tensor]) -> tuple[int, int]:
    """Height and width in pixels of the constant among tensors by our names: the shape of all that is drawn from it.

    Raises:
        Misfit: it is missing, or no constant of a StyleGAN2.
    """
    constant = tensors.get("constant")
    if constant is None:
        raise Misfit("tensor constant is missing")
    if constant.ndim != 3 or not all(0 < side <= _LONGEST for side in constant.shape[1:]):
        raise Misfit(f"tensor constant has shape {short(constant.shape)}, expected (C, 4, 4) or another of few pixels")
    return constant.shape[1], constant.shape[2]
