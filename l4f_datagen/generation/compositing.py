"""Foreground, background and alpha → composite (equation 1 of Labels4Free), and the alpha as it is stored."""

import torch
from torch import Tensor


def composite(alpha: Tensor, foreground: Tensor, background: Tensor) -> Tensor:
    """Blend: I = A(z)·G(z) + (1 − A(z))·G_bg(z′), equation 1 of Labels4Free.

    Args:
        alpha: (N, 1, H, W) in [0, 1].
        foreground, background: (N, 3, H, W).
    """
    return torch.lerp(background, foreground, alpha)


def alpha_to_uint8(alpha: Tensor) -> Tensor:
    """Alpha (N, 1, H, W) in [0, 1] → round(255·alpha), uint8 (N, H, W)."""
    return alpha[:, 0].mul(255).round_().to(torch.uint8)
