import hashlib
import importlib.util

import numpy as np
import pytest

from l4f_datagen import worlds

PICTURES = {
    (0, 0, 64): "078ac2418fdc30bc",
    (0, 1, 64): "79953209ac6b4c2a",
    (7, 2**24 + 5, 64): "5288d6be021ab515",
    (0, 3, 96): "74665fff35c4e813",
    (2**40, 12, 33): "290fe12f5c05d833",
}
"""Start of the SHA-256 over image, alpha and background by (seed, index, size), from the renderer that the
embedded generator's training images were drawn with."""


def render(seed, index, size=64):
    return worlds.render("vessels", seed=seed, index=index, size=size)


def digest(*arrays):
    return hashlib.sha256(b"".join(a.tobytes() for a in arrays)).hexdigest()[:16]


@pytest.mark.parametrize("place", PICTURES)
def test_pictures_stay_what_they_are(place):
    r = render(*place)
    assert digest(r.image, r.alpha, r.background) == PICTURES[place]


def test_a_small_picture_in_full():
    expected = """
        0 0   0   0   0   0 0 0
        0 0 128 255 255 255 0 0
        0 0 191 255 255 255 0 0
        0 0 255 255 255 255 0 0
        0 0 255 255 255 128 0 0
        0 0 255 255 255 128 0 0
        0 0 255 255 255  64 0 0
        0 0   0   0   0   0 0 0"""
    r = render(0, 0, 8)
    np.testing.assert_array_equal(r.alpha, np.array(expected.split(), np.uint8).reshape(8, 8))
    assert r.image[4].tolist()[:4] == [[63, 65, 73], [68, 70, 79], [216, 144, 138], [169, 121, 104]]


def test_equal_to_the_reference(shared):
    path = shared.parent / "tools" / "vessels.py"
    if not path.is_file():
        pytest.skip("the reference is not here")
    spec = importlib.util.spec_from_file_location("reference_vessels", path)
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)
    for index in range(150):
        size = (64, 7, 50)[index % 3]
        r = render(index % 4, index * 977, size)
        for ours, theirs in zip((r.image, r.alpha, r.background), reference.render(index % 4, index * 977, size)):
            np.testing.assert_array_equal(ours, theirs)


def test_the_parts_agree():
    for index in range(40):
        r = render(3, index)
        assert r.image.shape == r.background.shape == (64, 64, 3) and r.alpha.shape == (64, 64)
        assert {a.dtype for a in (r.image, r.alpha, r.background)} == {np.dtype(np.uint8)}
        np.testing.assert_array_equal(r.image[r.alpha == 0], r.background[r.alpha == 0])
        assert set(np.unique(r.alpha)) <= {0, 64, 128, 191, 255}
        covered = r.alpha.mean() / 255
        assert 0.04 < covered < 0.6
        assert (r.image[r.alpha == 255] != r.background[r.alpha == 255]).any(-1).mean() > 0.9


def test_a_larger_size_shows_the_same_vessel():
    large, small = render(0, 5, 128).alpha, render(0, 5, 32).alpha
    shrunk = large.reshape(32, 4, 32, 4).mean((1, 3))
    assert np.abs(shrunk - small).mean() < 4
