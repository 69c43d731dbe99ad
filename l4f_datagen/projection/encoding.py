"""An encoder's guess: the codes of photographs in one pass, from which a search may go on."""

import logging
from dataclasses import dataclass

import torch
from torch import Tensor

from .. import weights
from ..errors import UserError
from ..networks.encoders.encoder import Encoder
from ..networks.encoders.style_encoder import StyleEncoder
from ..networks.stylegan2 import Generator
from ..weights.source import Source
from .models import Models

logger = logging.getLogger(__name__)

_ROUNDED = 2e-3
"""How far weights may be from those of the same generator, relative to their norm: float16 has 1e-3."""


@dataclass(frozen=True)
class Guess:
    """An encoder on its device."""

    encoder: Encoder | StyleEncoder
    source: Source

    @torch.no_grad()
    def __call__(self, photographs: Tensor) -> Tensor:
        """Photographs (N, 3, H, W) in [-1, 1] → w+ (N, num_ws, w_dim), or w (N, 1, w_dim)."""
        return self.encoder(photographs)


def load_guess(path: str, models: Models, generator: str) -> Guess:
    """The encoder of a path.

    Args:
        generator: what ``models`` were loaded from.

    Raises:
        UserError: it holds none, or one of another generator.
    """
    encoder, source = weights.read_encoder(path)
    if isinstance(encoder, StyleEncoder):
        _check_foreign(encoder, source, path, models, generator)
    elif encoder.generator != models.source.sha256:
        raise UserError(
            f"encoder {path}", got=f"one of the generator {encoder.generator[:12]}…",
            expected=f"one of {models.source.name} ({models.source.sha256[:12]}…)",
            remedy="train one with l4f-datagen train-encoder --generator, or name the generator that it was trained on",
        )  # fmt: skip
    return Guess(encoder.to(models.device), source)


def _check_foreign(encoder: StyleEncoder, source: Source, path: str, models: Models, generator: str) -> None:
    """Refuse an encoder of pSp or e4e whose codes another generator draws.

    Its file names no generator, but holds it. What draws is compared, not the files: a copy of a generator in another
    layout takes the same codes.

    Raises:
        UserError: the codes are of another shape, or the generator beside the encoder is another one.
    """
    architecture = models.generator.architecture
    codes = architecture.num_ws if encoder.num_ws == 1 else encoder.num_ws
    wanted = f"for {models.source.name}, {architecture.num_ws} codes of {architecture.w_dim} numbers"
    if (codes, encoder.w_dim) != (architecture.num_ws, architecture.w_dim):
        raise UserError(
            f"encoder {path}", got=f"one that gives {encoder.num_ws} codes of {encoder.w_dim} numbers", expected=wanted,
            remedy="name the generator that it was trained on, as a rule the file itself (--generator)",
        )  # fmt: skip
    if source.sha256 == models.source.sha256:
        return
    try:
        own = weights.read_generator(path)[0]
    except UserError:
        logger.warning("%s: it does not say of which generator; one of another gives codes that draw nothing", path)
        return
    if not draw_alike(own, weights.read_generator(generator)[0]):
        raise UserError(
            f"encoder {path}", got="one of another generator, which lies beside it in the file", expected=wanted,
            remedy=f"name the generator that it was trained on: --generator {path}",
        )  # fmt: skip


def draw_alike(one: Generator, other: Generator) -> bool:
    """Whether two generators draw the same of the same codes, but for rounding in storing them."""
    drawing, others = _drawing(one), _drawing(other)
    if {name: tensor.shape for name, tensor in drawing.items()} != {n: tensor.shape for n, tensor in others.items()}:
        return False
    return all((tensor - others[name]).norm() <= _ROUNDED * others[name].norm() for name, tensor in drawing.items())


def _drawing(generator: Generator) -> dict[str, Tensor]:
    """The tensors that make pictures of codes, without the noise maps, which are drawn anew by many tools."""
    return {
        name: tensor for name, tensor in generator.state_dict().items()
        if name.startswith(("constant", "layers.", "to_rgb.")) and not name.endswith(".noise")
    }  # fmt: skip
