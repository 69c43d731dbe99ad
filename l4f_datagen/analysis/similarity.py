"""SSIM: how alike two images look."""

import torch
import torch.nn.functional as F
from torch import Tensor

WINDOW, SIGMA = 11, 1.5
"""The Gaussian window of Wang et al. 2004, in pixels."""
_K1, _K2 = 0.01, 0.03


def ssim(first: Tensor, second: Tensor, *, data_range: float = 2.0) -> Tensor:
    """Structural similarity (Wang et al. 2004, eq. 13), one number per pair: (N,), 1 for equal images.

    Means over channels and over all places where the whole window fits.

    Args:
        first, second: (N, C, H, W) float32, at least 11 pixels high and wide.
        data_range: largest value less smallest; 2 for [-1, 1].

    Raises:
        ValueError: the shapes differ or the images are smaller than the window.
    """
    if first.shape != second.shape or min(first.shape[2:]) < WINDOW:
        raise ValueError(
            f"images of shapes {tuple(first.shape)} and {tuple(second.shape)}; expected equal ones of at least "
            f"{WINDOW}×{WINDOW} pixels"
        )
    # Five local means in one filtering: of both images, of their squares and of their product.
    moments = torch.stack((first, second, first * first, second * second, first * second))
    mean_1, mean_2, square_1, square_2, product = _local_means(moments.flatten(0, 2)).unflatten(0, moments.shape[:3])
    variances = square_1 - mean_1.square() + square_2 - mean_2.square()
    covariance = product - mean_1 * mean_2
    c1, c2 = (_K1 * data_range) ** 2, (_K2 * data_range) ** 2
    luminance = (2 * mean_1 * mean_2 + c1) / (mean_1.square() + mean_2.square() + c1)
    structure = (2 * covariance + c2) / (variances + c2)
    return (luminance * structure).mean((1, 2, 3))


def _local_means(x: Tensor) -> Tensor:
    """Gaussian means where the window fits: (N, H, W) → (N, H − 10, W − 10), axis by axis."""
    offsets = torch.arange(WINDOW, dtype=x.dtype, device=x.device) - WINDOW // 2
    taps = torch.softmax(-offsets.square() / (2 * SIGMA**2), 0)
    x = F.conv2d(x[:, None], taps[None, None, :, None])
    return F.conv2d(x, taps[None, None, None, :])[:, 0]
