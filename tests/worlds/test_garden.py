"""The garden: its layers make the picture, its alpha is coverage, its things are seen, and it is hard."""

import cv2
import numpy as np
import pytest

from l4f_datagen import worlds
from l4f_datagen.evaluation.baselines.images import border_colour, cluster_colours, difference, grabcut
from l4f_datagen.worlds.garden.canvas import Canvas
from l4f_datagen.worlds.garden.layers import draw_garden, draw_layers
from l4f_datagen.worlds.garden.things.thing import KINDS

SEEN, SEEN_OF_PICTURE = 0.25, 0.005
"""Least share of a thing, and of the picture, that is seen of every thing."""
STAYS = {
    (0, 0): "d8a6e1cadd219dc8d3439da6c7bec7b3265d000015fa6a0c01852f0000000000",
    (7, 2**24 + 5): "676869667874976c8188877e7186807000000000002fb8040009720100000000",
    (2**40, 12): "91877b678d7b786d90857e74b39e938500170f00006a2000004c0d0000000000",
}
"""Means of the image's green and of alpha over 4×4 squares by (seed, index), as hexadecimal bytes."""


def render(seed, index, size=64):
    return worlds.render("garden", seed=seed, index=index, size=size)


def squares(plane):
    return cv2.resize(plane, (4, 4), interpolation=cv2.INTER_AREA).ravel()


@pytest.mark.parametrize("place", STAYS)
def test_pictures_stay_what_they_are(place):
    r = render(*place)
    found = np.concatenate([squares(r.image[..., 1]), squares(r.alpha)])
    expected = np.frombuffer(bytes.fromhex(STAYS[place]), np.uint8)
    assert np.abs(found.astype(int) - expected).max() <= 1, found.tobytes().hex()


@pytest.mark.parametrize("index", range(12))
def test_the_picture_is_its_layers(index):
    layers, r = draw_layers(seed=3, index=index, size=48), render(3, index, 48)
    alpha = layers.alpha[..., None]
    assert np.array_equal(r.alpha, np.round(layers.alpha * 255)) and r.instances == layers.instances
    colour = layers.foreground / np.maximum(alpha, 1e-6)  # F
    assert layers.foreground.min() >= 0 and colour.max() <= 1 + 1e-5
    composite = colour * alpha + layers.behind * (1 - alpha)
    np.testing.assert_allclose(r.image / 255, np.clip(composite + layers.noise, 0, 1), atol=0.5 / 255 + 1e-5)
    np.testing.assert_allclose(r.background / 255, np.clip(layers.empty + layers.noise, 0, 1), atol=0.5 / 255 + 1e-5)


def test_shadows_darken_the_scene_and_are_no_foreground():
    cast = 0
    for index in range(30):
        layers = draw_layers(seed=0, index=index, size=32)
        assert (layers.behind <= layers.empty + 1e-6).all()
        darker = (layers.empty - layers.behind).max(-1) > 0.1
        cast += (darker & (layers.alpha == 0)).mean() > 0.005
    assert cast > 15


@pytest.mark.parametrize("index", range(6))
def test_alpha_is_the_coverage_that_many_points_find(index):
    """Sixteen times the points give the same coverage, but for what is thinner than a point."""
    garden = draw_garden(seed=5, index=index, size=64)
    few, many = Canvas(256), Canvas(1024)
    for canvas in (few, many):
        for thing in garden.things:
            canvas.draw(thing.parts)
        canvas.erase(garden.grass)
    found, exact = (cv2.resize(c.pixels[..., 3], (64, 64), interpolation=cv2.INTER_AREA) for c in (few, many))
    np.testing.assert_array_equal(found, render(5, index).alpha)
    assert np.abs(found.astype(int) - exact).mean() < 4


def test_every_thing_is_seen():
    counts = set()
    for index in range(60):
        garden = draw_garden(seed=1, index=index, size=8)
        canvas = Canvas(128)
        for number, thing in enumerate(garden.things, 1):
            canvas.draw(thing.parts, number)
        canvas.erase(garden.grass)
        for number, thing in enumerate(garden.things, 1):
            alone = Canvas(128)
            alone.draw(thing.parts)
            seen = (canvas.pixels[..., 3] == number).mean()
            assert seen > SEEN_OF_PICTURE and seen > SEEN * (alone.pixels[..., 3] > 0).mean(), index
        counts.add(len(garden.things))
    assert counts == {1, 2, 3, 4}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_thing_of_each_kind_has_fine_parts(kind):
    """Soft pixels are more than the outline of a plain disc of the same area would have."""
    from l4f_datagen.worlds.garden.things.frame import Frame
    from l4f_datagen.worlds.garden.things.setting import Setting

    softer = 0
    for index in range(5):
        garden, rng = draw_garden(seed=2, index=index, size=8), np.random.default_rng(index)
        setting = Setting(garden.light, garden.grain, garden.scenery.palette, 0.2)
        canvas = Canvas(256)
        canvas.draw(kind(rng, Frame(0, 0.6, 1.2), setting))
        alpha = cv2.resize(canvas.pixels[..., 3], (64, 64), interpolation=cv2.INTER_AREA)
        soft, area = ((alpha > 0) & (alpha < 255)).sum(), alpha.sum() / 255
        softer += soft > 1.15 * 2 * np.sqrt(np.pi * area)
    assert softer >= 4


def test_it_is_hard():
    """What needs no training falls far short, which on vessels it does not."""
    methods = (
        grabcut,
        lambda image: cluster_colours(image, seed=0),
        lambda image: difference(image, border_colour(image)),
        lambda image: np.zeros(image.shape[:2], int),
    )
    counts = np.zeros((len(methods), 4))
    for index in range(worlds.FIRST_TEST_INDEX, worlds.FIRST_TEST_INDEX + 12):
        r = render(0, index)
        truth = (r.alpha >= 128).astype(int)
        for row, method in zip(counts, methods):
            row += np.bincount((2 * truth + method(r.image)).ravel(), minlength=4)
    neither, false, missed, both = counts.T
    assert ((neither / (neither + false + missed) + both / (both + false + missed)) / 2 < 0.8).all()
