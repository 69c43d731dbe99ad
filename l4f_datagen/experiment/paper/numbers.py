"""The numbers of Labels4Free (ICCV 2021), Tables 1 to 5, as far as this package knows them.

What a row does not have is not known here; nothing is filled in.
"""

from dataclasses import dataclass

OURS, PSEG = "Labels4Free", "PSeg"
FFHQ, CAT, HORSE, CAR = "FFHQ", "LSUN-Cat", "LSUN-Horse", "LSUN-Car"
_ALL = (FFHQ, CAT, HORSE, CAR)
_MEASURES = ("iou_foreground", "iou_background", "miou", "f1", "precision", "recall", "accuracy")


@dataclass(frozen=True)
class Stated:
    """A row of a table of the paper."""

    method: str
    values: dict[str, float]
    """By column."""
    of: str = ""
    """Class of images, where a row has one; else the classes are columns."""


def _alpha(method: str, psi: float, *values: float) -> Stated:
    return Stated(method, {"psi": psi, **dict(zip(_MEASURES, values))}, FFHQ)


def _by_class(method: str, classes: tuple[str, ...], *values: float) -> Stated:
    return Stated(method, dict(zip(classes, values, strict=True)))


STATED: dict[int, tuple[Stated, ...]] = {
    1: (
        _alpha(PSEG, 0.7, 0.52, 0.82, 0.67),
        _alpha(OURS, 0.7, 0.87, 0.94, 0.90, 0.95, 0.95, 0.94, 0.95),
        _alpha(OURS, 1.0, 0.75, 0.89, 0.82, 0.90, 0.92, 0.89, 0.92),
    ),
    2: (_by_class(PSEG, _ALL[1:], 0.66, 0.45, 0.77), _by_class(OURS, _ALL[1:], 0.81, 0.75, 0.89)),
    3: (_by_class(OURS, _ALL, 0.96, 0.96, 0.97, 0.97),),
    4: (
        Stated("BiSeNet: supervised", {"miou": 0.88}, FFHQ),
        Stated("projection", {"miou": 0.88}, FFHQ),
        Stated("UNet: on 10 000 generated samples", {"miou": 0.82}, FFHQ),
        Stated("BiSeNet: on 10 000 generated samples", {"miou": 0.86}, FFHQ),
    ),
    5: (
        _by_class("StyleGAN2", _ALL, 2.82, 6.93, 3.43, 2.32),
        _by_class(PSEG, _ALL, 24.3, 57.3, 53.6, 30.9),
    ),
}
"""By number of the table, in the paper's order."""
