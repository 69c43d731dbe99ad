"""What people leave in a garden, and what they pick there: cans, fruit, mushrooms."""

import math

import numpy as np

from ..canvas import Part, Shapes
from ..colours import draw_colour, draw_green
from .bodies import Ball, Coat, draw_waves, opening, tube, turned
from .frame import Frame
from .plants import grown
from .setting import Setting


def can(rng: np.random.Generator, frame: Frame, setting: Setting) -> list[Part]:
    """A jug, a cup or a watering can, with a handle that one sees through."""
    height, wide = rng.uniform(0.55, 0.8), rng.uniform(0.24, 0.36)
    knots = wide * rng.uniform(0.7, 1.1, 4)
    radii = np.interp(np.linspace(0, 3, 14), np.arange(4), knots)
    radii = np.convolve(np.pad(radii, 2, mode="edge"), np.full(5, 0.2), mode="valid")
    colour = setting.colour(rng)
    coat = Coat.draw(rng, colour, setting.colour(rng), gloss=rng.uniform(0.1, 0.7))
    side = rng.choice((-1, 1))
    low, high, out = height * rng.uniform(0.15, 0.35), height * rng.uniform(0.7, 0.95), wide * rng.uniform(0.5, 1.1)
    arc = np.linspace(-math.pi / 2, math.pi / 2, 12)
    handle = np.stack([side * (wide * 0.85 + out * np.cos(arc)), (low + high) / 2 + (high - low) / 2 * np.sin(arc)], -1)
    thick = rng.uniform(0.035, 0.08)
    parts: list[Part] = list(tube(frame, handle, thick, coat.first, setting.light))
    if rng.random() < 0.55:  # a spout
        reach, mouth = rng.uniform(0.3, 0.55), height * rng.uniform(0.85, 1.2)
        s = np.linspace(0, 1, 6)
        spout = np.stack([-side * (wide * 0.7 + reach * s), low * 0.9 + (mouth - low) * s ** rng.uniform(0.9, 2)], -1)
        parts += tube(frame, spout, rng.uniform(0.07, 0.13), coat.first, setting.light)
        if rng.random() < 0.5:
            rose = spout[-1] + np.array([[0.09, 0.05], [-0.05, 0.12], [-0.07, 0.02], [0.03, -0.07]]) * [-side, 1]
            parts.append(Shapes(frame.place(rose)[None], (coat.second * setting.light.sky)[None]))
    if rng.random() < 0.35:  # a hoop above it
        hoop = np.stack([wide * 0.8 * np.cos(arc - math.pi / 2), height + rng.uniform(0.2, 0.35) * np.cos(arc)], -1)
        parts += tube(frame, hoop, thick * 0.7, coat.first, setting.light)
    parts.append(turned(frame, height, radii, coat, setting))
    parts.append(opening(frame, radii[-1] * 0.9, height, setting, 0.45 * coat.first))
    return parts


def fruit(rng: np.random.Generator, frame: Frame, setting: Setting) -> list[Part]:
    """An apple, a pear, a gourd or a pumpkin, with its stem and perhaps a leaf."""
    colour = draw_colour(rng, (-0.04, 0.33), (0.45, 0.9), (0.45, 0.95))
    if rng.random() < 0.4:
        colour = setting.colour(rng)
    other = draw_colour(rng, (-0.03, 0.3), (0.4, 0.9), (0.4, 0.95))
    coat = Coat.draw(rng, colour, other, gloss=rng.uniform(0, 0.55))
    wide, high = rng.uniform(0.36, 0.5), rng.uniform(0.3, 0.46)
    parts: list[Part] = []
    if rng.random() < 0.4:  # a gourd or a pumpkin
        t = np.linspace(-1, 1, 16)
        radii = wide * np.sqrt(1 - 0.93 * t * t)
        radii = radii * (1 + rng.uniform(-0.45, 0.1) * np.clip(t, 0, 1))
        ribs = rng.choice((0, 9, 14))
        parts.append(turned(frame, 2 * high, radii, coat, setting, pitch=setting.pitch * 0.5, ribs=ribs))
    else:
        ball = Ball(0, high, wide, high, draw_waves(rng, 0.06))
        parts.append(ball.surface(frame, coat, setting))
    up, lean = 2 * high, rng.uniform(-0.15, 0.15)
    s = np.linspace(-0.25, 1, 6)
    stem = np.stack([lean * s**2, up + rng.uniform(0.1, 0.28) * s], -1)
    brown = draw_colour(rng, (0.06, 0.25), (0.3, 0.6), (0.2, 0.5))
    parts += tube(frame, stem, rng.uniform(0.03, 0.08), brown, setting.light)
    for _ in range(rng.integers(0, 3)):
        angle = np.array([rng.uniform(0.1, math.pi - 0.1)])
        parts.append(
            grown(rng, frame, setting, stem[2:3], angle, np.array([rng.uniform(0.25, 0.5)]), draw_green(rng)[None])
        )
    return parts


def mushroom(rng: np.random.Generator, frame: Frame, setting: Setting) -> list[Part]:
    """A mushroom, perhaps with a smaller one beside it."""
    height, wide = rng.uniform(0.4, 0.65), rng.uniform(0.3, 0.48)
    stem = setting.colour(rng, 0.3) * 0.5 + 0.4
    radii = rng.uniform(0.07, 0.13) * np.interp(np.linspace(0, 1, 8), [0, 0.3, 1], [1.4, 1, rng.uniform(0.8, 1.1)])
    coat = Coat.draw(rng, stem, stem * 0.7, gloss=0)
    parts: list[Part] = [turned(frame, height, radii, coat, setting)]
    cap = setting.colour(rng) if rng.random() < 0.6 else draw_colour(rng, (-0.02, 0.1), (0.6, 0.9), (0.5, 0.9))
    coat = Coat.draw(rng, cap, np.array([0.95, 0.93, 0.85]), gloss=rng.uniform(0, 0.4))
    t = np.linspace(0, 1, 12)
    radii = wide * np.sqrt(1 - 0.97 * t ** rng.uniform(1.4, 3))
    dome = rng.uniform(0.22, 0.45)
    parts.append(opening(frame, wide, height - 0.02, setting, stem * 0.55))
    parts.append(turned(frame, dome, radii, coat, setting, pitch=setting.pitch * 0.8, lift=height - 0.02))
    return parts
