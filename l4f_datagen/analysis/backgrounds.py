"""Which layer draws the foreground: the gradient analysis of Labels4Free (3.2), and what switching off does."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..generation import latents
from ..networks.inference import freeze
from ..networks.stylegan2 import Generator
from ..networks.synthesis import SwitchedOff, Synthesis
from .crops import Crops, open_crops
from .probes import FIRST_LAYERS, layer_names, recorded_activations, switched_off

logger = logging.getLogger(__name__)

CLEARLY_CLOSER = 0.9
"""The constant is switched off only if that leaves less than this share of the distance to the background."""


@dataclass(frozen=True, kw_only=True)
class BackgroundAnalysis:
    """Numbers per layer, in the order of ``layers``; means over samples."""

    layers: tuple[str, ...]
    gradient: tuple[float, ...]
    """Sum over channels of the norm of the gradient of ‖G(w, n) − x‖²; the paper's measure."""
    effect: tuple[float, ...]
    """The same of gradient times activation."""
    distance: tuple[float, ...]
    """Mean squared distance to x when the layer is switched off."""
    untouched_distance: float
    """Mean squared distance of the samples themselves to x."""
    strongest: str
    """The layer with the largest effect."""
    switched_off: SwitchedOff
    """Which of the layers that can be switched off gives the backgrounds."""


def analyze_backgrounds(
    generator: Generator,
    *,
    n: int = 64,
    psi: float = 1.0,
    seed: int = 0,
    batch_size: int = 8,
    crops: str = "auto",
) -> BackgroundAnalysis:
    """Ask which layer would have to change most for samples to become plain background.

    The target x of a sample is plain background: a crop of its own, resized to full size, or as ``crops`` say. Two
    measures per layer: the paper's, from the gradient with respect to the activations; and the gradient times the
    activations, the first-order effect of making them smaller. The second does not depend on how
    scale is divided between a layer's activations and the weights that follow, and is what names the
    strongest layer. A warning is logged when that is none of the two first ones, which are what can
    be switched off.

    Args:
        n: samples, which depend on (seed, index) only.
        psi: truncation.
        crops: as ``open_crops`` has them.

    Raises:
        UserError: there are no such crops.
    """
    names, frozen = layer_names(generator), freeze(generator)
    given = open_crops(crops, frozen.architecture.size)
    sums = torch.zeros(4, len(names), dtype=torch.float64)
    for start in range(0, n, batch_size):
        indices = range(start, min(start + batch_size, n))
        w, image, target = samples_and_targets(frozen, indices, psi=psi, seed=seed, crops=given)
        gradient, effect = _gradients(frozen, w, target)
        distance = torch.stack([_distance(without(frozen, w, layer), target) for layer in names])
        untouched = _distance(image, target).expand(len(names))
        sums = sums + torch.stack((gradient, effect, distance, untouched)).cpu().double()
    gradient, effect, distance, untouched = (sums / n).tolist()
    strongest = names[effect.index(max(effect))]
    if strongest not in FIRST_LAYERS:
        logger.warning(
            "the strongest layer is %s: switching off %s may leave traces of the foreground", strongest, FIRST_LAYERS[1]
        )
    return BackgroundAnalysis(
        layers=names,
        gradient=tuple(gradient),
        effect=tuple(effect),
        distance=tuple(distance),
        untouched_distance=untouched[0],
        strongest=strongest,
        switched_off=decide(dict(zip(names, distance))),
    )


def decide(distance: dict[str, float]) -> SwitchedOff:
    """The layer to switch off, from the distances to the background that are left.

    The paper takes the constant and the first styled convolution for one layer, and the published code
    zeroes the convolution's output but for one network. So does this, unless zeroing the constant
    comes clearly closer.
    """
    constant, first_convolution = (distance[layer] for layer in FIRST_LAYERS)
    return "constant" if constant < CLEARLY_CLOSER * first_convolution else "first_convolution"


def samples_and_targets(
    generator: Synthesis, indices: Sequence[int], *, psi: float, seed: int, crops: Crops
) -> tuple[Tensor, Tensor, Tensor]:
    """Codes (N, w_dim) of samples, the samples, and plain backgrounds for them, both (N, 3, H, W)."""
    w = latents.draw_w(generator, seed=seed, stream="foreground", indices=indices, psi=psi)
    with torch.no_grad():
        image = generator.synthesize(w).image
    return w, image, crops(image, indices)


@torch.no_grad()
def without(generator: Synthesis, w: Tensor, layer: str) -> Tensor:
    """Images (N, 3, H, W) of codes w with one layer switched off."""
    return switched_off(generator, layer).synthesize(w).image


def _gradients(generator: Synthesis, w: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Per layer, (layers,): sums over samples and channels of the norms of gradient and gradient times activation."""
    probed, activations = recorded_activations(generator)
    with torch.enable_grad():
        loss = (probed.synthesize(w).image - target).square().sum()
        gradients = torch.autograd.grad(loss, activations)
    norms = [g.flatten(2).norm(dim=2).sum() for g in gradients]
    effects = [(g * a.detach()).flatten(2).norm(dim=2).sum() for g, a in zip(gradients, activations)]
    return torch.stack(norms), torch.stack(effects)


def _distance(image: Tensor, target: Tensor) -> Tensor:
    """Mean squared distance per value, summed over samples."""
    return (image - target).square().mean((1, 2, 3)).sum()
