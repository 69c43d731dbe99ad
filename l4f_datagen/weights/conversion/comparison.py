"""Networks compared by running them: what was written is read back, and has to give what was read."""

from pathlib import Path

import torch

from ...errors import UserError, WorkError
from ...networks.alpha import AlphaNetwork
from ...networks.encoders.encoder import Encoder
from ...networks.segmenter import Segmenter
from ...networks.stylegan2 import Generator
from ...seeding import normal
from ..assembly.assemble import first_not_finite
from ..kinds import Kind, Network
from ..load import read_network
from .task import TOLERANCE

_SEGMENTED = 64
"""Height and width in pixels of the image that a segmenter or an encoder is verified on."""


@torch.inference_mode()
def difference(before: Network, after: Network) -> float:
    """The largest difference between the outputs of two networks of one kind on the same random input."""
    if isinstance(before, Generator) and isinstance(after, Generator):
        z = normal((before.architecture.z_dim,), 0, "convert", [0])
        classes = torch.zeros(1, dtype=torch.int64) if before.architecture.classes else None
        codes = [network.truncate(network.mapping(z, classes), 0.7) for network in (before, after)]
        outputs = [network.synthesize(w).image for network, w in zip((before, after), codes, strict=True)]
    elif isinstance(before, (Segmenter, Encoder)) and isinstance(after, (Segmenter, Encoder)):
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


def verified(out: Path, kind: Kind, network: Network, *, allow_nan: bool) -> float:
    """The difference between a network and the one that is read back from ``out``.

    Raises:
        UserError: images differ because what was written cannot say the generator's conv_clamp.
        WorkError: the outputs differ.
    """
    again = read_network(out, kind, allow_nan=allow_nan, any_class=True)[0]
    found = difference(network, again)
    if found <= TOLERANCE or (allow_nan and first_not_finite(network)):
        return found
    if isinstance(network, Generator) and network.architecture != again.architecture:
        raise UserError(
            "conversion",
            got=f"a generator whose conv_clamp {network.architecture.conv_clamp:g} changes its images",
            expected="one whose activations stay below it, since rosinality's layout has no clamp",
            remedy="convert it to a native folder",
        )
    raise WorkError(f"{kind} as written gives other outputs than as read (by {found:.2g}); do not use it")
