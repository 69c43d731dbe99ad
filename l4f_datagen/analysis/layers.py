"""Which resolutions shape the image: the ToRGB-noise analysis of Labels4Free (3.1)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import UserError
from ..generation import latents
from ..networks import ops
from ..networks.inference import freeze
from ..networks.stylegan2 import Generator
from ..networks.synthesis import Synthesis
from ..seeding import normal
from .probes import recorded_rgb
from .similarity import WINDOW, ssim

MARKED_DROP = 0.2
"""A resolution's mean SSIM is markedly below the one before it when that is higher by this share or more.

In the paper's FFHQ example the 3rd resolution's is about 0.25 higher than the 4th's.
"""


@dataclass(frozen=True, kw_only=True)
class LayerAnalysis:
    """Mean SSIM per resolution, and what follows."""

    resolutions: tuple[int, ...]
    """4, 8, …, coarse to fine; those of rectangular images go by the same names."""
    similarity: tuple[float, ...]
    """Mean SSIM, per resolution, between samples and the same with noise for that resolution's ToRGB output."""
    deviation: tuple[float, ...]
    """Standard deviation of the SSIM over the samples."""
    first_resolution: int
    """The coarsest resolution whose features an alpha network should see."""


def first_resolution(generator: Generator, *, n: int = 64, psi: float = 1.0, seed: int = 0, batch_size: int = 8) -> int:
    """The coarsest resolution whose features an alpha network should see; see ``analyze_layers``."""
    return analyze_layers(generator, n=n, psi=psi, seed=seed, batch_size=batch_size).first_resolution


def analyze_layers(
    generator: Generator, *, n: int = 64, psi: float = 1.0, seed: int = 0, batch_size: int = 8
) -> LayerAnalysis:
    """Put N(0, I) noise in place of one resolution's ToRGB output, and compare with the untouched sample.

    A high mean SSIM says that a resolution matters little.

    Args:
        n: samples; they and the noise depend on (seed, index) only.
        psi: truncation.

    Raises:
        UserError: the generator's images are too small to compare.
    """
    if min(generator.architecture.size) < WINDOW:
        raise UserError(
            "generator",
            got=f"one of {generator.architecture.pixels}",
            expected=f"images of at least {WINDOW} px, the window of SSIM",
            remedy="name the first resolution yourself",
        )
    resolutions = tuple(4 << level for level in range(len(generator.architecture.channels)))
    frozen = freeze(generator)
    values = []
    for start in range(0, n, batch_size):
        image, *noised = images_with_noise(frozen, range(start, min(start + batch_size, n)), psi=psi, seed=seed)
        values.append(torch.stack([ssim(changed, image) for changed in noised], 1))
    values = torch.cat(values).cpu().double()  # (n, resolutions)
    means = values.mean(0).tolist()
    return LayerAnalysis(
        resolutions=resolutions,
        similarity=tuple(means),
        deviation=tuple(values.std(0, correction=0).tolist()),
        first_resolution=decide(resolutions, means),
    )


def decide(resolutions: Sequence[int], similarity: Sequence[float]) -> int:
    """The first resolution to keep: the coarsest whose mean SSIM is markedly below the one before it.

    Up to there each resolution matters as little as the one before, and is dropped. Where none is marked, all
    matter alike and all are kept but 4×4, which has one map of features where an alpha network's level has two. At
    least the two finest are kept: an alpha network has two levels.
    """
    for level in range(1, len(resolutions) - 1):
        if similarity[level - 1] - similarity[level] >= MARKED_DROP * abs(similarity[level]):
            return resolutions[level]
    return resolutions[min(1, len(resolutions) - 1)]


@torch.no_grad()
def images_with_noise(generator: Synthesis, indices: Sequence[int], *, psi: float, seed: int) -> list[Tensor]:
    """Samples, then the same with noise for the ToRGB output of 4×4, of 8×8, …: each (N, 3, H, W) in [-1, 1]."""
    w = latents.draw_w(generator, seed=seed, stream="foreground", indices=indices, psi=psi)
    probed, rgb = recorded_rgb(generator)
    images = [probed.synthesize(w).image]
    for level, output in enumerate(rgb):
        noise = normal(output.shape[1:], seed, f"rgb-noise-{output.shape[-1]}", indices).to(output)
        images.append(add_up([*rgb[:level], noise, *rgb[level + 1 :]]))
    return [image.clamp(-1, 1) for image in images]


def add_up(rgb: Sequence[Tensor]) -> Tensor:
    """The image of ToRGB outputs, coarse to fine: each is up-sampled and added to the next (skip architecture)."""
    image = rgb[0]
    for output in rgb[1:]:
        image = ops.upsample_image(image) + output
    return image
