import numpy as np
import pytest

from l4f_datagen import worlds
from l4f_datagen.samples.sample import Labelled
from l4f_datagen.settings import TrainSegmenterSettings
from l4f_datagen.training.segmenter.augmentation import augment, centre_crop, with_shorter_side

NOTHING = {"flip": 0, "scale": 0, "scaled": 1.0, "crop": 0, "colour": 0, "blur": 0, "jpeg": 0}


def settings(**changes) -> TrainSegmenterSettings:
    return TrainSegmenterSettings(**{**NOTHING, **changes})


def vessel(size=48) -> Labelled:
    """The image shows its own truth: red is the alpha."""
    picture = worlds.render("vessels", seed=0, index=5, size=size)
    image = picture.image.copy()
    image[..., 0] = picture.alpha
    return Labelled(image, picture.alpha, (picture.alpha >= 128).astype(np.uint8))


def drawn(labelled, number=0, size=None, **changes) -> Labelled:
    size = size or min(labelled.mask.shape)
    return augment(labelled, size, settings(**changes), np.random.default_rng((7, number)))


def test_nothing_changes_nothing():
    before, after = vessel(), drawn(vessel())
    assert all(np.array_equal(getattr(before, name), getattr(after, name)) for name in ("image", "alpha", "mask"))


@pytest.mark.parametrize(
    "changes", [{"flip": 1.0}, {"scale": 0.6}, {"crop": 0.4}, {"flip": 0.5, "scale": 1, "crop": 1}]
)
def test_places_move_image_and_truth_in_step(changes):
    moved = 0
    for number in range(8):
        before, after = vessel(), drawn(vessel(), number, **changes)
        assert after.image.shape == before.image.shape and after.mask.shape == before.mask.shape
        assert np.abs(after.image[..., 0].astype(int) - after.alpha).max() <= 1
        assert ((after.alpha >= 128) != after.mask).mean() < 0.03
        moved += not np.array_equal(before.mask, after.mask)
    assert moved >= (4 if "flip" in changes else 8)


def test_a_flip_is_a_flip():
    assert np.array_equal(drawn(vessel(), flip=1.0).image, vessel().image[:, ::-1])


def test_scaling_keeps_the_middle():
    square = np.zeros((40, 40), np.uint8)
    square[10:30, 10:30] = 255
    labelled = Labelled(np.repeat(square[..., None], 3, 2), square, square // 255)
    sides = []
    for number in range(20):
        mask = drawn(labelled, number, scale=0.5).mask
        assert np.array_equal(mask, mask[::-1]) and np.array_equal(mask, mask[:, ::-1])
        sides.append(mask[20].sum())
    # Between 2/3 and 3/2 of 20 pixels.
    assert 13 <= min(sides) < 18 and 22 < max(sides) <= 30


def test_what_is_not_scaled_keeps_its_pixels():
    before = vessel()
    kept = 0
    for number in range(40):
        after = drawn(before, number, scale=0.5, crop=0.2, flip=0.5, scaled=0.5)
        # Moved by whole pixels and mirrored at the border, an image holds no colour that it did not hold.
        kept += np.isin(_numbers(after.image), _numbers(before.image)).all()
    assert 10 <= kept <= 30


def _numbers(image: np.ndarray) -> np.ndarray:
    return image.astype(np.uint32) @ np.array([1, 256, 65536], np.uint32)


@pytest.mark.parametrize("changes", [{"colour": 0.3}, {"blur": 1.0}, {"jpeg": 1.0}])
def test_looks_change_the_image_alone(changes):
    before, after = vessel(), drawn(vessel(), **changes)
    assert np.array_equal(before.alpha, after.alpha) and np.array_equal(before.mask, after.mask)
    difference = np.abs(before.image.astype(int) - after.image)
    assert 0.2 < difference.mean() < 60


def test_the_ignored_band_stays_ignored():
    labelled = vessel()
    labelled.mask[:, :10] = 255
    for number in range(6):
        mask = drawn(labelled, number, scale=0.3, crop=0.05, flip=0.5).mask
        assert set(np.unique(mask)) <= {0, 1, 255} and 0 < (mask == 255).mean() < 0.5


def test_the_same_generator_gives_the_same_and_another_another():
    everything = {"flip": 0.5, "scale": 0.3, "crop": 0.2, "colour": 0.3, "blur": 0.5, "jpeg": 0.5}
    images = [drawn(vessel(), number, **everything).image for number in (1, 1, 2)]
    assert np.array_equal(images[0], images[1]) and not np.array_equal(images[0], images[2])


def test_crops_of_larger_images_lie_anywhere_in_them():
    labelled = Labelled(np.zeros((20, 60, 3), np.uint8), *[np.tile(np.arange(60, dtype=np.uint8), (20, 1))] * 2)
    firsts = {int(drawn(labelled, number, size=20).mask[0, 0]) for number in range(40)}
    assert min(firsts) < 5 and max(firsts) > 35 and len(firsts) > 15
    assert centre_crop(labelled, 20).mask[0].tolist() == list(range(20, 40))


def test_resizing_by_the_shorter_side():
    image = Labelled(np.zeros((30, 60, 3), np.uint8), np.zeros((30, 60), np.uint8), np.full((30, 60), 7, np.uint8))
    for size in (15, 30, 45):
        resized = with_shorter_side(image, size)
        assert resized.image.shape == (size, 2 * size, 3) and resized.alpha.shape == resized.mask.shape
        assert (resized.mask == 7).all()
