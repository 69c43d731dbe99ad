import numpy as np
import pytest

from l4f_datagen import scores
from l4f_datagen.errors import UserError, WorkError
from l4f_datagen.generation.filters import CandidateTally, Filters, reference_identity
from l4f_datagen.sample import Sample
from l4f_datagen.settings import GenerateSettings


def judged(alpha: np.ndarray, reference=None, **settings) -> list[str]:
    mask = (alpha >= 128).astype(np.uint8)
    sample = Sample(
        image=np.zeros((*alpha.shape, 3), np.uint8), alpha=alpha, mask=mask, metadata=scores.score(alpha, mask, 0.5)
    )
    return Filters(GenerateSettings(threshold=0.5, **settings), reference).failed(sample)


def square(size: int, value: int = 255) -> np.ndarray:
    """A square of that size in the middle of 10×10."""
    alpha, start = np.zeros((10, 10), np.uint8), (10 - size) // 2
    alpha[start : start + size, start : start + size] = value
    return alpha


@pytest.mark.parametrize(
    ("setting", "passing", "failing", "alpha"),
    [
        ("min_area", 0.16, 0.17, square(4)),
        ("max_area", 0.16, 0.15, square(4)),
        ("max_components", 2, 1, square(4) + np.roll(square(2), (4, 4), (0, 1))),
        ("min_decisiveness", 0.84, 0.85, square(4, 128)),
        ("min_stability", 0.64, 0.65, square(5, 140) + square(4, 100)),
    ],
)
def test_each_filter_from_its_bound_on(setting, passing, failing, alpha):
    assert judged(alpha, **{setting: passing}) == []
    assert judged(alpha, **{setting: failing}) == [setting]


def test_masks_that_touch_the_border():
    assert judged(square(8), reject_border=True) == []
    for side in ((0, 5), (9, 5), (5, 0), (5, 9)):
        alpha = square(4)
        alpha[side] = 255
        assert judged(alpha, reject_border=True) == ["reject_border"]
        assert judged(alpha, reject_border=False) == []


def test_bounds_of_0_are_set_and_no_filter_is_off():
    assert judged(square(4), max_area=0) == ["max_area"]
    assert not Filters(GenerateSettings()) and Filters(GenerateSettings(min_area=0))
    assert Filters(GenerateSettings(), lambda *_: True)


def test_all_that_fail_are_named_in_the_settings_order():
    names = judged(square(10), min_stability=1, max_area=0.5, reject_border=True)
    assert names == ["max_area", "reject_border"]


def test_the_reference_sees_the_sample_and_is_asked_last():
    seen = []

    def reference(image, alpha, mask):
        seen.append((image.shape, alpha.sum(), mask.sum()))
        return mask.sum() > 20 or "too small"

    assert judged(square(5), reference) == [] and seen == [((10, 10, 3), 25 * 255, 25)]
    assert judged(square(4), reference) == ["reference: too small"]
    assert judged(square(4), lambda *_: np.False_) == ["reference"]
    assert judged(square(4), reference, min_area=0.9) == ["min_area"] and len(seen) == 2
    for answer in (None, 1, ""):
        with pytest.raises(TypeError, match="neither a bool nor a reason"):
            judged(square(4), Saying(answer))


class Saying:
    """A reference that always says the same."""

    identity = "saying"

    def __init__(self, answer):
        self.answer = answer

    def __call__(self, image, alpha, mask):
        return self.answer


def named(image, alpha, mask):
    return True


def test_a_reference_is_told_by_its_identity_or_its_name():
    assert reference_identity(named) == f"{__name__}.named"
    assert reference_identity(Saying(True)) == "saying"
    with pytest.raises(UserError, match="which has no name.*identity"):
        reference_identity(lambda *_: True)


def test_a_tally_stops_below_one_percent_and_names_what_most_fail():
    tally = CandidateTally({"min_area": 0.5, "max_components": 1, "reject_border": True})
    tally.add([["min_area", "max_components"]] * 500 + [["max_components"]] * 480 + [[]] * 10)
    tally.add([["min_area"]] * 10)  # 10 of 1000 are enough
    with pytest.raises(WorkError) as error:
        tally.add([["min_area"]])
    assert str(error.value) == (
        "10 of 1001 candidates were accepted, fewer than 1%: 980 fail max_components; "
        "raise --max-components, which is 1"
    )


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("min_area", "lower --min-area, which is 0.5"),
        ("reject_border", "leave --reject-border out"),
        ("reference: nothing seen", "use another reference, or none"),
    ],
)
def test_the_remedy_is_the_settings(name, remedy):
    tally = CandidateTally({"min_area": 0.5, "reject_border": True})
    tally.add([[name]] * 999)
    with pytest.raises(WorkError, match=remedy):
        tally.add([[name]])
