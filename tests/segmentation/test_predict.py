import itertools

import cv2
import numpy as np
import pytest
import torch
from torch import nn

import l4f_datagen as l4f
from l4f_datagen.networks.segmenter import Segmenter
from l4f_datagen.segmentation import predict
from l4f_datagen.segmentation.predict import _starts


class Red(Segmenter):
    """Foreground where an image is red; remembers the sizes that it saw."""

    name = "red"

    def __init__(self, size=None, foreground=(1,), classes=2):
        super().__init__(classes=classes, foreground=foreground, size=size)
        self.gain = nn.Parameter(torch.tensor(20.0))
        self.seen = []

    def forward(self, image):
        self.seen.append(tuple(image.shape))
        scores = [-self.gain * image[:, 0], self.gain * image[:, 0]]
        scores += [2 * self.gain * image[:, 1]] * (self.classes - 2)
        return torch.stack(scores, 1)


def pictures(count=3, height=40, width=60) -> np.ndarray:
    """A red disc of another place on each."""
    images = np.zeros((count, height, width, 3), np.uint8)
    for number, image in enumerate(images):
        cv2.circle(image, (15 + 8 * number, 20), 10, (255, 0, 0), -1)
    return images


def truth(images) -> np.ndarray:
    return (images[..., 0] > 127).astype(np.uint8)


def test_masks_at_the_images_size():
    images, network = pictures(), Red()
    found = l4f.segment(network, images, batch_size=2)
    assert np.array_equal(found.mask, truth(images)) and np.array_equal(found.classes, truth(images))
    assert np.array_equal(found.alpha, 255 * truth(images))
    assert all(a.dtype == np.uint8 for a in (found.mask, found.classes, found.alpha))
    assert network.seen == [(2, 3, 40, 60), (1, 3, 40, 60)]


@pytest.mark.parametrize("way", [{}, {"size": 24}, {"size": 77}, {"tile": 16}, {"size": 24, "threshold": 0.7}])
def test_large_images_in_bands_are_no_different(monkeypatch, way):
    images = pictures(2, height=61, width=60)
    expected = l4f.segment(Red(classes=3), images, **way)
    monkeypatch.setattr(predict, "_LARGE", 100)
    monkeypatch.setattr(predict, "_BAND", 500)
    found = l4f.segment(Red(classes=3), images, **way)
    for name in ("mask", "classes"):
        assert (getattr(found, name) != getattr(expected, name)).mean() < 1e-3
    assert np.abs(found.alpha.astype(int) - expected.alpha).max() <= 1


@pytest.mark.parametrize("size", [20, 80])
def test_resized_to_the_size_of_training_and_back(size):
    images = pictures()
    for network, flag in ((Red(size=size), None), (Red(), size), (Red(size=99), size)):
        found = l4f.segment(network, images, size=flag)
        assert network.seen == [(3, 3, size, size * 3 // 2)]
        assert found.mask.shape == images.shape[:3]
        assert (found.mask != truth(images)).mean() < 0.03


def test_tiles_see_the_image_as_it_is():
    images, network = pictures(), Red(size=16)
    found = l4f.segment(network, images, tile=24, batch_size=4)
    assert np.array_equal(found.mask, truth(images))
    assert {shape[2:] for shape in network.seen} == {(24, 24)} and max(s[0] for s in network.seen) <= 4


def test_a_tile_larger_than_the_image_is_cut_to_it():
    network = Red()
    assert l4f.segment(network, pictures(1, 40, 60), tile=1000).mask.shape == (1, 40, 60)
    assert all(shape[2:] == (40, 40) for shape in network.seen)


@pytest.mark.parametrize(("length", "tile", "overlap"), [(100, 32, 0.25), (33, 32, 0.0), (32, 32, 0.5), (1000, 7, 0.9)])
def test_tiles_cover_everything_and_overlap(length, tile, overlap):
    starts = _starts(length, tile, overlap)
    assert starts[0] == 0 and starts[-1] + tile == length
    steps = [b - a for a, b in itertools.pairwise(starts)]
    assert all(0 < step <= tile * (1 - overlap) + 1 for step in steps)


def test_classes_beyond_two():
    images = pictures()
    images[:, :4, :, 1] = 255
    network = Red(classes=3, foreground=(2,))
    found = l4f.segment(network, images)
    assert set(np.unique(found.classes)) == {0, 1, 2}
    assert np.array_equal(found.mask == 1, found.classes == 2)


def test_a_threshold_cuts_the_alpha():
    image = np.full((1, 4, 4, 3), 128, np.uint8)
    probability = torch.softmax(torch.tensor([-20 / 255, 20 / 255]), 0)[1].item()
    assert l4f.segment(Red(), image).mask.all()
    assert l4f.segment(Red(), image, threshold=probability - 0.01).mask.all()
    assert not l4f.segment(Red(), image, threshold=probability + 0.01).mask.any()


def test_no_images_and_no_such_images():
    assert l4f.segment(Red(), np.zeros((0, 5, 6, 3), np.uint8)).mask.shape == (0, 5, 6)
    for wrong in (np.zeros((5, 6, 3), np.uint8), np.zeros((1, 5, 6, 3), np.float32)):
        with pytest.raises(ValueError, match="expected uint8 N×H×W×3"):
            l4f.segment(Red(), wrong)
