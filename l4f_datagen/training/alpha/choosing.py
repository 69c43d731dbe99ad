"""Which of several alpha networks goes on, and what is tried next when none of them is any good."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ...settings import CompleteAlphaSettings
from ..core import degeneration

ATTEMPTS: tuple[Mapping[str, Any], ...] = (
    {},
    {"alpha_learning_rate": 0.001, "discriminator_learning_rate": 0.001, "lambda_3": 6.0, "r1": 5.0},
    {"alpha_learning_rate": 0.004, "discriminator_learning_rate": 0.001, "adversarial_weight": 3.0, "r1": 10.0},
)
"""What changes from one attempt to the next, of what nobody has said: the second one's are those that were good on skin
lesions, the third one's move masks that stay where they are."""
COLLAPSED = 0.04
"""Variety of hard masks below which they show no object; good ones have 0.2 on faces, 0.1 on vessels, collapsed ones 0
to 0.06."""
GAIN = 1.02
"""How many times better masks have to be for the training to go on as if it had just begun."""
LOSS = 0.93
"""How many times worse they may be and still take the place of earlier ones: later ones are the better decided. While
winners trained on, the score of one on faces fell to .96 of what it was and its true mIoU rose by .03; where masks got
worse, on faces, lesions and vessels, it fell to .86 to .58."""


def score(measured: Mapping[str, float]) -> float:
    """How good masks are, for all that can be known without a reference: variety · ∛edges.

    Masks of one class differ from each other, and their outlines lie where images have edges. Variety alone takes
    large blobs for good ones where the object is small; edges alone, small parts of the object. The root was found on
    the heads of six runs, five or more each that are not collapsed: rank correlations with the true mIoU are .71 to .95
    on faces and .96 on vessels, there with the masks of the embedded alpha network (variety alone: .57 to .95, and −.50
    to .07), and the head that it chooses lacks .011 at most.
    """
    return measured["variety"] * measured["edges"] ** (1 / 3)


def degenerate(measured: Mapping[str, float]) -> str | None:
    """What is wrong with masks of these criteria, see ``evaluation.criteria.measure``; None if nothing is."""
    if problem := degeneration.verdict(measured):
        return problem
    if measured["variety"] < COLLAPSED:
        return f"masks are almost the same for every sample (they differ in {measured['variety']:.1%} of the pixels)"
    return None


def winner(measured: Sequence[Mapping[str, float]]) -> int | None:
    """The alpha network of the best score among those that are not degenerate; None: all are."""
    good = [head for head, found in enumerate(measured) if degenerate(found) is None]
    return max(good, key=lambda head: score(measured[head]), default=None)


def least_bad(measured: Sequence[Mapping[str, float]]) -> int:
    """The alpha network of the best score, whatever else is wrong with its masks."""
    return max(range(len(measured)), key=lambda head: score(measured[head]))


def of_attempt(settings: CompleteAlphaSettings, chosen: Collection[str], attempt: int) -> CompleteAlphaSettings:
    """The settings of an attempt: only what was ``chosen`` by the preset changes."""
    return settings.model_copy(update={name: v for name, v in ATTEMPTS[attempt].items() if name in chosen})
