"""Named tensors → discriminators, which a training goes on with."""

from collections.abc import Mapping

from torch import Tensor

from ...networks.discriminator import Discriminator
from ...short import short
from .assemble import MAX_LEVELS, MAX_WIDTH, Shapes, fill
from .errors import Misfit


def build_discriminator(tensors: Mapping[str, Tensor]) -> Discriminator:
    """A frozen discriminator from tensors by our names, those of ``Discriminator``'s state dict.

    Raises:
        Misfit: names or shapes are not those of a StyleGAN2 discriminator of RGB images.
    """
    blocks = sum(name.endswith(".first.weight") for name in tensors)
    layers = ["from_rgb", *(f"blocks.{index}.second" for index in range(blocks))]
    try:
        channels = tuple(tensors[f"{layer}.weight"].shape[0] for layer in reversed(layers))
    except KeyError as error:
        raise Misfit(f"tensor {short(error)} is missing") from error
    except IndexError as error:
        raise Misfit("a tensor without a width, where one is needed") from error
    if len(channels) > MAX_LEVELS or not all(0 < width <= MAX_WIDTH for width in channels):
        raise Misfit(f"{len(channels)} resolutions of widths up to {max(channels)} are not those of a StyleGAN2")
    with Shapes():
        network = Discriminator(channels=channels)
    fill(network, tensors)
    return network
