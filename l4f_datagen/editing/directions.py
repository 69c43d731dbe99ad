"""Directions in a generator's codes that were found without any label: SeFa and GANSpace."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ..networks.stylegan2 import Generator
from ..seeding import normal

DRAWS = 10_000
"""How many codes w the principal components and the deviations along directions are taken of."""
_DRAWS_AT_ONCE = 1000
_STREAM = "directions"


class Directions(NamedTuple):
    """Directions, the one that matters most first."""

    vectors: Tensor
    """(K, w_dim) float32 on the CPU, of length 1; the largest component of each is positive."""
    deviations: Tensor
    """(K): standard deviation of w along each."""
    values: Tensor
    """(K): what they are ordered by; for SeFa an eigenvalue of the weights, for PCA the variance of w."""


def sefa(generator: Generator, layers: Sequence[int]) -> Directions:
    """Directions along which the styles of some layers change most (Shen & Zhou 2021, closed-form factorisation).

    They are the eigenvectors of AᵀA, where A holds the weights (outputs, w_dim) of the layers' affine maps, each row
    of length 1 as in the authors' code.

    Args:
        layers: indices of w+.
    """
    rows = torch.cat([affine_weight(generator, layer) for layer in layers]).cpu().double()
    rows = rows / rows.norm(dim=1, keepdim=True).clamp_min(1e-12)
    values, vectors = torch.linalg.eigh(rows.t() @ rows)
    vectors = _positive(vectors.t().flip(0))
    return Directions(vectors.float(), deviations(generator, vectors), values.flip(0).float())


def pca(generator: Generator) -> Directions:
    """Principal components of w (Härkönen et al. 2020, GANSpace), over ``DRAWS`` codes that are always the same."""
    codes = _codes(generator)
    values, vectors = torch.linalg.eigh(torch.cov(codes.t()))
    values = values.flip(0).clamp_min(0)
    return Directions(_positive(vectors.t().flip(0)).float(), values.sqrt().float(), values.float())


def deviations(generator: Generator, vectors: Tensor) -> Tensor:
    """Standard deviation of w along vectors (K, w_dim) of length 1: (K)."""
    return (_codes(generator) @ vectors.double().t()).std(0).float()


def affine_weight(generator: Generator, layer: int) -> Tensor:
    """The weight (outputs, w_dim) that makes a styled convolution's style of the code of its layer.

    The last code of w+ has no convolution; its weight is the last ToRGB's.
    """
    convolutions = generator.styled()
    return (convolutions[layer] if layer < len(convolutions) else generator.colours()[-1]).affine_weight


@torch.no_grad()
def _codes(generator: Generator) -> Tensor:
    """``DRAWS`` codes w without truncation, (DRAWS, w_dim) float64 on the CPU."""
    device, parts = generator.w_avg.device, []
    for start in range(0, DRAWS, _DRAWS_AT_ONCE):
        z = normal((generator.architecture.z_dim,), 0, _STREAM, range(start, start + _DRAWS_AT_ONCE))
        parts.append(generator.map(z.to(device)).cpu().double())
    return torch.cat(parts)


def _positive(vectors: Tensor) -> Tensor:
    """Vectors (K, w_dim) with signs such that the largest component of each is positive."""
    largest = vectors.gather(1, vectors.abs().argmax(1, keepdim=True))
    return vectors * largest.sign()
