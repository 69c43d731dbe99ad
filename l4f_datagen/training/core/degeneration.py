"""Masks that have degenerated: how one knows, and which setting counters it."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

EMPTY, FULL = 0.01, 0.97
"""Share of foreground below or above which all masks are 0 or 1."""
UNDECIDED = 0.6
"""Decisiveness, mean |2M − 1|, below which masks are not decisive."""
EQUAL = 0.02
"""Mean difference between two samples' masks below which they are all the same."""


class MaskStatistics(NamedTuple):
    """Scalars over a batch of masks, all in [0, 1]."""

    area: Tensor
    """Mean of M."""
    decisiveness: Tensor
    """Mean of |2M − 1|."""
    variety: Tensor
    """Mean |M_i − M_j| over pixels and neighbours in the batch."""


def statistics(alpha: Tensor) -> MaskStatistics:
    """Measure a batch of masks, alpha (N, 1, H, W); the variety of a single one cannot be measured and counts as 1."""
    variety = (alpha - alpha.roll(1, 0)).abs().mean() if alpha.shape[0] > 1 else torch.ones((), device=alpha.device)
    return MaskStatistics(alpha.mean(), (2 * alpha - 1).abs().mean(), variety)


def verdict(measured: Mapping[str, float]) -> str | None:
    """What is wrong with masks of these statistics and what counters it; None if nothing is.

    Args:
        measured: ``area``, ``decisiveness`` and ``variety``, averaged over some steps.
    """
    area, decisiveness, variety = (measured[name] for name in MaskStatistics._fields)
    if area > FULL:
        return f"masks are all foreground ({area:.0%} of the pixels): raise lambda_3 or phi_2, or lower lambda_4"
    if area < EMPTY:
        return f"masks are all background ({area:.1%} foreground): raise lambda_2 or phi_1, or lower lambda_3"
    if decisiveness < UNDECIDED:
        return (
            f"masks are not decisive (mean |2M − 1| {decisiveness:.2f}): raise lambda_1; if they do not move at all, "
            "raise alpha_learning_rate or adversarial_weight"
        )
    if variety < EQUAL:
        return (
            f"masks are equal for every sample (mean difference {variety:.3f}): raise adversarial_weight, lower "
            "lambda_1, or take another first_resolution"
        )
    return None
