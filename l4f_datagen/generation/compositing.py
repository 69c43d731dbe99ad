"""Foreground, background and alpha → composite and mask (eq. 1 of Labels4Free)."""

import torch
from torch import Tensor

from ..networks.pixels import image_from_uint8, image_to_uint8

__all__ = ["alpha_to_uint8", "composite", "image_from_uint8", "image_to_uint8"]


def composite(alpha: Tensor, foreground: Tensor, background: Tensor) -> Tensor:
    """I = A·G(z) + (1 − A)·G_bg(z′), eq. 1.

    Args:
        alpha: (N, 1, H, W) in [0, 1].
        foreground, background: (N, 3, H, W).
    """
    return torch.lerp(background, foreground, alpha)


def alpha_to_uint8(alpha: Tensor) -> Tensor:
    """alpha (N, 1, H, W) in [0, 1] → round(255·alpha), uint8 (N, H, W)."""
    return alpha[:, 0].mul(255).round_().to(torch.uint8)
