"""How a run of ``train-alpha`` ends: its averaged network, measured, with a card."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ...evaluation import criteria
from ...generation.backgrounds import OWN
from ...networks.alpha import AlphaNetwork
from ...networks.pixels import image_to_uint8
from ...networks.synthesis import SwitchedOff, Synthesis
from ...networks.zeroed import ZeroedChannels
from ...settings import CompleteAlphaSettings
from ...weights import native
from ...weights.native.cards import RECOMMENDED
from ...weights.source import Source
from ..core import degeneration
from ..core.run import RunFolder
from . import showing

STAGE = "train-alpha"
_SAMPLES, _AT_ONCE = 256, 8
"""Samples of which the finished network is measured, and how many of them are drawn together."""

_RECOMMENDED = {"threshold": 0.5, "refine": 3}
"""For an alpha network that learned cuts: a threshold as it was chosen by (the paper's 0.9 is for one that never saw
cuts), and outlines that are drawn to edges, which took faces of 64 px from mIoU .761 to .766 and vessels from .969 to
.976."""


@dataclass(frozen=True)
class Ending:
    """What ``final/`` of a run holds beside its network."""

    settings: CompleteAlphaSettings
    source: Source
    """The generator's."""
    images: int
    switched_off: SwitchedOff
    """What was zeroed for backgrounds."""

    def kept(self, network: AlphaNetwork) -> AlphaNetwork:
        """The network as checkpoints hold it: beside the weights, the channels that were zeroed for backgrounds."""
        return network.keeping(self.switched_off) if isinstance(self.switched_off, ZeroedChannels) else network

    def write(
        self, folder: RunFolder, network: AlphaNetwork, generator: Synthesis, chosen: Mapping[str, Any] | None = None
    ) -> None:
        """Measure a network and write it as ``final/``; ``chosen`` is what the run found out and decided by itself."""
        s = self.settings
        measured, seen = self._measure(network, generator)
        verdict = degeneration.verdict(measured) or (chosen or {}).get("problem")
        seen = {"hard_variety": seen.pop("variety")} | seen  # of masks, where the other is of alphas
        quality = {"samples": _SAMPLES, "psi": s.psi} | criteria.rounded(seen | measured)
        more, card = {}, {}
        behind = "" if s.backgrounds == OWN else f", before {s.backgrounds}"
        if chosen is not None:
            more = {"chosen": dict(chosen)}
            card[RECOMMENDED] = _RECOMMENDED | {"noise": s.noise, "switched_off": s.switched_off}
        card |= {
            "name": folder.path.name,
            "licence": self.source.licence,
            "source": {"alpha": f"trained by l4f-datagen {STAGE} on {s.generator} and {s.images}{behind}"},
            "training": {"alpha": s.model_dump(mode="json") | {"images_found": self.images} | more},
            "quality": quality | ({"warning": verdict} if verdict else {}),
        }
        folder.write_folder(folder.final, lambda target: native.save(target, alpha=self.kept(network), card=card))

    def _measure(self, network: AlphaNetwork, generator: Synthesis) -> tuple[dict[str, float], dict[str, float]]:
        """What a network's masks look like, and their criteria, over samples that training does not see."""
        rows, images, alphas = [], [], []
        for start in range(0, _SAMPLES, _AT_ONCE):
            drawn = showing.draw(network, generator, self.settings, range(start, start + _AT_ONCE))
            rows.append(torch.stack(degeneration.statistics(drawn.alpha)))
            images.append(image_to_uint8(drawn.foreground).cpu().numpy())
            alphas.append(drawn.alpha[:, 0].cpu().numpy())
        means = torch.stack(rows).mean(0).tolist()
        seen = criteria.measure(np.concatenate(images), np.concatenate(alphas))
        return dict(zip(degeneration.MaskStatistics._fields, means)), seen
