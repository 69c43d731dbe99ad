"""Images sampled along affine grids, differentiable twice, as the R1 penalty needs it."""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

_BICUBIC, _REFLECTION = 2, 2
"""Numbers of the modes in torch's operators."""


def warp(images: Tensor, matrices: Tensor, sampling: int) -> Tensor:
    """Images moved by affine maps; beyond their edges they are mirrored.

    Args:
        images: (N, 3, H, W).
        matrices: (N, 3, 3), place in the result → place in the image, both in [-1, 1] from edge to edge.
        sampling: samples per pixel along each axis, of which the mean is taken.
    """
    count, channels, height, width = images.shape
    theta = matrices[:, :2].to(images)
    shape = [count, channels, height * sampling, width * sampling]
    grid = F.affine_grid(theta, shape, align_corners=False)
    sampled = _Sampled.apply(images, grid)
    return F.avg_pool2d(sampled, sampling) if sampling > 1 else sampled


class _Sampled(torch.autograd.Function):
    """grid_sample is linear in the image, yet torch does not differentiate its gradient; this does, by that."""

    @staticmethod
    def forward(ctx, images: Tensor, grid: Tensor) -> Tensor:
        ctx.save_for_backward(grid)
        ctx.shape = images.shape
        return F.grid_sample(images, grid, mode="bicubic", padding_mode="reflection", align_corners=False)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        (grid,) = ctx.saved_tensors
        return _Spread.apply(gradient, grid, ctx.shape), None


class _Spread(torch.autograd.Function):
    """The transpose of ``_Sampled``."""

    @staticmethod
    def forward(ctx, values: Tensor, grid: Tensor, shape: torch.Size) -> Tensor:
        ctx.save_for_backward(grid)
        images = values.new_empty(1).expand(shape)  # its values do not matter: the operator is linear in it
        spread, _ = torch.ops.aten.grid_sampler_2d_backward(
            values, images, grid, _BICUBIC, _REFLECTION, False, [True, False]
        )
        return spread

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None]:
        (grid,) = ctx.saved_tensors
        return _Sampled.apply(gradient, grid), None, None
