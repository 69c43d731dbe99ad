"""Channels that a descent finds: without them a generator draws what is seen beside and behind its objects."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .. import weights
from ..editing.completing import opencv
from ..generation import latents
from ..networks.alpha import AlphaNetwork
from ..networks.folding import Noise
from ..networks.inference import freeze
from ..networks.pixels import image_from_uint8, image_to_uint8
from ..networks.synthesis import Layer, Parts, Synthesis
from ..networks.zeroed import ZeroedChannels, activation_sizes
from ..photographs.opening import open_source
from ..photographs.square import Size, fitted, sides
from ..photographs.whole import WholeImages
from ..settings.analyze import AnalyzeBackgroundsSettings
from ..weights import native
from .crops import plainest_corners
from .probes import Probed

SAMPLES, AT_ONCE, STEPS = 384, 32, 150
"""Samples that backgrounds are held to, how many of them a step draws, and the steps."""
PICTURES = 400
"""Real pictures whose grain is looked at."""
_PIXELS_AT_ONCE = AT_ONCE * 128**2
"""Larger images are drawn fewer at once, but never less than ``_FEWEST``: grain is compared between batches."""
_FEWEST = 8
_RATE, _MOMENTA = 0.1, (0.9, 0.99)
_OPEN, _FIRST = 2.0, -1.0
"""Where gates begin, before the sigmoid: all are open but those of the first styled convolution."""
_SHARPEST = 8.0
"""What a gate's number is multiplied with at the end; 1 at first. Gates that end in between were half of the effect."""
_BESIDE, _BEHIND, _GRAIN, _EQUAL = 10.0, 100.0, 0.5, 1.5
"""Weights of the terms of the loss."""
_CORNER = 1 / 4
"""Side of the corners of real pictures, as a share of the image's: at a third objects reach into them."""
_BLUR = 1 / 10
"""Side of the window that hides texture, and of the margin around a mask, as a share of the image's."""
_SCALES, _REAL_SCALES = 5, 3
"""Octaves of grain that both regions of a background are compared at, and the finest of them that real ones are."""
_OBJECT = 0.5
"""From this alpha on a pixel shows the object."""
_EPSILON = 1e-6


@dataclass(frozen=True)
class _Samples:
    """What backgrounds are held to: codes w (N, w_dim), and the following of each."""

    w: Tensor
    image: Tensor
    """(N, 3, H, W)."""
    hidden: Tensor
    """(N, H, W), 1 where the object stands and in a margin around it, else 0."""
    completed: Tensor
    """(N, 3, H, W): the sample with the object painted over, without texture."""


def descend(
    generator: Synthesis, alpha: AlphaNetwork, pictures: Tensor, *, psi: float = 1.0, seed: int = 0
) -> ZeroedChannels:
    """The channels that ``channels:auto`` zeroes.

    A gate between 0 and 1 for every channel of all activations descends (Adam) to backgrounds that have their sample's
    own pixels where no object stands, its colours behind the object, the same grain there as elsewhere, and the grain
    that real pictures have in their plainest corners. Gates become steeper as they go; what ends below one half is
    zero. No label is looked at, and no background without an object.

    Args:
        alpha: an alpha network of this generator, on its device.
        pictures: real ones, (N, 3, H, W) in [-1, 1], of the generator's size.
        psi: truncation.

    Returns:
        Channels without a share. Another kind of processor, or number of threads, may find others.
    """
    height, width = generator.architecture.size
    samples = _samples(generator, alpha, psi=psi, seed=seed)
    device = samples.w.device
    real = grain(plainest_corners(pictures.to(device), _CORNER), scales=_REAL_SCALES)[0].sort(0).values
    count = min(AT_ONCE, max(_FEWEST, _PIXELS_AT_ONCE // (height * width)))
    sizes = activation_sizes(generator.architecture.channels)
    numbers = [torch.full((size,), _FIRST if index == 1 else _OPEN, device=device) for index, size in enumerate(sizes)]
    for one in numbers:
        one.requires_grad_()
    adam = torch.optim.Adam(numbers, lr=_RATE, betas=_MOMENTA)
    order = torch.Generator().manual_seed(seed)
    for step in range(STEPS):
        done = step / STEPS
        adam.param_groups[0]["lr"] = _RATE * math.sqrt(1 - done)
        steepness = 1 + (_SHARPEST - 1) * done
        chosen = torch.randint(len(samples.w), (count,), generator=order).to(device)
        with torch.enable_grad():
            background = gated(generator, [torch.sigmoid(steepness * one) for one in numbers]).synthesize(
                samples.w[chosen]
            )
            loss = _loss(background.image, samples, chosen, real)
            gradients = torch.autograd.grad(loss, numbers)
        for one, gradient in zip(numbers, gradients, strict=True):
            one.grad = gradient
        adam.step()
    return ZeroedChannels(None, sizes, tuple(tuple((one < 0).nonzero()[:, 0].tolist()) for one in numbers))


def read_pictures(images: str, size: Size) -> Tensor:
    """The first real pictures that a user's words name, at the generator's size: (N, 3, H, W) in [-1, 1].

    Raises:
        UserError: there are none, or many are broken.
    """
    whole = WholeImages(open_source(images, world_images=PICTURES), setting="images")
    found = [fitted(whole.read(index, max(sides(size)))[1], size) for index in range(min(PICTURES, len(whole.source)))]
    return image_from_uint8(torch.from_numpy(np.stack(found)))


def descend_and_keep(
    settings: AnalyzeBackgroundsSettings, pictures: Tensor, device: torch.device, out: Path
) -> ZeroedChannels:
    """``descend`` for the generator that settings name; ``out/alpha`` is its alpha network, which keeps the channels.

    Raises:
        UserError: the generator has no alpha network beside it and none is named, or they do not fit.
    """
    (generator, _), (alpha, source) = weights.read_pair(settings.generator, settings.alpha)
    found = descend(freeze(generator, device), alpha.to(device), pictures, psi=settings.psi, seed=settings.seed)
    card = {
        "name": f"{source.name}, with channels that are zeroed for backgrounds",
        "licence": source.licence,
        "source": {"alpha": f"{source.name}; channels found by l4f-datagen analyze backgrounds"},
    }
    native.save(out / "alpha", alpha=alpha.cpu().keeping(found), card=card)
    return found


def gated(generator: Synthesis, gates: Sequence[Tensor]) -> Probed:
    """A generator whose channels are multiplied with gates, (C) for each activation in the order of ``layer_names``."""

    def change(parts: Parts) -> Parts:
        layers = [_gated_layer(layer, gate) for layer, gate in zip(parts.layers, gates[1:], strict=True)]
        return parts._replace(constant=parts.constant * gates[0].view(-1, 1, 1), layers=layers)

    return Probed(generator, change)


def grain(image: Tensor, where: Tensor | None = None, *, scales: int = _SCALES) -> tuple[Tensor, Tensor]:
    """How strong the texture of images (N, 3, H, W) is, octave by octave.

    Args:
        where: (N, H, W), 1 in the region that is looked at, else 0; None: everywhere.

    Returns:
        Logarithms of the mean squared difference of neighbouring pixels, (N, scales), each octave at half the size of
        that before it; and whether there were any in the region, bool of the same shape.
    """
    values, found = [], []
    for _ in range(scales):
        inside = torch.ones_like(image[:, 0]) if where is None else where
        total = count = torch.zeros(len(image), device=image.device)
        for axis in (1, 2):
            steps = image.diff(dim=axis + 1).square().mean(1)
            both = inside.narrow(axis, 1, inside.shape[axis] - 1) * inside.narrow(axis, 0, inside.shape[axis] - 1)
            total, count = total + (steps * both).sum((1, 2)), count + both.sum((1, 2))
        values.append((2 * total / count.clamp(min=1) + _EPSILON).log())
        found.append(count > 0)
        if min(image.shape[2:]) < 4:
            break
        image = F.avg_pool2d(image, 2)
        where = None if where is None else -F.max_pool2d(-where[:, None], 2)[:, 0]
    return torch.stack(values, 1), torch.stack(found, 1)


def _loss(image: Tensor, samples: _Samples, chosen: Tensor, real: Tensor) -> Tensor:
    """How far backgrounds (N, 3, H, W) are from what they are held to; ``real``: grain, sorted (M, scales)."""
    hidden = samples.hidden[chosen]
    beside = _mean((image - samples.image[chosen]).square().mean(1), 1 - hidden)
    behind = _mean((_low(image) - samples.completed[chosen]).square().mean(1), hidden)
    # By rank, so that some walls may be plain and others rough, as real ones are.
    places = ((torch.arange(len(image), device=image.device) + 0.5) / len(image) * len(real)).long()
    ranked = grain(image, scales=real.shape[1])[0].sort(0).values
    (inside, some), (outside, others) = grain(image, hidden), grain(image, 1 - hidden)
    comparable = some & others
    equal = ((inside - outside).square() * comparable).sum() / comparable.sum().clamp(min=1)
    return _BESIDE * beside + _BEHIND * behind + _GRAIN * (ranked - real[places]).square().mean() + _EQUAL * equal


@torch.no_grad()
def _samples(generator: Synthesis, alpha: AlphaNetwork, *, psi: float, seed: int) -> _Samples:
    parts: list[_Samples] = []
    paint_over = opencv("telea")
    for start in range(0, SAMPLES, AT_ONCE):
        indices = range(start, min(start + AT_ONCE, SAMPLES))
        w = latents.draw_w(generator, seed=seed, stream="foreground", indices=indices, psi=psi)
        image, features = generator.synthesize(w)
        reach = _window(image)
        hidden = F.max_pool2d((alpha(features) > _OBJECT).float(), reach, 1, reach // 2)[:, 0]
        painted = [
            paint_over(np.ascontiguousarray(one), hole)
            for one, hole in zip(image_to_uint8(image).cpu().numpy(), hidden.byte().cpu().numpy(), strict=True)
        ]
        completed = _low(image_from_uint8(torch.from_numpy(np.stack(painted))).to(image.device))
        parts.append(_Samples(w, image, hidden, completed))
    return _Samples(*(torch.cat(values) for values in zip(*((p.w, p.image, p.hidden, p.completed) for p in parts))))


def _gated_layer(layer: Layer, gate: Tensor) -> Layer:
    def give(x: Tensor, style: Tensor, noise: Noise, spent: bool) -> Tensor:
        return layer(x, style, noise, False) * gate.view(-1, 1, 1)  # which overwrites nothing that is recorded

    return give


def _low(image: Tensor) -> Tensor:
    """Images (N, 3, H, W) without their texture."""
    side = _window(image)
    return F.avg_pool2d(F.pad(image, (side // 2,) * 4, mode="reflect"), side, 1)


def _window(image: Tensor) -> int:
    """An odd number of pixels."""
    return max(3, round(_BLUR * min(image.shape[2:])) // 2 * 2 + 1)


def _mean(values: Tensor, where: Tensor) -> Tensor:
    """The mean of values (N, H, W) in a region, image by image, over images."""
    return ((values * where).sum((1, 2)) / where.sum((1, 2)).clamp(min=1)).mean()
