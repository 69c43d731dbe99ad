"""An encoder's guess: the codes of photographs in one pass, from which a search may go on."""

from dataclasses import dataclass

import torch
from torch import Tensor

from .. import weights
from ..errors import UserError
from ..networks.encoder import Encoder
from ..weights.source import Source
from .models import Models


@dataclass(frozen=True)
class Guess:
    """An encoder on its device."""

    encoder: Encoder
    source: Source

    @torch.no_grad()
    def __call__(self, photographs: Tensor) -> Tensor:
        """Photographs (N, 3, H, W) in [-1, 1] → w+ (N, num_ws, w_dim)."""
        return self.encoder(photographs)


def load_guess(path: str, models: Models) -> Guess:
    """The encoder of a path.

    Raises:
        UserError: it holds none, or one of another generator.
    """
    encoder, source = weights.read_encoder(path)
    if encoder.generator != models.source.sha256:
        raise UserError(
            f"encoder {path}", got=f"one of the generator {encoder.generator[:12]}…",
            expected=f"one of {models.source.name} ({models.source.sha256[:12]}…)",
            remedy="train one with l4f-datagen train-encoder --generator, or name the generator that it was trained on",
        )  # fmt: skip
    return Guess(encoder.to(models.device), source)
