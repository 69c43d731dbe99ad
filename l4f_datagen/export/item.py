"""One sample as an exporter sees it: encoded as it is stored, decoded where a format needs it."""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .. import documents
from ..errors import UserError
from ..mask_files import png as mask_png
from ..mask_files.values import MaskValues
from ..masks import IGNORED
from ..shards.format import schema, sides
from ..shards.format.encoding import IMAGE_FORMATS


@dataclass(frozen=True)
class Item:
    """A stored sample and where it goes. What is damaged or missing raises ``Damaged`` when it is asked for."""

    key: str
    image_set: str
    members: Mapping[str, bytes]
    """Encoded, by extension."""
    mask_values: MaskValues
    """What the data set's mask files hold."""
    told: Callable[[], contextlib.AbstractContextManager] = contextlib.nullcontext
    """In it, what decoders raise becomes ``Damaged``, which names the sample."""

    @cached_property
    def image_format(self) -> str:
        """The composite's extension: jpg, png or webp."""
        with self.told():
            found = next((name for name in IMAGE_FORMATS if name in self.members), None)
            if found is None:
                raise KeyError(f"no image among {', '.join(sorted(self.members))}")
            return found

    def check(self) -> None:
        """Raise ``Damaged`` unless what every sample has is there and whole, whatever a format takes of it."""
        _ = self.metadata, self.image, self.alpha_file

    @property
    def image(self) -> bytes:
        """The composite's file."""
        content = self.members[self.image_format]
        with self.told():
            sides.check(content, self.image_format, self.mask.shape)
            sides.check_whole(content, self.image_format)
        return content

    @property
    def image_name(self) -> str:
        """The composite's name in an export."""
        return f"{self.key}.{self.image_format}"

    @cached_property
    def mask(self) -> np.ndarray:
        """Class indices, uint8 H×W: 0 background, 1 foreground, 255 ignored."""
        content = self.member("mask.png")
        with self.told():
            size = sides.of(content, "mask.png")
            sides.check_whole(content, "png")
            mask = mask_png.decode(content, self.mask_values)
            if mask.shape != size:
                raise ValueError(f"mask.png has the shape {mask.shape}; expected {size[0]}×{size[1]} pixels")
            return mask

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """The row of ``shards.format.schema``."""
        content = self.member("json")
        with self.told():
            row = documents.read_json(content, "its metadata", kind=dict)
            schema.check(row, self.mask.shape)
            return row

    def member(self, extension: str) -> bytes:
        """One encoded member."""
        with self.told():
            if extension not in self.members:
                raise KeyError(f"{extension} is missing")
            return self.members[extension]

    @property
    def alpha_file(self) -> bytes:
        """The alpha's PNG file as it is stored."""
        return self._whole("alpha.png")

    @property
    def cutout_file(self) -> bytes:
        """The cut-out's PNG file as it is stored."""
        return self._whole("cutout.png")

    def _whole(self, name: str) -> bytes:
        content = self.member(name)
        with self.told():
            sides.check(content, name, self.mask.shape)
            sides.check_whole(content, "png")
        return content

    def mask_file(self, values: MaskValues) -> bytes:
        """The mask as a PNG file that holds such values: as it is stored, where the data set holds them.

        Raises:
            UserError: values 0 and 255 for a mask that has ignored pixels, which are 255.
        """
        mask = self.mask
        if values == self.mask_values:
            return self.member("mask.png")
        if values == "0255" and (mask == IGNORED).any():
            raise UserError(
                "mask-values", got=f"0255, but sample {self.key} has ignored pixels, which are 255",
                expected="masks of background and foreground only", remedy="choose --mask-values 01 or palette",
            )  # fmt: skip
        return mask_png.encode(mask, values)
