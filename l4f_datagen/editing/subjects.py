"""What is edited: samples of seeds, projected photographs, or the sample that a list of codes begins with."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from ..errors import UserError
from ..generation import latents
from ..networks.synthesis import Synthesis
from ..projection.codes import read_codes
from ..settings import EditSettings
from ..settings.needing import idle
from ..shards.format.encoding import decode_image
from ..short import short
from ..weights.source import Source
from .paths import Way

SEEDS = (0, 1, 2, 3)
"""Whose samples are edited where nobody says what."""


@dataclass(frozen=True)
class Subject:
    """A code and the image that it stands for."""

    key: str
    """Path of its results below the output folder."""
    code: Tensor
    """w+ (num_ws, w_dim) float32 on the CPU."""
    original: np.ndarray | None = None
    """A photograph, RGB uint8 H×W×3; None: the image that the generator draws of the code."""
    noise: tuple[Tensor, ...] | None = None
    """Noise maps (1, H, W) of every styled convolution that belong to the code; None: those of the settings."""

    @property
    def digest(self) -> str:
        """What tells it from another one of the same key."""
        content = hashlib.sha256(self.code.contiguous().numpy().tobytes())
        if self.original is not None:
            content.update(np.ascontiguousarray(self.original).tobytes())
        for maps in self.noise or ():
            content.update(maps.contiguous().numpy().tobytes())
        return content.hexdigest()


def check_subjects(settings: EditSettings) -> None:
    """Refuse settings that name subjects of two kinds.

    Raises:
        UserError: they do, or keys without a folder of codes.
    """
    if settings.codes and settings.seeds:
        raise UserError(
            "seeds", got="both seeds and codes", expected="one or the other", remedy="leave out --seeds or --codes"
        )
    if settings.keys and not settings.codes:
        raise idle("--keys", settings.keys, "--codes")


def subjects_of(settings: EditSettings, generator: Synthesis, source: Source, way: Way) -> Sequence[Subject]:
    """The subjects that the settings name, in order.

    Raises:
        UserError: the folder of codes is none of this generator, or holds no such photograph.
    """
    return _Photographs(settings, generator, source) if settings.codes else list(_drawn(settings, generator, way))


class _Photographs(Sequence[Subject]):
    """Projected photographs; each is read when it is asked for."""

    def __init__(self, settings: EditSettings, generator: Synthesis, source: Source):
        assert settings.codes, "somebody named a folder"
        self._codes = read_codes(settings.codes, (generator, source))
        there = {row.key for row in self._codes.rows}
        keys = dict.fromkeys(key for text in settings.keys for key in ([text] if text in there else _split(text)))
        self._numbers = [self._codes.number(key) for key in keys] if keys else list(range(len(self._codes)))
        self._size = generator.architecture.size

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, index: Any) -> Any:
        number = self._numbers[index]
        path = self._codes.image(number)
        try:
            image = decode_image(path.read_bytes())
        except (OSError, ValueError, cv2.error) as error:
            raise UserError(
                str(path), got=f"no picture that can be read ({short(error, 100)})", expected="the photograph",
                remedy="copy the folder again, or project the photographs again",
            ) from error  # fmt: skip
        if image.shape != (*self._size, 3):
            raise UserError(
                str(path), got=f"a picture of shape {image.shape}", expected=f"{self._size[1]}×{self._size[0]} pixels",
                remedy="copy the folder again, or project the photographs again",
            )  # fmt: skip
        noise = self._codes.noise and tuple(maps[number : number + 1] for maps in self._codes.noise)
        return Subject(self._codes.rows[number].key, self._codes.w[number], image, noise)


def _split(text: str) -> list[str]:
    """Keys with commas between them."""
    return [key.strip() for key in text.split(",") if key.strip()]


def _drawn(settings: EditSettings, generator: Synthesis, way: Way) -> Iterator[Subject]:
    if way.start is not None and not settings.seeds:
        yield Subject("list", way.start)
        return
    num_ws = generator.architecture.num_ws
    for seed in settings.seeds or SEEDS:
        # The code of sample 0 of a data set with this seed.
        with torch.inference_mode():
            w = latents.draw_w(generator, seed=seed, stream="foreground", indices=[0], psi=settings.psi)
        yield Subject(f"seed-{seed}", w[0].cpu().expand(num_ws, -1).clone())
