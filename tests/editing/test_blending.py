"""Foregrounds before other backgrounds: what holds for every image, by hand and at random."""

import numpy as np
import pytest

from l4f_datagen.editing import blending
from l4f_datagen.editing.completing import completed, opencv
from l4f_datagen.errors import UserError

SIZE = 40


def image(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (SIZE, SIZE, 3), np.uint8)


def disc(x: int, y: int, radius: float, soft: float = 3.0) -> np.ndarray:
    """An alpha uint8 with a soft rim."""
    rows, columns = np.mgrid[:SIZE, :SIZE]
    distance = np.hypot(rows - y, columns - x)
    return np.rint(255 * np.clip((radius - distance) / soft + 0.5, 0, 1)).astype(np.uint8)


def layer(alpha: np.ndarray, margin: int = 2) -> blending.Layer:
    return blending.layer_of(alpha, threshold=0.5, margin=margin)


def kept(original, alpha, edited, after, way="telea"):
    before, later, inpainter = layer(alpha), layer(after), opencv(way)
    background = completed(original, before.support, inpainter)
    return before, later, blending.kept_background(original, background, before, edited, later, inpainter)


@pytest.mark.parametrize("way", ["telea", "ns"])
@pytest.mark.parametrize("seed", range(3))
def test_outside_both_supports_all_bytes_are_the_originals_and_inside_they_are_the_edits(seed, way):
    original, edited = image(seed), image(seed + 100)
    before, after, result = kept(original, disc(15, 15, 8), edited, disc(22, 20, 7 + seed), way)
    outside = ~(before.support | after.support)
    assert 0 < outside.mean() < 1
    np.testing.assert_array_equal(result[outside], original[outside])
    sure = after.alpha[..., 0] == 1
    np.testing.assert_array_equal(result[sure], edited[sure])
    assert result.dtype == np.uint8
    # Where the foreground stood and stands no more is neither the original nor the edit.
    gone = before.mask & ~after.support
    assert gone.any() and (result[gone] != original[gone]).mean() > 0.9 and (result[gone] != edited[gone]).mean() > 0.9


@pytest.mark.parametrize("seed", range(3))
def test_an_edit_that_changes_nothing_changes_nothing(seed):
    original = image(seed)
    *_, result = kept(original, disc(15, 15, 8), original, disc(15, 15, 8))
    np.testing.assert_array_equal(result, original)


def test_half_a_pixel_of_background_is_replaced_at_the_outline():
    """Known colours: foreground 200, background 40 before, 100 behind the edit; alpha tells each pixel's shares."""
    alpha = disc(20, 20, 9)
    share = alpha[..., None] / 255

    def scene(background):
        return np.rint(200 * share + background * (1 - share)).repeat(3, 2).astype(np.uint8)

    *_, result = kept(scene(40), alpha, scene(100), alpha)
    # Alphas of less than .05 and more than .95 count as none and all.
    assert np.abs(result.astype(int) - scene(40)).max() <= 8
    plain = np.abs(scene(100).astype(int) - scene(40))
    assert plain.max() == 60


def test_haze_far_from_the_mask_is_no_foreground():
    alpha = np.maximum(disc(20, 20, 8), 60)
    found = layer(alpha)
    assert found.alpha[0, 0] == 0 and not found.support[0, 0] and found.alpha[20, 20] == 1


@pytest.mark.parametrize("margin", [0, 2, 4])
def test_doubt_within_a_mask_is_no_transparency(margin):
    """An alpha that is undecided all over the foreground, which also goes on beyond the image's border."""
    alpha = np.where(np.arange(SIZE)[:, None] < 24, 160, 0).astype(np.uint8).repeat(SIZE, axis=1)
    soft = layer(alpha, margin).alpha[..., 0]
    rim = 1 + max(1, margin // 2)
    assert (soft[: 24 - rim] == 1).all()
    assert (np.diff(soft[24 - rim : 25], axis=0) <= 0).all() and 0 < soft[23].min() == soft[23].max() < 0.7


def test_margins_widen_the_support_alone():
    narrow, wide = (layer(disc(20, 20, 8), margin) for margin in (0, 5))
    np.testing.assert_array_equal(narrow.mask, wide.mask)
    np.testing.assert_array_equal(narrow.support, narrow.mask)
    assert wide.support[20, 20 - 8 - 5] and not wide.support[20, 20 - 8 - 7]


def test_figures_by_hand():
    original = np.full((4, 4, 3), 100, np.uint8)
    mask = np.zeros((4, 4), bool)
    mask[:2] = True
    before = blending.Layer(mask, mask, mask.astype(np.float32)[..., None])
    later = np.zeros((4, 4), bool)
    later[1:3] = True
    after = blending.Layer(later, later, later.astype(np.float32)[..., None])
    edited, result = original + 10, original.copy()
    result[later] = 112
    found = blending.figures(original, before, edited, after, result, previous=later)
    assert found == pytest.approx({
        "area": 0.5, "iou_before": 1.0, "iou_original": 1 / 3, "plain_outside": 10.0, "kept_outside": 0.0,
        "inside_db": 10 * np.log10(255**2 / 4), "inside_change_db": 10 * np.log10(100 / 144),
    })  # fmt: skip
    assert blending.psnr(original, original, mask) == blending.BEST_DB
    assert blending.iou(~mask & mask, ~mask & mask) == 1


@pytest.mark.parametrize(
    "answer",
    [None, "text", np.zeros((4, 4, 3), np.uint8), np.zeros((SIZE, SIZE), np.uint8), np.zeros((SIZE, SIZE, 3))],
    ids=["none", "text", "small", "grey", "floats"],
)
def test_inpainters_that_give_no_image(answer):
    hole = layer(disc(20, 20, 8)).support
    with pytest.raises(UserError, match="expected an image of the same shape"):
        completed(image(0), hole, lambda *_: answer)


def test_inpainters_cannot_change_what_is_known():
    original, hole = image(0), layer(disc(20, 20, 8)).support

    def everything(picture, mask):
        picture[:] = 7
        mask[:] = True
        return picture

    before = original.copy()
    filled = completed(original, hole, everything)
    assert (filled[hole] == 7).all()
    np.testing.assert_array_equal(filled[~hole], before[~hole])
    np.testing.assert_array_equal(original, before)
