"""Two networks compared by running them."""

import torch

from ..networks.alpha import AlphaNetwork
from ..networks.segmenter import Segmenter
from ..networks.stylegan2 import Generator
from ..seeding import normal
from .kinds import Network

_SEGMENTED = 64
"""Height and width of the image that a segmenter is verified on."""


@torch.inference_mode()
def difference(before: Network, after: Network) -> float:
    """The largest difference between the outputs of two networks of one kind on the same random input."""
    if isinstance(before, Generator) and isinstance(after, Generator):
        z = normal((before.architecture.z_dim,), 0, "convert", [0])
        outputs = [network.synthesize(network.truncate(network.map(z), 0.7)).image for network in (before, after)]
    elif isinstance(before, Segmenter) and isinstance(after, Segmenter):
        image = normal((3, _SEGMENTED, _SEGMENTED), 0, "convert", [0])
        outputs = [network(image) for network in (before, after)]
    else:
        assert isinstance(before, AlphaNetwork) and isinstance(after, AlphaNetwork), "networks of one kind"
        levels = len(before.channels)
        features = [
            normal((channels, 4 << level, 4 << level), 0, "convert", [2 * level + map_])
            for level, channels in zip(range(levels), before.channels, strict=True)
            for map_ in (0, 1)
        ]
        outputs = [network(features) for network in (before, after)]
    return (outputs[0] - outputs[1]).abs().max().item()
