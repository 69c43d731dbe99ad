"""Samples whose masks segmenters contradict: wrong ones are left out, hard ones count more."""

from collections.abc import Sequence

import numpy as np
import torch

from ....masks import IGNORED
from ....networks.segmenter import Segmenter
from ....progress.state import Counted
from ...core.loop import Count
from ..augmentation import centre_crop
from ..batches import Part
from .labels import MOST_JUDGED
from .votes import miou, vote

WRONG, HARD = 0.0, 1.5
"""What the loss of such a sample is multiplied with."""
_DEVIATIONS = 4.0
"""A mask is wrong if segmenters that agree are further from it than the median by so many median deviations …"""
_LEAST_GAP = 0.1
"""… and by so much mIoU."""
_AT_ONCE = 64
_THINGS = "samples judged"


def judge(networks: Sequence[Segmenter], part: Part, *, least: float, count: Count) -> dict[str, float]:
    """Weights of a source's samples, by key; samples that weigh 1 are left out.

    Two kinds of sample have a high loss. Where the segmenters agree with each other and not with the mask, the mask is
    taken for wrong. Where they do not agree with each other, the sample is hard, and worth more than another one.

    Args:
        least: agreement from which segmenters agree.
    """
    keys, fits, agreements = [], [], []
    judged = min(len(part.indices), MOST_JUDGED)
    for start in range(0, judged, _AT_ONCE):
        count(Counted(start, judged, _THINGS))
        chosen = range(start, min(start + _AT_ONCE, judged))
        read = [centre_crop(one, part.size) for one in part.read_all([(index, False) for index in chosen])]
        votes = vote(networks, np.stack([one.image for one in read]))
        masks = torch.from_numpy(np.stack([one.mask for one in read]))
        means = torch.from_numpy(votes.probability > 0.5)
        known = masks != IGNORED
        fits += miou((masks == 1) & known, means & known).tolist()
        agreements += votes.agreement.tolist()
        keys += [part.source.keys[part.indices[index]] for index in chosen]
    count(Counted(judged, judged, _THINGS))
    return _weights(keys, np.array(fits), np.array(agreements) >= least)


def _weights(keys: Sequence[str], fits: np.ndarray, agreed: np.ndarray) -> dict[str, float]:
    """Weights by key, of the mIoU between the mask and the segmenters' mean, and of whether these agree."""
    if not agreed.any():  # then all are hard alike
        return {}
    middle = float(np.median(fits[agreed]))
    deviation = float(np.median(np.abs(fits[agreed] - middle)))
    bound = middle - max(_LEAST_GAP, _DEVIATIONS * deviation)
    weights = np.where(agreed, np.where(fits < bound, WRONG, 1.0), HARD)
    return {key: float(weight) for key, weight in zip(keys, weights, strict=True) if weight != 1}
