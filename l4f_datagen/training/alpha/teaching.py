"""What a round of cuts is made of: generated samples, what the alpha network says of them, what their colours say."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...evaluation import criteria
from ...evaluation.cuts import probable, touched_sides, votes
from ...networks.alpha import AlphaNetwork
from ...networks.pixels import image_to_uint8
from ...overlap import ordered_map
from ...progress.state import Counted
from ...seeding import generator_for
from ..core.loop import Count
from .pool import BLOCK, Make, Window

BATCH = 16
"""Samples of a step."""
_BYTES = 5 << 29
"""What the samples that are cut may take in memory, 2.5 GiB: 1300 samples of 64 px with 256 channels."""
LEARNED = 0.5
"""Share of the samples that is learned from. On faces the cuts of the half that are most of one mind have mIoU .876,
all .785, and an alpha network that learns the half is as good or a little better (.818 and .815)."""
SIZES = 4
"""Parts of the samples, by the area of their objects, that each give as many: colours cut small objects more alike than
large ones, and who learned from the best half alone would have seen few of these."""
AGREEING = 0.35
"""Mean IoU of alphas and their cuts below which colours know nothing of the object: such cuts are not learned."""
_THRESHOLD = 0.5
_THINGS = "samples cut by colour"


class Samples:
    """Generated samples that stay the same for a whole run: for criteria, and to be cut and learned from.

    Positions are those of a stream that adversarial steps do not see.
    """

    def __init__(
        self, make: Make, device: torch.device, *, probes: int, cut: int, count: Count = lambda progress: None
    ):
        """The first ``probes`` are measured, the first ``cut`` are cut; ``count`` is told how many are drawn or cut."""
        self.probes, self.cut, self._count = probes, cut, count
        self._make, self._device = make, device
        self._window: Window | None = None
        self._enlarged = False
        self._images: dict[int, np.ndarray] = {}

    def enlarge(self) -> None:
        """Make place for what is cut, if there is none yet; so far only what is measured is kept."""
        if not self._enlarged:
            self._enlarged = True
            self._window = Window(self._make, self.cut, self._device, bytes_at_most=_BYTES, count=self._count)

    @property
    def window(self) -> Window:
        """Made when it is first asked for."""
        if self._window is None:
            self._window = Window(self._make, self.probes, self._device, count=self._count)
            self._window.slide(0)
        return self._window

    def measure(self, networks: Sequence[AlphaNetwork]) -> list[dict[str, float]]:
        """The criteria of each network's masks."""
        alphas, images = self._alphas(networks, self.probes), self._seen(self.probes)
        return [criteria.measure(images, one) for one in alphas]

    def cuts(self, network: AlphaNetwork) -> "Round":
        """Cut the samples where the network's alphas seed it."""
        self.window.slide(0)
        (alphas,) = self._alphas([network], self.cut)
        images = self._seen(self.cut)
        seeds = np.stack([probable(alpha) for alpha in alphas])
        touched = touched_sides(seeds)
        pairs = zip(images, alphas, strict=True)
        found = ordered_map(
            lambda pair: votes(*pair, touched=touched), pairs, workers=torch.get_num_threads(), ahead=2 * BLOCK
        )
        cuts, decided = np.zeros(alphas.shape, np.uint8), np.zeros(self.cut)
        for row, one in enumerate(found):
            if row % BLOCK == 0:
                self._count(Counted(row, self.cut, _THINGS))
            if one is not None:
                cuts[row], decided[row] = np.rint(255 * one), np.abs(2 * one - 1).mean()
        self._count(Counted(self.cut, self.cut, _THINGS))
        rows = steadiest(decided, seeds.mean((1, 2)))
        agreement = criteria.agreement(cuts[rows] > 255 * _THRESHOLD, seeds[rows]) if len(rows) else 0.0
        return Round(torch.from_numpy(cuts)[:, None], torch.from_numpy(rows), agreement, touched)

    def batch(self, round_: "Round", seed: int, number: int, step: int, steps: int) -> tuple[list[Tensor], Tensor]:
        """Features and cuts of one step of the round of that number, by chance.

        Where not all samples can be kept, the window passes over them once in a round.
        """
        window = self.window
        hidden = max(0, -(-self.cut // BLOCK) - window.size // BLOCK) if window.keeps else 0
        window.slide(hidden * step // steps)
        start = hidden * step // steps * BLOCK
        rows = round_.rows
        if hidden:
            rows = rows[(rows >= start) & (rows < start + window.size)]
            rows = rows if len(rows) else round_.rows
        random = generator_for(seed, f"cuts-{number}", step)
        rows = rows[torch.randint(len(rows), (BATCH,), generator=random)]
        _, *features = window.get(rows.tolist())
        return features, round_.cuts[rows].to(self._device).float() / 255

    def _alphas(self, networks: Sequence[AlphaNetwork], count: int) -> np.ndarray:
        """What alpha networks say of the first ``count`` samples: float32 (networks, count, H, W)."""
        rows = []
        for start in range(0, count, BLOCK):
            image, *features = self.window.get(range(start, start + BLOCK))
            if start not in self._images:
                self._images[start] = image_to_uint8(image).cpu().numpy()
            with torch.no_grad():
                rows.append(torch.stack([network(features)[:, 0] for network in networks]).cpu().numpy())
        return np.concatenate(rows, 1)[:, :count]

    def _seen(self, count: int) -> np.ndarray:
        """The first ``count`` images, RGB uint8 (count, H, W, 3); ``_alphas`` has looked at them."""
        return np.concatenate([self._images[start] for start in range(0, count, BLOCK)])[:count]


def steadiest(decided: np.ndarray, areas: np.ndarray) -> np.ndarray:
    """The samples to learn from, in ascending order: of each part of them by area the half most of one mind.

    Args:
        decided: mean |2p − 1| of each sample's cuts (N,); 0 where there are none, and such a sample is never learned.
        areas: share of each image that the alpha takes for the object (N,).
    """
    chosen = []
    for rows in np.array_split(np.argsort(areas, kind="stable"), max(1, min(SIZES, len(areas)))):
        best = rows[np.argsort(-decided[rows], kind="stable")[: max(1, round(LEARNED * len(rows)))]]
        chosen.append(best[decided[best] > 0])
    return np.sort(np.concatenate(chosen))


@dataclass(frozen=True)
class Round:
    """The cuts of one round."""

    cuts: Tensor
    """uint8 (N, 1, H, W), 255 is foreground in all cuts."""
    rows: Tensor
    """The samples that are learned from: those whose cuts are most of one mind."""
    agreement: float
    """Mean IoU of these with what the alpha network said."""
    touched: frozenset[str]
    """Sides of the image that the object touches."""
