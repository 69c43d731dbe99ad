"""Pixels as files hold them, 0 … 255, and as networks see them, [-1, 1]."""

import torch
from torch import Tensor


def to_range(values: Tensor) -> Tensor:
    """uint8 of any shape → float32 in [-1, 1]."""
    return values.float().div_(127.5).sub_(1)


def image_from_uint8(image: Tensor) -> Tensor:
    """RGB uint8 (N, H, W, 3) → (N, 3, H, W) float32 in [-1, 1]."""
    return to_range(image.permute(0, 3, 1, 2))


def image_to_uint8(image: Tensor) -> Tensor:
    """Image (N, 3, H, W), nominally [-1, 1] → RGB uint8 (N, H, W, 3), clamped."""
    return image.permute(0, 2, 3, 1).mul(127.5).add_(127.5).round_().clamp_(0, 255).to(torch.uint8)
