"""One sample as an exporter sees it: encoded as it is stored, decoded where a format needs it."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from PIL import Image

from ..errors import UserError, WorkError
from ..shards.encoding import IGNORED, IMAGE_FORMATS


@dataclass(frozen=True)
class Item:
    """A stored sample and where it goes. What is damaged or missing raises WorkError when it is asked for."""

    key: str
    image_set: str
    members: Mapping[str, bytes]
    """Encoded, by extension."""

    @cached_property
    def image_format(self) -> str:
        """The composite's extension: jpg, png or webp."""
        found = next((name for name in IMAGE_FORMATS if name in self.members), None)
        if found is None:
            raise self._damaged(f"no image among {', '.join(sorted(self.members))}")
        return found

    @property
    def image(self) -> bytes:
        """The composite's file."""
        return self.members[self.image_format]

    @property
    def image_name(self) -> str:
        """The composite's name in an export."""
        return f"{self.key}.{self.image_format}"

    @cached_property
    def mask(self) -> np.ndarray:
        """Class indices, uint8 H×W: 0 background, 1 foreground, 255 ignored."""
        try:
            return np.array(Image.open(io.BytesIO(self.member("mask.png"))), np.uint8)
        except (OSError, ValueError, SyntaxError) as error:
            raise self._damaged(f"its mask cannot be decoded ({error})") from error

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """The row of ``shards.schema``."""
        try:
            return json.loads(self.member("json"))
        except ValueError as error:
            raise self._damaged(f"its metadata cannot be read ({error})") from error

    def member(self, extension: str) -> bytes:
        """One encoded member."""
        if extension not in self.members:
            raise self._damaged(f"{extension} is missing")
        return self.members[extension]

    def mask_file(self, values: str, palette: list[int] | None = None) -> bytes:
        """The mask as a PNG file.

        Args:
            values: "palette" (class indices in mode P), "01" (class indices in mode L) or "0255" (mode L).
            palette: colours for "palette", as Pillow takes them; by default the stored file as it is.

        Raises:
            UserError: values 0 and 255 for a mask that has ignored pixels, which are 255.
        """
        if values == "palette" and palette is None:
            return self.member("mask.png")
        mask = self.mask
        if values == "0255":
            if (mask == IGNORED).any():
                raise UserError(
                    "mask-values", got=f"0255, but sample {self.key} has ignored pixels, which are 255",
                    expected="masks of background and foreground only", remedy="choose --mask-values 01 or palette",
                )  # fmt: skip
            mask = 255 * mask
        image = Image.fromarray(mask)
        if values == "palette":
            image.putpalette(palette)
        buffer = io.BytesIO()
        image.save(buffer, "PNG", compress_level=1)
        return buffer.getvalue()

    def _damaged(self, problem: str) -> WorkError:
        return WorkError(f"sample {self.key} of the data set is damaged: {problem}; nothing was exported")
