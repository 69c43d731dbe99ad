"""Foreground, background and alpha → composite and mask (eq. 1 of Labels4Free)."""

import torch
from torch import Tensor


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


def image_to_uint8(image: Tensor) -> Tensor:
    """Image (N, 3, H, W), nominally [-1, 1] → RGB uint8 (N, H, W, 3), clamped."""
    return image.permute(0, 2, 3, 1).mul(127.5).add_(127.5).round_().clamp_(0, 255).to(torch.uint8)


def image_from_uint8(image: Tensor) -> Tensor:
    """RGB uint8 (N, H, W, 3) → (N, 3, H, W) float32 in [-1, 1]."""
    return image.permute(0, 3, 1, 2).float().div_(127.5).sub_(1)
