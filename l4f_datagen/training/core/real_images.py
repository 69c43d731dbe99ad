"""Real images for a discriminator: any source, cropped, resized, mirrored, in an order that a seed fixes."""

import logging
from collections.abc import Generator, Iterator, Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from ...errors import UserError
from ...networks.pixels import image_from_uint8
from ...overlap import ordered_map
from ...photographs.source import Source
from ...photographs.square import Size, enlargement, fitted, sides
from ...photographs.whole import WholeImages
from ...seeding import generator_for

logger = logging.getLogger(__name__)

_CPU = torch.device("cpu")
_KEPT_BYTES = 1 << 30
"""Finished pictures are kept in memory if all of them fit into this."""


class RealImages:
    """Pictures of a source at a generator's size, which is height and width, or one number for both.

    ``content_rows``: the picture fills that many rows, black ones above and below it, as StyleGAN2 does
    for LSUN-Car. ``mirror``: by chance every other picture is mirrored. ``stream``: the setting that names the
    source; another one has another order.
    """

    def __init__(
        self, source: Source, *, size: Size, seed: int, mirror: bool = False, content_rows: int | None = None,
        stream: str = "images",
    ):  # fmt: skip
        height, width = sides(size)
        if content_rows is not None and content_rows > height:
            raise UserError(
                "content_rows", got=content_rows, expected=f"at most the {height} rows of the generator",
                remedy="leave it out for pictures of the generator's shape",
            )  # fmt: skip
        self.source, self.size, self.seed, self.mirror, self._stream = source, (height, width), seed, mirror, stream
        self.rows = content_rows or height
        self._whole = WholeImages(source, setting=stream)
        self.warned_small = False
        self._kept: dict[int, np.ndarray] | None = {} if len(source) * height * width * 3 <= _KEPT_BYTES else None

    @property
    def broken(self) -> set[int]:
        """Indices of the files that were found broken so far."""
        return self._whole.broken

    def batch(self, positions: Sequence[int], device: torch.device = _CPU) -> Tensor:
        """The pictures at ``positions`` of the endless shuffled stream: float32 (N, 3, H, W) in [-1, 1] on a device.

        Every epoch is a permutation of its own; a broken file's place is taken by the next whole one.

        Raises:
            UserError: more than 1 % of the files are broken.
        """
        pictures = torch.from_numpy(np.stack([self._at(position) for position in positions]))
        if device.type == "cuda":  # as bytes, a fourth of the floats, and without waiting for the device
            pictures = pictures.pin_memory().to(device, non_blocking=True)
        return image_from_uint8(pictures).to(device)

    def batches(
        self, plan: Iterator[Sequence[int]], *, workers: int = 2, device: torch.device = _CPU
    ) -> Generator[Tensor]:
        """``batch`` of every element of ``plan``, in order, made ahead in threads if there are ``workers``."""
        return ordered_map(lambda positions: self.batch(positions, device), plan, workers=workers, ahead=2 * workers)

    def picture(self, index: int) -> np.ndarray:
        """Picture ``index`` of the source, not mirrored: RGB uint8 H×W×3; a broken one's successor.

        Raises:
            UserError: more than 1 % of the files are broken.
        """
        if self._kept is not None and (known := self._whole.not_known_broken(index)) in self._kept:
            return self._kept[known]
        found, picture = self._whole.read(index, max(self.size))
        picture = self._fit(picture, found)
        if self._kept is not None:
            self._kept[found] = picture
        return picture

    def _at(self, position: int) -> np.ndarray:
        epoch, place = divmod(position, len(self.source))
        picture = self.picture(int(_permutation(len(self.source), self.seed, self._stream, epoch)[place]))
        mirror = "mirror" if self._stream == "images" else f"mirror-{self._stream}"
        flip = self.mirror and torch.rand((), generator=generator_for(self.seed, mirror, position)) < 0.5
        return picture[:, ::-1] if flip else picture

    def _fit(self, picture: np.ndarray, index: int) -> np.ndarray:
        """As ``fitted``; the first one that is too small is named."""
        if enlargement(picture, self.size, self.rows) < 1 and not self.warned_small:
            self.warned_small = True
            logger.warning(
                "%s: %d×%d pixels are fewer than the generator's %d×%d; such images are up-sampled",
                self.source.name(index), picture.shape[1], picture.shape[0], self.size[1], self.rows,
            )  # fmt: skip
        return fitted(picture, self.size, self.rows)


@lru_cache(maxsize=4)
def _permutation(count: int, seed: int, stream: str, epoch: int) -> np.ndarray:
    return torch.randperm(count, generator=generator_for(seed, stream, epoch)).numpy()
