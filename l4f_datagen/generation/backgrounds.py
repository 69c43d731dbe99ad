"""Backgrounds from elsewhere: images of the user's in place of the generator's own."""

import logging
from collections.abc import Sequence
from concurrent.futures import Executor, Future

import cv2
import numpy as np
import torch

from ..photographs.opening import open_scenes
from ..photographs.source import Source
from ..photographs.square import Size, sides
from ..photographs.whole import WholeImages
from ..seeding import generator_for
from .latents import Candidate

logger = logging.getLogger(__name__)

OWN = "generator"
"""Value of the setting, and of the column ``background_source``, for backgrounds that the generator draws."""
SCENES = 16000
"""Scenes of a world that serve as backgrounds."""
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

    def draw(self, candidate: Candidate, *, seed: int, size: Size) -> tuple[np.ndarray, str]:
        """The background of a candidate, RGB uint8 of a size, and the name of its image.

        A random part of a random image, of the shape that is wanted; where the image is broken, of the next whole one.

        Raises:
            UserError: more than 1 % of the images are broken.
        """
        generator = generator_for(seed, f"background-image/{candidate.number}", candidate.index)
        which, *place = torch.rand(4, generator=generator, dtype=torch.float64).tolist()
        height, width = sides(size)
        index, image = self._whole.read(int(which * len(self.source)), max(height, width))
        if (image.shape[0] < height or image.shape[1] < width) and not self._warned_small:
            self._warned_small = True
            logger.warning(
                "%s: %d×%d pixels are fewer than the generator's %d×%d; such images are up-sampled",
                self.source.name(index), image.shape[1], image.shape[0], width, height,
            )  # fmt: skip
        return _random_part(image, (height, width), *place), self.source.relative_name(index)

    def draw_all(
        self, candidates: Sequence[Candidate], *, seed: int, size: Size, executor: Executor
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
    return Backgrounds(open_scenes(backgrounds, world_images=SCENES))


def _random_part(image: np.ndarray, size: tuple[int, int], scale: float, down: float, right: float) -> np.ndarray:
    """A part of an image with the shape of a size, resized to it.

    It is ½ to 1 times as large as the largest such part, and if possible at least of that size.
    """
    height, width = image.shape[:2]
    longer = max(size)
    longest = min(height * longer // size[0], width * longer // size[1])
    least = min(longest, max(longer, round(_SMALLEST_CROP * longest)))
    side = least + int(scale * (longest - least + 1))  # the longer one, in pixels
    rows, columns = (max(1, side * one // longer) for one in size)
    top, left = int(down * (height - rows + 1)), int(right * (width - columns + 1))
    part = image[top : top + rows, left : left + columns]
    if (rows, columns) == size:
        return part
    return cv2.resize(part, size[::-1], interpolation=cv2.INTER_AREA if side > longer else cv2.INTER_CUBIC)
