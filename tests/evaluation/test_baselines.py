import numpy as np
import pytest
import torch

from l4f_datagen import worlds
from l4f_datagen.evaluation.baselines import images as baselines
from l4f_datagen.evaluation.baselines.spectrum import leading
from l4f_datagen.evaluation.metrics import Tally


def scene(height=48, width=40):
    """A grained wall with a disc of another colour: image and mask."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:height, :width]
    mask = ((y - height / 2) ** 2 + (x - width / 2) ** 2 < 13**2).astype(np.uint8)
    image = np.where(mask[..., None] == 1, (200, 60, 40), (60, 90, 120)) + rng.integers(-9, 10, (height, width, 3))
    return image.astype(np.uint8), mask


def iou(a, b):
    return (a & b).sum() / (a | b).sum()


def found_small(name):
    """Whether it looks at a reduced image even here, so that outlines are a fraction of a pixel off."""
    return name == "spectral clustering of colours"


@pytest.mark.parametrize("name", baselines.ON_IMAGES)
def test_a_plain_scene_is_found(name):
    image, mask = scene()
    found = baselines.ON_IMAGES[name](image)
    assert found.dtype == np.uint8 and found.shape == mask.shape
    assert iou(found, mask) > (0.92 if found_small(name) else 0.95)
    np.testing.assert_array_equal(found, baselines.ON_IMAGES[name](image))


@pytest.mark.parametrize("name", baselines.ON_IMAGES)
def test_an_image_of_one_colour_gives_some_mask(name):
    found = baselines.ON_IMAGES[name](np.full((20, 24, 3), 77, np.uint8))
    assert found.shape == (20, 24) and found.max() <= 1


def test_large_images_are_cut_small_and_enlarged():
    image, mask = scene()
    large, truth = (np.kron(a, np.ones((8, 8, *[1] * (a.ndim - 2)), np.uint8)) for a in (image, mask))
    assert iou(baselines.grabcut(large), truth) > 0.95


def test_the_difference_to_a_known_background():
    image, mask = scene()
    wall = np.full_like(image, (60, 90, 120))
    assert iou(baselines.difference(image, wall), mask) > 0.99
    assert baselines.border_colour(image).tolist() == pytest.approx([60, 90, 120], abs=2)


def test_kmeans_finds_separate_clusters_whatever_the_order():
    random = torch.Generator().manual_seed(0)
    centres = torch.tensor([[0.0, 0], [9, 0], [0, 9]])
    truth = torch.randint(3, (300,), generator=random)
    points = centres[truth] + torch.randn(300, 2, generator=random)
    labels = baselines.kmeans(points, 3, seed=0)
    pairs = set(zip(truth.tolist(), labels.tolist()))
    assert len(pairs) == 3 and len({b for _, b in pairs}) == 3


def test_kmeans_against_opencv():
    import cv2

    random = torch.Generator().manual_seed(1)
    points = torch.cat([torch.randn(200, 5, generator=random) + 2 * k for k in range(4)])

    def spread(labels):
        return sum(float((points[labels == k] - points[labels == k].mean(0)).square().sum()) for k in range(4))

    criteria = (cv2.TERM_CRITERIA_MAX_ITER, 50, 0)
    best, _, _ = cv2.kmeans(points.numpy(), 4, None, criteria, 10, cv2.KMEANS_PP_CENTERS)
    assert spread(baselines.kmeans(points, 4, seed=0, rounds=50)) < 1.02 * best


def test_foreground_clusters_are_those_of_the_centre():
    labels = np.zeros((20, 20), int)
    labels[:10] = 3  # half of the margin, half of the centre
    labels[5:15, 5:15] = 1
    np.testing.assert_array_equal(baselines.foreground_clusters(labels, 4), labels == 1)


def test_clusters_of_features_find_where_they_differ():
    mask = np.zeros((16, 16), np.uint8)
    mask[4:12, 4:12] = 1
    random = torch.Generator().manual_seed(0)
    fine = torch.randn(5, 16, 16, generator=random) * 0.1 + 4 * torch.from_numpy(mask)
    coarse = torch.randn(6, 8, 8, generator=random) * 0.1 - 4 * torch.from_numpy(mask[::2, ::2].copy())
    found = baselines.cluster_features([coarse, fine], 16, seed=0)
    assert iou(found, mask) > 0.9


def test_features_from_8_to_64_pixels_are_clustered():
    features = [torch.zeros(1, 2, side, side) for side in (4, 8, 8, 64, 128)]
    assert [f.shape[-1] for f in baselines.clustered(features, 128)] == [8, 8, 64]
    assert [f.shape[-1] for f in baselines.clustered(features[:1], 4)] == [4]


def test_on_rendered_vessels_all_are_far_better_than_chance():
    tallies = {name: Tally() for name in baselines.ON_IMAGES}
    for index in worlds.split("test", 6):
        picture = worlds.render("vessels", seed=0, index=index, size=48)
        for name, tally in tallies.items():
            tally.add(str(index), baselines.ON_IMAGES[name](picture.image), (picture.alpha >= 128).astype(np.uint8))
    found = {name: tally.row({}, resamples=0, seed=0).values["miou"] for name, tally in tallies.items()}
    assert found["GrabCut from a centred box"] > 0.85
    assert min(found.values()) > 0.6


@pytest.mark.parametrize("rows", [20, 300])
@pytest.mark.parametrize("apart", [1.0, 1e-12])
def test_leading_eigenvectors_span_what_those_of_all_span(rows, apart):
    """Also where the next eigenvalue is as large, and any of a plane is right."""
    random = torch.Generator().manual_seed(0)
    vectors = torch.linalg.qr(torch.randn(rows, rows, generator=random, dtype=torch.float64))[0]
    values = torch.linspace(0, 0.5, rows, dtype=torch.float64)
    values[-4:] = values[-5] + 0.1 * apart * torch.arange(1, 5)
    matrix = vectors * values @ vectors.T
    found = leading(matrix, 4)
    torch.testing.assert_close(found.T @ found, torch.eye(4, dtype=torch.float64))
    torch.testing.assert_close((found.T @ matrix @ found).trace(), values[-4:].sum())
    if apart == 1:
        torch.testing.assert_close(found @ found.T, vectors[:, -4:] @ vectors[:, -4:].T, atol=1e-7, rtol=0)
