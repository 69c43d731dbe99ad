"""All that a layer does after its convolution, and what ToRGB and the alpha network read of it, as one step.

``run`` is that step in plain torch; ``kernels.run`` is the same as one pass of a Triton kernel.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .. import ops
from .phases import spread


@dataclass(frozen=True, kw_only=True)
class Colours:
    """What a ToRGB layer does with the features of its resolution."""

    weight: Tensor
    """(3, C)."""
    bias: Tensor
    """(3)."""
    style: Tensor
    """(N, C)."""
    before: Tensor | None
    """The image so far, (N, 3, H/2, W/2), which is up-sampled and added; None at the coarsest resolution."""


@dataclass(frozen=True, kw_only=True)
class Reduction:
    """One of the alpha network's 1×1 convolutions to three maps."""

    weight: Tensor
    """(3, C)."""
    bias: Tensor
    """(3)."""
    out: Tensor
    """Where the maps go, (A, 3, H, W), of the first A samples of the batch; rows lie anyhow, pixels side by side."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One layer after its convolution, C outputs at H×W pixels."""

    up: bool
    """Whether the convolution gives the four phases of a doubled image."""
    scale: Tensor
    """Demodulation with all gains, (N, C)."""
    bias: Tensor
    """(C)."""
    noise: Tensor | None
    """(1, H, W), the same for all samples, or (N, H, W)."""
    clamp: float | None
    live: int
    """From this sample on features are zero: backgrounds, where the first layer is switched off."""
    following: Tensor | None
    """The next layer's style, (N, C); None for the last layer, whose features nothing convolves."""
    colours: Colours | None
    reduction: Reduction | None


class Result(NamedTuple):
    """What goes on from a layer."""

    x: Tensor | None
    """Input of the next convolution, (N, C, H, W), its style in it."""
    image: Tensor | None
    """(N, 3, H, W) with this resolution's colours; None where the layer has no ToRGB."""


def run(y: Tensor, step: Step, overflowed: Tensor) -> Result:
    """Take the convolution's result y, (N, C, H, W) or phases (N, 4·C, H/2, W/2), to the next one's input.

    Args:
        overflowed: a flag, (1,) int32; set to 1 where a number has left the range of the type of ``y``.
    """
    # In float32 at least, whatever the convolution computes in.
    v = ops.at_least_float32(spread(y) if step.up else y)
    v = v * step.scale[:, :, None, None] + step.bias[:, None, None]
    if step.noise is not None:
        v = v + step.noise[:, None]
    finite = torch.isfinite(v).all()
    v = F.leaky_relu(v, ops.LEAKY_SLOPE)
    if step.clamp is not None:
        v = v.clamp(-step.clamp, step.clamp)
    if step.live < len(v):
        v[step.live :] = 0
    x = None
    if step.following is not None:
        x = (v * step.following[:, :, None, None]).to(y.dtype).contiguous(memory_format=torch.channels_last)
        finite = finite & torch.isfinite(x).all()
    overflowed.logical_or_(~finite)
    if step.reduction is not None:
        r = step.reduction
        maps = torch.einsum("nchw,sc->nshw", v[: len(r.out)], r.weight) + r.bias[:, None, None]
        r.out.copy_(maps)
    return Result(x, None if step.colours is None else _coloured(v, step.colours, step.clamp))


def _coloured(v: Tensor, colours: Colours, clamp: float | None) -> Tensor:
    weight = colours.weight * colours.style[:, None, :]
    rgb = torch.einsum("nchw,nsc->nshw", v, weight) + colours.bias[:, None, None]
    if clamp is not None:
        rgb = rgb.clamp(-clamp, clamp)
    return rgb if colours.before is None else ops.upsample_image(colours.before) + rgb
