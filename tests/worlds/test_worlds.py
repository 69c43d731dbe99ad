import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from l4f_datagen import worlds
from l4f_datagen.errors import UserError
from l4f_datagen.worlds.kept import keeping


def test_an_unknown_world_names_the_known():
    with pytest.raises(UserError, match="world: got bottles; expected one of: vessels, garden"):
        worlds.render("bottles", seed=0, index=0, size=8)


@pytest.mark.parametrize("bad", [{"seed": -1}, {"index": -1}, {"index": 2**32}, {"size": 0}])
def test_numbers_out_of_range(bad):
    with pytest.raises(ValueError, match=str(next(iter(bad.values())))):
        worlds.render("vessels", **{"seed": 0, "index": 0, "size": 8, **bad})


@pytest.mark.parametrize("name", worlds.NAMES)
def test_seed_and_index_both_matter(name):
    pictures = [worlds.render(name, seed=s, index=i, size=8).image for s, i in ((0, 0), (0, 1), (1, 0), (0, 0))]
    np.testing.assert_array_equal(pictures[0], pictures[3])
    assert (pictures[0] != pictures[1]).any() and (pictures[0] != pictures[2]).any()


@pytest.mark.parametrize("name", worlds.NAMES)
@pytest.mark.parametrize("size", [8, 33, 64])
def test_a_rendering_is_what_it_says(name, size):
    r = worlds.render(name, seed=3, index=7, size=size)
    assert r.image.shape == r.background.shape == (size, size, 3) and r.alpha.shape == (size, size)
    assert {a.dtype for a in (r.image, r.alpha, r.background)} == {np.dtype(np.uint8)}
    assert 0.02 < r.alpha.mean() / 255 < 0.7 and 1 <= r.instances <= 4
    assert (r.image[r.alpha == 255] != r.background[r.alpha == 255]).any(-1).mean() > 0.9


@pytest.mark.parametrize("name", worlds.NAMES)
def test_order_and_threads_make_no_difference(name):
    indices = range(40, 52)
    forward = [worlds.render(name, seed=1, index=i, size=24) for i in indices]
    with ThreadPoolExecutor(4) as pool:
        threaded = list(pool.map(lambda i: worlds.render(name, seed=1, index=i, size=24), reversed(indices)))[::-1]
    for one, other in zip(forward, threaded):
        for field in ("image", "alpha", "background"):
            np.testing.assert_array_equal(getattr(one, field), getattr(other, field))


@pytest.mark.parametrize("name", worlds.NAMES)
def test_a_larger_size_shows_the_same_picture(name):
    for index in range(4):
        large, small = (worlds.render(name, seed=0, index=index, size=size) for size in (128, 64))
        for field, difference in (("alpha", 5), ("image", 10), ("background", 10)):
            shrunk = getattr(large, field).reshape(64, 2, 64, 2, -1).mean((1, 3)).squeeze()
            assert np.abs(shrunk - getattr(small, field)).mean() < difference, (index, field)


def test_pictures_are_kept_while_somebody_wants_that():
    def draw(index: int) -> worlds.Rendering:
        return worlds.render("vessels", seed=0, index=index, size=8)

    alone = draw(1)
    with keeping(most=2 * 8 * 8 * 7 + 1):  # two pictures and their masks
        first, second, third = map(draw, (1, 2, 3))
        assert draw(1) is first and draw(2) is second and draw(3) is not third
        assert worlds.render("vessels", seed=0, index=1, size=4) is not first, "another size is another picture"
        for field in ("image", "alpha", "background"):
            np.testing.assert_array_equal(getattr(first, field), getattr(alone, field))
            np.testing.assert_array_equal(getattr(draw(3), field), getattr(third, field))
            with pytest.raises(ValueError, match="read-only"):
                getattr(first, field)[0] = 0
    assert draw(1) is not first


def test_splits_share_no_index():
    whole = worlds.split("train", worlds.FIRST_TEST_INDEX)
    test = worlds.split("test", worlds.INDICES - worlds.FIRST_TEST_INDEX)
    assert whole.start == 0 and whole.stop == test.start == 2**24 and test.stop == 2**32
    assert worlds.split("train", 5) == range(5)
    assert worlds.split("test", 5) == range(2**24, 2**24 + 5)
    assert len(worlds.split("test", 0)) == 0


@pytest.mark.parametrize("name", ["train", "test"])
def test_a_split_that_would_run_into_the_other_is_refused(name):
    size = {"train": 2**24, "test": 2**32 - 2**24}[name]
    with pytest.raises(UserError, match=f"at most the {size} pictures of the {name} split"):
        worlds.split(name, size + 1)


def test_an_unknown_split():
    with pytest.raises(UserError, match="split: got validation; expected one of: train, test"):
        worlds.split("validation", 1)


def test_worlds_need_no_torch():
    program = (
        "import sys; from l4f_datagen import worlds; "
        "[worlds.render(name, seed=0, index=0, size=8) for name in worlds.NAMES]; "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
