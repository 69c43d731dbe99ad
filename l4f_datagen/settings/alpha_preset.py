"""What ``train-alpha`` chooses for a generator where nothing is said."""

from collections.abc import Callable, Sequence
from typing import Any

from ..errors import UserError
from .train_alpha import PAPER, CompleteAlphaSettings, TrainAlphaSettings

AUTO: dict[str, Any] = {
    "iterations": 300, "alpha_learning_rate": 0.002, "discriminator_learning_rate": 0.002, "adversarial_weight": 1.0,
    "lambda_1": 1.2, "lambda_2": 3.0, "phi_1": 0.25, "lambda_3": 3.0, "phi_2": 0.3, "r1": 1.0, "ema_decay": 0.99,
    "choosing_iterations": 150, "patience": 2, "cut_rounds": 1, "teaching_iterations": 300,
}  # fmt: skip
"""What does not depend on the generator: the best of seven settings on faces of 64 px, and good on skin lesions."""
PHI_2_HEADS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5)
"""φ2 of the alpha networks that are tried. Which share of an image is background differs from class to class, and which
φ2 collapses from run to run: several are tried and masks decide."""
_HEADS = len(PHI_2_HEADS)
_SMALL, _FIRST = 64, 8
"""Pixels up to which the first resolution is 8: all that may matter. Above it ``analyze layers`` is asked."""
_WIDEST = 64
"""Channels of the discriminator at most: a weak one teaches masks as well as one as wide as the generator."""


def with_alpha_preset(
    settings: TrainAlphaSettings, *, channels: Sequence[int], analysed: Callable[[], int]
) -> CompleteAlphaSettings:
    """Settings without None: what is given stays, all else is as the preset says for a generator.

    Args:
        channels: the generator's, of the resolutions 4, 8, …
        analysed: gives the first resolution that ``analyze layers`` finds; only called when it is needed.

    Raises:
        UserError: settings of the preset auto's phases are given with the preset paper.
    """
    given = {name: value for name, value in settings if value is not None}
    if settings.preset == "paper":
        _check_plain(settings)
        chosen = dict(PAPER)
    else:
        chosen = AUTO | {"discriminator_width": min(1.0, _WIDEST / max(channels))}
        resolution = 4 << (len(channels) - 1)
        if settings.first_resolution is None:
            chosen["first_resolution"] = min(_FIRST, resolution // 2) if resolution <= _SMALL else analysed()
        chosen["cut_samples"] = min(1200, max(300, 1200 * _SMALL // resolution))
        if settings.iterations is not None:
            chosen["patience"] = 0  # so many steps were asked for
        phi_2 = settings.phi_2
        chosen["phi_2_heads"] = PHI_2_HEADS if phi_2 is None else (phi_2,) * _HEADS
        if settings.phi_2_heads is not None and not settings.phi_2_heads:
            raise UserError(
                "phi_2_heads", got="none", expected="φ2 of one alpha network at least", remedy="leave it out"
            )
    if settings.first_resolution == "auto":
        given["first_resolution"] = analysed()
    return CompleteAlphaSettings.model_validate(dict(settings) | chosen | given)


def chosen_values(settings: TrainAlphaSettings, complete: CompleteAlphaSettings) -> dict[str, Any]:
    """What a preset chose, by name: the settings that were not given."""
    values = complete.model_dump(mode="json")
    return {name: values[name] for name in PAPER if getattr(settings, name) in (None, "auto")}


def _check_plain(settings: TrainAlphaSettings) -> None:
    for name in ("phi_2_heads", "choosing_iterations", "patience", "cut_rounds"):
        if value := getattr(settings, name):
            raise UserError(
                name, got=f"{value} with the preset paper", expected="the preset auto, which alone has such phases",
                remedy="use --preset auto; what you give besides stays as it is",
            )  # fmt: skip
