"""Backgrounds from elsewhere: images of the user's in place of the generator's own."""

import logging
from collections.abc import Sequence
from concurrent.futures import Executor, Future

import cv2
import numpy as np
import torch

from ..errors import UserError
from ..photographs.places import open_images, parse
from ..photographs.source import Source
from ..photographs.whole import WholeImages
from ..seeding import generator_for
from .latents import Candidate

logger = logging.getLogger(__name__)

OWN = "generator"
"""Value of the setting, and of the column ``background_source``, for backgrounds that the generator draws."""
_SMALLEST_CROP = 0.5
"""A crop's side is at least this share of the image's shorter one."""


class Backgrounds:
    """Images that serve as backgrounds. Which one, and which part of it, depends on seed and candidate alone."""

    def __init__(self, source: Source):
        self.source = source
        self._whole = WholeImages(source, setting="backgrounds")
        self._warned_small = False
        self._identity: dict[str, object] | None = None

    @property
    def identity(self) -> dict[str, object]:
        """What tells these images from others: their ``images``, a count, and the ``sha256`` of names and sizes."""
        if self._identity is None:
            self._identity = {"images": len(self.source), "sha256": self.source.digest()}
        return self._identity

    def draw(self, candidate: Candidate, *, seed: int, size: int) -> tuple[np.ndarray, str]:
        """The background of a candidate, RGB uint8 size×size×3, and the name of its image.

        A random square of a random image; where the image is broken, of the next whole one.

        Raises:
            UserError: more than 1 % of the images are broken.
        """
        generator = generator_for(seed, f"background-image/{candidate.number}", candidate.index)
        which, *place = torch.rand(4, generator=generator, dtype=torch.float64).tolist()
        index, image = self._whole.read(int(which * len(self.source)), size)
        if min(image.shape[:2]) < size and not self._warned_small:
            self._warned_small = True
            logger.warning(
                "%s: %d×%d pixels are fewer than the generator's %d×%d; such images are up-sampled",
                self.source.name(index), image.shape[1], image.shape[0], size, size,
            )  # fmt: skip
        return _random_square(image, size, *place), self.source.relative_name(index)

    def draw_all(
        self, candidates: Sequence[Candidate], *, seed: int, size: int, executor: Executor
    ) -> Sequence[Future[tuple[np.ndarray, str]]]:
        """``draw`` of each candidate, under way in the threads of ``executor``."""
        return [executor.submit(self.draw, candidate, seed=seed, size=size) for candidate in candidates]


def open_backgrounds(backgrounds: str) -> Backgrounds | None:
    """What the setting ``backgrounds`` names; None for the generator's own.

    Raises:
        UserError: there are no such images.
    """
    if backgrounds == OWN:
        return None
    if not parse(backgrounds).path:
        raise UserError(
            "backgrounds", got=backgrounds or "nothing", expected=f"{OWN}, folder:PATH, shards:PATH or a path",
            remedy="name the images",
        )  # fmt: skip
    return Backgrounds(open_images(backgrounds, setting="backgrounds"))


def _random_square(image: np.ndarray, size: int, scale: float, down: float, right: float) -> np.ndarray:
    """A square of an image, resized. Its side is ½ to 1 of the image's shorter one, if possible at least ``size``."""
    height, width = image.shape[:2]
    shorter = min(height, width)
    least = min(shorter, max(size, round(_SMALLEST_CROP * shorter)))
    side = least + int(scale * (shorter - least + 1))
    top, left = int(down * (height - side + 1)), int(right * (width - side + 1))
    square = image[top : top + side, left : left + side]
    if side == size:
        return square
    return cv2.resize(square, (size, size), interpolation=cv2.INTER_AREA if side > size else cv2.INTER_CUBIC)
