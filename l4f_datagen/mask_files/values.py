"""What the pixels of mask files hold: three kinds, of which the data set's own description says which it has."""

from collections.abc import Mapping
from typing import Any, Literal, cast

MaskValues = Literal["01", "0255", "palette"]
"""``01``: grey of 8 bits, 0 background, 1 foreground, 255 ignored: class indices to any decoder. ``0255``: grey of 8
bits, 0 background, 255 foreground: visible, and without ignored pixels. ``palette``: class indices with a palette of
black, white and grey: visible, and class indices to those decoders alone that leave palettes as they are."""

SETTING = "mask_values"
BEFORE: MaskValues = "palette"
"""What data sets hold that were begun before there was a choice."""


def of_pictures(description: Mapping[str, Any]) -> MaskValues:
    """What the masks of a folder of codes or of edits with this description hold: grey, unless it is an older one."""
    return cast(MaskValues, description.get(SETTING, BEFORE))


def of_description(description: Mapping[str, Any]) -> MaskValues:
    """What the masks of a data set with this ``dataset.json`` hold."""
    return cast(MaskValues, description["settings"].get(SETTING, BEFORE))
