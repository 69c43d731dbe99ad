import subprocess
import sys

import numpy as np
import pytest

from l4f_datagen import worlds
from l4f_datagen.errors import UserError


def test_an_unknown_world_names_the_known():
    with pytest.raises(UserError, match="world: got bottles; expected one of: vessels"):
        worlds.render("bottles", seed=0, index=0, size=8)


@pytest.mark.parametrize("bad", [{"seed": -1}, {"index": -1}, {"index": 2**32}, {"size": 0}])
def test_numbers_out_of_range(bad):
    with pytest.raises(ValueError, match=str(next(iter(bad.values())))):
        worlds.render("vessels", **{"seed": 0, "index": 0, "size": 8, **bad})


def test_seed_and_index_both_matter():
    pictures = [worlds.render("vessels", seed=s, index=i, size=8).image for s, i in ((0, 0), (0, 1), (1, 0), (0, 0))]
    np.testing.assert_array_equal(pictures[0], pictures[3])
    assert (pictures[0] != pictures[1]).any() and (pictures[0] != pictures[2]).any()


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
        "import sys; from l4f_datagen import worlds; worlds.render('vessels', seed=0, index=0, size=8); "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
