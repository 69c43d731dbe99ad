"""What a round of cuts is made of: generated samples, what the alpha network says of them, what their colours say."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...evaluation import criteria
from ...networks.alpha import AlphaNetwork
from ...networks.pixels import image_to_uint8
from ...overlap import ordered_map
from ...seeding import generator_for
from .cuts import cut
from .pool import BLOCK, Window

BATCH = 12
"""Samples of a step."""
AGREEING = 0.35
"""Mean IoU of alphas and their cuts below which colours know nothing of the object: such cuts are not learned."""
_THRESHOLD = 0.5


class Samples:
    """Generated samples that stay the same for a whole run: for criteria, and to be cut and learned from.

    Positions are those of a stream that adversarial steps do not see.
    """

    def __init__(self, make: Callable[[], Window], count: int):
        self._make, self.count = make, count
        self._window: Window | None = None
        self._images: dict[int, np.ndarray] = {}

    @property
    def window(self) -> Window:
        """Drawn when it is first asked for."""
        if self._window is None:
            self._window = self._make()
            self._window.slide(0)
        return self._window

    def alphas(self, networks: Sequence[AlphaNetwork], count: int) -> np.ndarray:
        """What alpha networks say of the first ``count`` samples: float32 (networks, count, H, W)."""
        rows = []
        for start in range(0, count, BLOCK):
            image, *features = self.window.get(range(start, min(start + BLOCK, count)))
            if start not in self._images:
                self._images[start] = image_to_uint8(image).cpu().numpy()
            with torch.no_grad():
                rows.append(torch.stack([network(features)[:, 0] for network in networks]).cpu().numpy())
        return np.concatenate(rows, 1)

    def images(self, count: int) -> np.ndarray:
        """The first ``count`` samples, RGB uint8 (count, H, W, 3); ``alphas`` has looked at them."""
        blocks = [self._images[start] for start in range(0, count, BLOCK)]
        return np.concatenate(blocks)[:count]

    def measure(self, networks: Sequence[AlphaNetwork], count: int) -> list[dict[str, float]]:
        """The criteria of each network's masks of the first ``count`` samples."""
        alphas = self.alphas(networks, count)
        images = self.images(count)
        return [criteria.measure(images, one) for one in alphas]


@dataclass(frozen=True)
class Round:
    """The cuts of one round."""

    cuts: Tensor
    """float32 (N, 1, H, W) in [0, 1]."""
    agreement: float
    """Mean IoU with what the alpha network said."""
    uncut: int
    """Samples whose colours allow no cut: what the alpha network said stays."""


def cut_all(samples: Samples, network: AlphaNetwork) -> Round:
    """Cut all samples where the network's alphas seed it."""
    (alphas,) = samples.alphas([network], samples.count)
    images = samples.images(samples.count)
    pairs = zip(images, alphas, strict=True)
    found = list(ordered_map(lambda pair: cut(*pair), pairs, workers=torch.get_num_threads(), ahead=16))
    cuts = np.stack([alpha if one is None else one for one, alpha in zip(found, alphas, strict=True)])
    agreement = criteria.agreement(cuts > _THRESHOLD, alphas > _THRESHOLD)
    return Round(torch.from_numpy(cuts)[:, None], agreement, sum(one is None for one in found))


def batch(samples: Samples, round_: Round, seed: int, number: int, step: int) -> tuple[list[Tensor], Tensor]:
    """Features and cuts of one step, by chance; of the round of that number."""
    random = generator_for(seed, f"cuts-{number}", step)
    rows = torch.randint(samples.count, (BATCH,), generator=random)
    _, *features = samples.window.get(rows.tolist())
    return features, round_.cuts[rows].to(features[0].device)
