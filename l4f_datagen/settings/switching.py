"""What is switched off for backgrounds, as a setting: a whole layer, or single channels."""

from typing import Annotated

from pydantic import AfterValidator, Field

from .base import Metavar

LAYERS = ("first_convolution", "constant")
CHANNELS = "channels:"
AUTO = f"{CHANNELS}auto"
"""Channels that a descent finds, rather than a share."""


def share_of_channels(switched_off: str) -> float | None:
    """The share in a ``channels:SHARE``; None for a whole layer, and for ``channels:auto``."""
    by_share = zeroes_channels(switched_off) and switched_off != AUTO
    return float(switched_off.removeprefix(CHANNELS)) if by_share else None


def zeroes_channels(switched_off: str) -> bool:
    """Whether single channels are zeroed, and no whole layer."""
    return switched_off.startswith(CHANNELS)


def with_share(share: float | None) -> str:
    """The setting that zeroes channels of a share; ``channels:auto`` where they have none."""
    return AUTO if share is None else f"{CHANNELS}{share:g}"


def _known(value: str) -> str:
    """The setting in one spelling. Raises ValueError where it is none."""
    text = value.strip()
    if text in (*LAYERS, AUTO):
        return text
    kind, colon, share = text.partition(":")
    try:
        number = float(share) if kind + colon == CHANNELS else -1.0
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise ValueError(f"{', '.join(LAYERS)}, {AUTO} or {CHANNELS}SHARE with a share from 0 to 1")
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
    Metavar("|".join((*LAYERS, AUTO, f"{CHANNELS}SHARE"))),
    Field(
        description="what is zeroed for backgrounds: a layer, the channels that analyze backgrounds --images found, or "
        "the share of the first channels that draws most of the foreground"
    ),
]
