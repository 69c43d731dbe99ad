"""The layers of a picture, from which it is composed: things, how much of a pixel they cover, what is behind them."""

from dataclasses import dataclass

import cv2
import numpy as np

from .canvas import Canvas, Strokes
from .grain import Grain
from .light import Field, Light
from .placing import draw_grass_before, draw_things
from .scenery.scene import Scenery, draw_scenery
from .shadows import cast_shadows
from .things.setting import Setting
from .things.thing import Thing

_FEW, _FINE, _COARSE = 512, 4, 2
"""Points per pixel and axis, up to so many pixels and beyond; coverage is a multiple of 1/16, or of 1/4."""
_SCENERY_POINTS = 2
_PLAIN_LENS = 0.25
"""Blur of less than so many pixels is left out."""


@dataclass(frozen=True)
class Layers:
    """Arrays are float32, colours [0, 1]."""

    foreground: np.ndarray
    """size×size×3: the things' colour times ``alpha``."""
    alpha: np.ndarray
    """size×size: the share of a pixel that things cover. Shadows are none of them."""
    behind: np.ndarray
    """size×size×3: the scene with the shadows of the things, without the things."""
    empty: np.ndarray
    """size×size×3: the scene without either."""
    noise: np.ndarray
    """size×size×3: what the camera adds to the picture."""
    instances: int
    """Number of things; each is seen, at least in part."""

    def composite(self) -> np.ndarray:
        """The picture without noise: foreground + (1 − alpha) · behind."""
        return self.foreground + (1 - self.alpha[..., None]) * self.behind


@dataclass(frozen=True)
class Garden:
    """What there is in a picture, of whatever size it is drawn."""

    light: Light
    field: Field
    grain: Grain
    scenery: Scenery
    things: list[Thing]
    """From far to near."""
    grass: list[Strokes]
    """What grows before the things."""
    lens: float
    """Blur of what is far away, a share of the picture's side."""
    noise: float


def draw_garden(*, seed: int, index: int, size: int) -> Garden:
    """Draw garden ``index``; its scenery is drawn at ``size``."""
    of_scene, of_things = (np.random.default_rng((seed, index, stream)) for stream in range(2))
    light, field, grain = Light.draw(of_scene), Field.draw(of_scene), Grain(of_scene)
    lens = of_scene.uniform(0, 0.035) if of_scene.random() < 0.75 else 0.0
    pitch, noise = of_scene.uniform(0.12, 0.38), of_scene.uniform(0.004, 0.022)
    scenery = draw_scenery(of_scene, size * _SCENERY_POINTS, light, grain)
    things = draw_things(of_things, Setting(light, grain, scenery.palette, pitch), scenery)
    grass = draw_grass_before(of_things, things, scenery, light)
    return Garden(light, field, grain, scenery, things, grass, lens, noise)


def draw_layers(*, seed: int, index: int, size: int) -> Layers:
    """Draw the layers of garden ``index``; arguments as of ``worlds.render``."""
    garden = draw_garden(seed=seed, index=index, size=size)
    axis = (np.arange(size, dtype=np.float32) + 0.5) * (2 / size) - 1
    scenery = garden.scenery
    on_things, on_scene = garden.field.over(axis, garden.grain, -1.2 if scenery.walled else scenery.horizon)
    side = size * (_FINE if size <= _FEW else _COARSE)
    canvas = Canvas(side)
    for thing in garden.things:
        canvas.draw(thing.parts)
    canvas.erase(garden.grass)
    colours, alpha = _shrunk(canvas, size)
    empty = _through_lens(_shrunk_scenery(scenery, size), axis, scenery.horizon, garden.lens * size)
    shadow = cast_shadows(garden.things, garden.light, scenery, size)
    scenes = [empty, empty * (1 - shadow)[..., None]]
    if garden.grass:
        canvas = Canvas(side)
        canvas.draw(garden.grass)
        blades, covered = _shrunk(canvas, size)
        scenes = [blades + (1 - covered)[..., None] * scene for scene in scenes]
    empty, behind = (np.minimum(scene * on_scene, 1) for scene in scenes)
    noise = np.random.default_rng((seed, index, 2)).standard_normal((size, size, 3), np.float32)
    return Layers(
        foreground=np.minimum(colours * on_things, alpha[..., None]),
        alpha=alpha,
        behind=behind,
        empty=empty,
        noise=noise * np.float32(garden.noise),
        instances=len(garden.things),
    )


def _shrunk(canvas: Canvas, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Means over the points of each pixel: colours times coverage, size×size×3, and coverage, size×size."""
    means = cv2.resize(canvas.pixels, (size, size), interpolation=cv2.INTER_AREA) * np.float32(1 / 255)
    return means[..., :3], means[..., 3]


def _shrunk_scenery(scenery: Scenery, size: int) -> np.ndarray:
    return cv2.resize(cv2.merge(list(scenery.planes)), (size, size), interpolation=cv2.INTER_AREA)


def _through_lens(picture: np.ndarray, axis: np.ndarray, horizon: float, blur: float) -> np.ndarray:
    """A picture that is out of focus, by ``blur`` in pixels, the more the farther away what it shows is."""
    if blur < _PLAIN_LENS:
        return picture
    share = np.clip(1 - (axis - horizon) * 1.6, 0, 1)[:, None, None]
    return picture + (cv2.GaussianBlur(picture, (0, 0), blur) - picture) * share
