"""What several segmenters say of an image and of its mirrored and scaled copies, and how far they agree."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ....masks import IGNORED
from ....networks.pixels import image_from_uint8
from ....networks.segmenter import Segmenter, foreground_alpha

_VIEWS = ((False, 1.0), (True, 1.0), (False, 0.75), (True, 1.25))
"""Copies of an image that every network looks at: whether it is mirrored, and by what its sides are multiplied."""
VIEWED = sum(scale**2 for _, scale in _VIEWS)
"""Pixels of these copies, over those of the image."""
_UNSURE = 0.2
"""A pixel whose mean probability is closer to one half than this is ignored in a label."""
_AT_ONCE = 32


@dataclass(frozen=True)
class Votes:
    """What the networks say of N images of one size."""

    probability: np.ndarray
    """Mean probability of the foreground over networks and views: float32 (N, H, W) in [0, 1]."""
    agreement: np.ndarray
    """Mean over networks and views of the mIoU between their mask and that of the mean: (N,), 1 where all are equal.

    It is 0 where the mean's mask is empty or all foreground: on such a mask everybody agrees, and nothing is learned.
    """

    @property
    def labels(self) -> np.ndarray:
        """Masks uint8 (N, H, W): 1 foreground, 0 background, 255 where the networks are not sure."""
        mask = (self.probability > 0.5).astype(np.uint8)
        mask[np.abs(self.probability - 0.5) < _UNSURE] = IGNORED
        return mask


@torch.inference_mode()
def vote(networks: Sequence[Segmenter], images: np.ndarray) -> Votes:
    """Ask every network about every image.

    Args:
        networks: in evaluation mode, on one device.
        images: RGB uint8 (N, H, W, 3).
    """
    device = next(networks[0].parameters()).device
    parts = []
    for start in range(0, len(images), _AT_ONCE):
        batch = image_from_uint8(torch.from_numpy(np.ascontiguousarray(images[start : start + _AT_ONCE])).to(device))
        parts.append(_of_batch(torch.stack([*_views(networks, batch)])))
    probability, agreement = (torch.cat(column).cpu().numpy() for column in zip(*parts))
    return Votes(probability, agreement)


def _views(networks: Sequence[Segmenter], images: Tensor) -> Iterator[Tensor]:
    """Probabilities of the foreground (N, H, W) by each network from each view, laid back upon the image."""
    size = images.shape[2:]
    for mirrored, scale in _VIEWS:
        seen = images.flip(3) if mirrored else images
        if scale != 1:
            sides = [max(8, round(scale * side)) for side in size]
            seen = F.interpolate(seen, size=sides, mode="bilinear", align_corners=False, antialias=True)
        for network in networks:
            found = foreground_alpha(network(seen), network.foreground)
            if scale != 1:
                found = F.interpolate(found[:, None], size=size, mode="bilinear", align_corners=False)[:, 0]
            yield found.flip(2) if mirrored else found


def _of_batch(votes: Tensor) -> tuple[Tensor, Tensor]:
    """Probabilities (V, N, H, W) of V voters → their mean (N, H, W), and how far each image's voters agree (N,)."""
    mean = votes.mean(0)
    whole = mean > 0.5
    agreement = miou(votes > 0.5, whole[None]).mean(0)
    share = whole.float().mean((1, 2))
    return mean, torch.where((share > 0) & (share < 1), agreement, 0.0)


def miou(one: Tensor, other: Tensor) -> Tensor:
    """Mean IoU of foreground and background of masks (…, H, W), bool, which broadcast: (…)."""
    inside = (one & other).sum((-2, -1)) / (one | other).sum((-2, -1)).clamp(min=1)
    outside = (~one & ~other).sum((-2, -1)) / (~one | ~other).sum((-2, -1)).clamp(min=1)
    return (inside + outside) / 2
