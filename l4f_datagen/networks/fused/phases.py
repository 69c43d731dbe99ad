"""A doubling layer as one convolution at the resolution that it starts from."""

import torch
from torch import Tensor

_TAPS = (0.25, 0.75, 0.75, 0.25)
"""The FIR filter of up-sampling along one axis, gain 2 in it."""


def folded(weight: Tensor) -> Tensor:
    """The transposed 3×3 convolution of stride 2 and the 4×4 filter behind it as one 3×3 convolution, exactly.

    A doubled image has four phases: even and odd rows and columns. Each pixel of a phase sees 3×3 pixels of the small
    image. So one convolution with four times the outputs gives all of them, and no filter has to pass over the image.

    Args:
        weight: (O, I, 3, 3), of a convolution as published: the transposed one takes it with I and O exchanged.

    Returns:
        (4·O, I, 3, 3); output (2·p + q)·O + o is channel o at rows 2·i + p and columns 2·j + q.
    """
    along = torch.zeros(2, 3, 3, dtype=weight.dtype, device=weight.device)
    for phase in range(2):
        for offset in range(3):  # of the small image's pixel, less one
            for tap in range(3):  # of the 3×3 weight
                place = tap - phase + 1 + 2 * (offset - 1)  # in the filter
                if 0 <= place < len(_TAPS):
                    along[phase, offset, tap] = _TAPS[place]
    return torch.einsum("pea,qfb,oiab->pqoief", along, along, weight).flatten(0, 2)


def spread(phases: Tensor) -> Tensor:
    """Phases side by side (N, 4·O, h, w), in the order of ``folded`` → the doubled image (N, O, 2h, 2w)."""
    count, channels, height, width = phases.shape
    apart = phases.view(count, 2, 2, channels // 4, height, width)
    return apart.permute(0, 3, 4, 1, 5, 2).reshape(count, channels // 4, 2 * height, 2 * width)
