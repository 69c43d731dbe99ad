"""What is edited: samples of seeds, projected photographs, or the sample that a list of codes begins with."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..generation import latents
from ..networks.synthesis import Synthesis
from ..settings import EditSettings
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

    @property
    def digest(self) -> str:
        """What tells it from another one of the same key."""
        content = hashlib.sha256(self.code.contiguous().numpy().tobytes())
        if self.original is not None:
            content.update(np.ascontiguousarray(self.original).tobytes())
        return content.hexdigest()


def subjects_of(settings: EditSettings, generator: Synthesis, way: Way) -> Iterator[Subject]:
    """The subjects that the settings name, in order."""
    if way.start is not None and not settings.seeds:
        yield Subject("list", way.start)
        return
    num_ws = generator.architecture.num_ws
    for seed in settings.seeds or SEEDS:
        # The code of sample 0 of a data set with this seed.
        with torch.inference_mode():
            w = latents.draw_w(generator, seed=seed, stream="foreground", indices=[0], psi=settings.psi)
        yield Subject(f"seed-{seed}", w[0].cpu().expand(num_ws, -1).clone())
