"""Things with hair: creatures with fur or spines, cacti."""

import math

import numpy as np

from ..canvas import Part, Shapes, Strokes
from ..colours import draw_colour, draw_green
from ..leaves import leaves, lit_leaves
from .bodies import Ball, Coat, draw_waves, opening, tube, turned
from .frame import Frame
from .setting import Setting


def creature(rng: np.random.Generator, frame: Frame, setting: Setting) -> list[Part]:
    """Something small with fur or spines: a body, a head, ears, eyes, a tail at times."""
    colour = setting.near(rng) if rng.random() < 0.5 else draw_colour(rng, (0.02, 0.12), (0.05, 0.6), (0.2, 0.9))
    coat = Coat.draw(rng, colour, draw_colour(rng, (0.02, 0.12), (0.05, 0.5), (0.15, 0.9)), gloss=0)
    side = float(rng.choice((-1, 1)))
    length, width, wild = rng.uniform(0.18, 0.5), rng.uniform(0.006, 0.015), rng.uniform(0.15, 0.5)
    body = Ball(0, 0.4, rng.uniform(0.3, 0.46), 0.38, draw_waves(rng, 0.05))
    head = Ball(
        side * rng.uniform(0.0, 0.32), rng.uniform(0.62, 0.85), rng.uniform(0.2, 0.27), rng.uniform(0.18, 0.24),
        draw_waves(rng, 0.04),
    )  # fmt: skip
    comb = np.array([-side * rng.uniform(0, 0.7), rng.uniform(-0.6, 0.2)])
    parts: list[Part] = _tail(rng, frame, setting, coat, -side, width) if rng.random() < 0.6 else []
    for ball, count, combed in ((body, 200, comb), (head, 100, 0.6 * comb)):
        if ball is head:
            parts.append(_ears(rng, frame, setting, head, colour))
        parts.append(ball.surface(frame, coat, setting))
        parts += _hair(rng, frame, ball, coat, setting, count=count, length=length, width=width, comb=combed, wild=wild)
    return parts + _face(frame, head, side)


def cactus(rng: np.random.Generator, frame: Frame, setting: Setting) -> list[Part]:
    """A cactus in a pot: ribs, arms and spines."""
    pot = Coat.draw(rng, setting.colour(rng, 0.6), setting.colour(rng), gloss=0.2)
    top, height = rng.uniform(0.18, 0.28), rng.uniform(0.2, 0.32)
    parts: list[Part] = [turned(frame, height, np.linspace(0.75 * top, top, 6), pot, setting)]
    parts.append(opening(frame, top * 0.9, height, setting, np.array([0.3, 0.24, 0.18])))
    green = draw_green(rng)
    coat = Coat.draw(rng, green, green * 0.7, gloss=0)
    wide, high = rng.uniform(0.13, 0.24), rng.uniform(0.2, 0.4)
    bodies = [Ball(0, height + high * 0.9, wide, high, draw_waves(rng, 0.03))]
    for side in (-1, 1):
        if rng.random() < 0.5:
            at = height + high * rng.uniform(0.7, 1.3)
            bodies.append(Ball(side * (wide + 0.05), at + 0.1, 0.075, rng.uniform(0.12, 0.2), draw_waves(rng, 0.03)))
    pale = Coat.draw(rng, np.array([0.9, 0.86, 0.7]), np.array([0.8, 0.7, 0.4]), gloss=0)
    for body in bodies:
        parts.append(body.surface(frame, coat, setting))
        parts += _hair(
            rng, frame, body, pale, setting, count=90, length=rng.uniform(0.25, 0.6), width=0.006,
            comb=np.zeros(2), wild=0.3,
        )  # fmt: skip
    return parts


def _tail(
    rng: np.random.Generator, frame: Frame, setting: Setting, coat: Coat, side: float, width: float
) -> list[Part]:
    """A tail to a side, with a tuft."""
    s = np.linspace(0, 1, 8)
    turn, reach = rng.uniform(0.3, 2.4), rng.uniform(0.3, 0.6)
    line = np.stack([side * (0.3 + reach * np.sin(s * turn)), 0.2 + reach * s * np.sin(s * turn + 0.3)], -1)
    tuft = Ball(line[-1, 0], line[-1, 1], 0.08, 0.08, draw_waves(rng, 0, 0))
    hair = _hair(rng, frame, tuft, coat, setting, count=40, length=1.2, width=width, comb=np.zeros(2), wild=0.6)
    return [*tube(frame, line, rng.uniform(0.05, 0.12), coat.first, setting.light), *hair]


def _ears(rng: np.random.Generator, frame: Frame, setting: Setting, head: Ball, colour: np.ndarray) -> Shapes:
    angle = np.array([math.pi / 2 - rng.uniform(0.3, 0.8), math.pi / 2 + rng.uniform(0.3, 0.8)])
    outlines = leaves(
        frame.place(head.points(angle, 0.8)), frame.angle(angle), np.full(2, rng.uniform(0.16, 0.5)) * frame.scale,
        rng.uniform(0.4, 0.9), rng.normal(0, 0.3, 2), round_=rng.uniform(0.7, 1.2),
    )  # fmt: skip
    return lit_leaves(rng, setting.light, outlines, np.stack([colour, colour * 0.9]))


def _face(frame: Frame, head: Ball, side: float) -> list[Part]:
    dark, bright = np.array([0.05, 0.04, 0.04]), np.array([0.85, 0.85, 0.85])
    eye = 0.16 * head.width * _CIRCLE
    shift = 0.25 * side * head.width
    middle = [np.array([head.x + shift + k * 0.42 * head.width, head.y + 0.12 * head.height]) for k in (-1, 1)]
    nose = np.array([head.x + shift * 1.2, head.y - 0.35 * head.height])
    outlines = [*(eye + m for m in middle), *(eye * 0.35 + m + 0.05 * head.width for m in middle), eye * 0.9 + nose]
    return [Shapes(frame.place(np.stack(outlines)), np.stack([dark, dark, bright, bright, dark * 2]))]


def _hair(
    rng: np.random.Generator, frame: Frame, ball: Ball, coat: Coat, setting: Setting, *, count: int,
    length: float, width: float, comb: np.ndarray, wild: float,
) -> list[Strokes]:  # fmt: skip
    """Hair over a round body and beyond its outline.

    Args:
        length: of a hair over the body's size.
        comb: which way it is combed, a vector of the thing's coordinates; its length against 1, which is outwards.
        wild: how much single hairs turn away, in radians.
    """
    angle = rng.uniform(0, 2 * math.pi, count)
    share = np.sqrt(rng.uniform(0.05, 1, count))
    # Half of them stand along the outline, where they are seen against what is behind.
    share[: count // 2] = rng.uniform(0.88, 1.0, count // 2)
    share.sort()
    out = np.stack([np.cos(angle), np.sin(angle)], -1)
    root = ball.points(angle, share)
    way = out * share[:, None] + comb
    turn = np.arctan2(way[:, 1], way[:, 0]) + rng.normal(0, wild, count)
    reach = length * rng.uniform(0.5, 1.1, count) * min(ball.width, ball.height)
    curl = rng.normal(0, 0.5, count)
    middle = root + 0.55 * reach[:, None] * np.stack([np.cos(turn), np.sin(turn)], -1)
    tip = middle + 0.45 * reach[:, None] * np.stack([np.cos(turn + curl), np.sin(turn + curl)], -1)
    nx, ny = out[:, 0] * share, out[:, 1] * share
    colours = coat.colours(nx[None], (ny * 0.5 + 0.5)[None], setting.grain)[:, 0].T
    lit = colours * setting.light.on(nx, -ny, np.sqrt(np.maximum(1 - nx * nx - ny * ny, 0.02))).T
    lit = lit * (1 + 0.35 * rng.uniform(-1, 1, (count, 1)))
    root, middle, tip = frame.place(root), frame.place(middle), frame.place(tip)
    return [
        Strokes(np.stack([middle, tip], 1), lit * 1.05, 0.0),
        Strokes(np.stack([root, middle], 1), lit, width * frame.scale),
    ]


_CIRCLE = np.stack([np.cos(turn := np.linspace(0, 2 * math.pi, 10, endpoint=False)), np.sin(turn)], -1)
