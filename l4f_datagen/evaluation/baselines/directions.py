"""Latent directions along which foreground and background differ in brightness: masks from a generator alone.

Two published ways to one: Voynov, Morozov and Babenko ("Big GANs Are Watching You", 2020) find a direction among those
that are there, and compare G(z + h) with G(z). Melas-Kyriazi et al. (ICLR 2022) optimise two of them, one that makes
images dark and one that makes them bright while edges stay, and compare these. Here the directions are those of the
last third of w+, whose layers colour what earlier ones have shaped; with all layers masks were far worse.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import torch
from torch import Tensor

from ... import weights
from ...editing import directions
from ...generation import latents
from ...generation.models import Models
from ...networks.inference import InferenceGenerator
from ...projection.models import spread_of
from ...seeding import normal
from ...settings import EvaluateAlphaSettings
from .images import BORDER, CENTRE

_SAMPLES = 8
"""Images that a direction is judged by."""
_PER_GROUP = 5
"""Directions of each kind that are looked at for a group of layers, the first ones."""
_DEVIATIONS = 4.0
"""How far codes are moved along a direction that is there, in its own standard deviations."""
_STEPS, _BATCH, _RATE = 20, 4, 0.2
"""Adam's steps for each of the two directions, no more than samples are measured; images per step; its rate."""
_FAR = 1.0
"""Length of an optimised direction per layer, in standard deviations of w."""
_EDGES = 100.0
"""Weight of edges that change, where brightness has 1."""
_LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Comparison:
    """Two moves of codes: foreground is what one makes brighter than the other."""

    brighter: Tensor
    """Added to w+, (num_ws, w_dim)."""
    darker: Tensor | None
    """The same; None: the image as it is."""
    inverted: bool
    """Whether the background is what becomes brighter."""
    relative: bool = False
    """Whether both sides become brighter, one more than the other: Otsu's threshold parts them, not zero."""

    def masks(self, w: Tensor, image: Tensor, draw: Callable[[Tensor], Tensor]) -> Tensor:
        """Masks uint8 (N, H, W) of images (N, 3, H, W) of codes w (N, w_dim); ``draw`` draws others."""
        moved = draw(w[:, None] + self.brighter)
        other = image if self.darker is None else draw(w[:, None] + self.darker)
        difference = brightness(moved) - brightness(other)
        if self.relative:
            difference = centred(difference)
        return ((difference > 0) ^ self.inverted).to(torch.uint8)


def brightness(image: Tensor) -> Tensor:
    """Images (N, 3, H, W), nominally [-1, 1] → their luma (N, H, W) in [0, 1]."""
    return ((image.clamp(-1, 1) + 1) / 2 * image.new_tensor(_LUMA)[:, None, None]).sum(1)


def centred(difference: Tensor) -> Tensor:
    """Differences (N, H, W) less Otsu's threshold of each image, in 256 steps of its range."""
    low, high = difference.amin((1, 2), keepdim=True), difference.amax((1, 2), keepdim=True)
    steps = ((difference - low) / (high - low).clamp(min=1e-12) * 255).to(torch.uint8).cpu().numpy()
    cuts = [cv2.threshold(one, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[0] for one in steps]
    return difference - low - (high - low) * (difference.new_tensor(cuts)[:, None, None] + 0.5) / 255


@torch.no_grad()
def found(settings: EvaluateAlphaSettings, models: Models) -> Comparison:
    """The best of SeFa's and GANSpace's directions, all layers, the middle or the last third of them, by ``parted``."""
    generator = models.generator
    w = _codes(settings, generator, "baseline-directions", range(_SAMPLES))
    before = brightness(generator.synthesize(w).image)
    best, chosen = -math.inf, None
    for move in _candidates(settings, generator):
        score, inverted = parted(brightness(generator.synthesize(w[:, None] + move).image) - before)
        if score > best:
            best, chosen = score, Comparison(move, None, inverted)
    assert chosen is not None, "every generator has directions"
    return chosen


def parted(difference: Tensor) -> tuple[float, bool]:
    """How well differences of brightness (N, H, W) part images into two, and whether what darkens is the foreground.

    The product of two means over the images: the share of the variance that lies between both sides (as Otsu's
    threshold has it), and by how much a side's share of the centre exceeds that of the margin.
    """
    mask = difference > 0
    share = mask.float().mean((1, 2))
    total = difference.sum((1, 2))
    above = (difference * mask).sum((1, 2))
    pixels = mask[0].numel()
    gap = above / (share * pixels).clamp(min=1) - (total - above) / ((1 - share) * pixels).clamp(min=1)
    between = share * (1 - share) * gap.square() / difference.var((1, 2), correction=0).clamp(min=1e-12)
    height, width = mask.shape[1:]
    rows, columns = (slice(round(CENTRE * side), round((1 - CENTRE) * side)) for side in (height, width))
    y, x = max(1, round(BORDER * height)), max(1, round(BORDER * width))
    inside = mask[:, y : height - y, x : width - x].float()
    margin = (share * pixels - inside.sum((1, 2))) / (pixels - inside[0].numel())
    central = float((mask[:, rows, columns].float().mean((1, 2)) - margin).mean())
    return float(between.mean()) * abs(central), central < 0


def optimised(settings: EvaluateAlphaSettings, models: Models) -> Comparison:
    """Two moves that make images bright and dark and keep their edges; which side is foreground, by ``parted``."""
    generator = models.generator
    bright, dark = (_optimised(settings, generator, sign) for sign in (1.0, -1.0))
    w = _codes(settings, generator, "baseline-directions", range(_SAMPLES))
    with torch.no_grad():
        moved, other = (brightness(generator.synthesize(w[:, None] + move).image) for move in (bright, dark))
    return Comparison(bright, dark, parted(centred(moved - other))[1], relative=True)


def _optimised(settings: EvaluateAlphaSettings, generator: InferenceGenerator, sign: float) -> Tensor:
    """A move (num_ws, w_dim), its layers of one length, that makes images as bright (1) or dark (−1) as can be."""
    shape = (generator.architecture.num_ws, generator.architecture.w_dim)
    length = _FAR * spread_of(generator) * math.sqrt(shape[1])
    last = torch.arange(shape[0], device=generator.w_avg.device)[:, None] >= 2 * shape[0] // 3
    with torch.inference_mode(False), torch.enable_grad():
        free = normal(shape, settings.seed, "baseline-optimised", range(1))[0].to(generator.w_avg.device)
        free.requires_grad_(True)
        adam = torch.optim.Adam([free], lr=_RATE)

        def move() -> Tensor:
            return length * last * free / free.norm(dim=1, keepdim=True)

        for step in range(min(_STEPS, settings.n)):
            w = _codes(settings, generator, "baseline-optimised", range(step * _BATCH, (step + 1) * _BATCH))
            with torch.no_grad():
                before = brightness(generator.synthesize(w).image)
            after = brightness(generator.synthesize(w[:, None] + move()).image)
            change = after - before
            edges = torch.diff(change, dim=-1).square().mean() + torch.diff(change, dim=-2).square().mean()
            loss = -sign * after.mean() + _EDGES * edges
            adam.zero_grad()
            loss.backward()
            adam.step()
        return move().detach()


def _candidates(settings: EvaluateAlphaSettings, generator: InferenceGenerator) -> Iterator[Tensor]:
    """Moves (num_ws, w_dim), each direction both ways."""
    layers, trainable = generator.architecture.num_ws, weights.load_generator(settings.generator)
    components = directions.pca(trainable)
    for group in (range(layers), range(layers // 3, 2 * layers // 3), range(2 * layers // 3, layers)):
        for kind in (directions.sefa(trainable, group), components):
            for vector, deviation in list(zip(kind.vectors, kind.deviations))[:_PER_GROUP]:
                move = torch.zeros(layers, len(vector))
                move[list(group)] = _DEVIATIONS * deviation * vector
                move = move.to(generator.w_avg.device)
                yield from (move, -move)


def _codes(settings: EvaluateAlphaSettings, generator: InferenceGenerator, stream: str, indices: range) -> Tensor:
    """Codes w (N, w_dim) of a stream that no measurement draws from."""
    psi = max(settings.psi)
    with torch.no_grad():
        return latents.draw_w(generator, seed=settings.seed, stream=stream, indices=indices, psi=psi)
