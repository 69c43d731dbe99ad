"""What is switched off for backgrounds, as a setting: a whole layer, or a share of the channels of the first ones."""

from typing import Annotated

from pydantic import AfterValidator, Field

from .base import Metavar

LAYERS = ("first_convolution", "constant")
CHANNELS = "channels:"


def share_of_channels(switched_off: str) -> float | None:
    """The share in a ``channels:SHARE``; None for a whole layer."""
    return float(switched_off.removeprefix(CHANNELS)) if switched_off.startswith(CHANNELS) else None


def _known(value: str) -> str:
    """The setting in one spelling. Raises ValueError where it is none."""
    text = value.strip()
    if text in LAYERS:
        return text
    kind, colon, share = text.partition(":")
    try:
        number = float(share) if kind + colon == CHANNELS else -1.0
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise ValueError(f"{', '.join(LAYERS)} or {CHANNELS}SHARE with a share from 0 to 1")
    return f"{CHANNELS}{round(number, 6):g}"


Crops = Annotated[
    str,
    Metavar("auto|plain|FOLDER"),
    Field(
        description="plain backgrounds that channels are found by; auto: corners of samples; plain: white, black and "
        "blue; or images, as --images has them"
    ),
]
SwitchedOff = Annotated[
    str,
    AfterValidator(_known),
    Metavar("|".join((*LAYERS, f"{CHANNELS}SHARE"))),
    Field(
        description="what is zeroed for backgrounds: a layer, or the share of the first channels that draws most "
        "of the foreground"
    ),
]
