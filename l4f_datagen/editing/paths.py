"""The way of an edit: what is added to a code at each step."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import UserError
from ..networks.stylegan2 import Generator
from ..settings import EditSettings
from ..settings.edit import chosen_layers
from ..weights.arrays import read_array
from . import directions

STRENGTH, STEPS = 2.0, 7
_FOUND = re.compile(r"(sefa|pca):(\d{1,6})", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Way:
    """What is added to a code w+ at each step."""

    offsets: Tensor
    """(steps, num_ws, w_dim) float32."""
    strengths: tuple[float, ...]
    """How far each step goes, in the unit of the direction; of a list of codes their numbers."""
    name: str
    """What tells it from others: of a direction that was found its name, of a file its hash."""
    start: Tensor | None = None
    """Where a list of codes begins, w+ (num_ws, w_dim); None for a direction."""


def way_of(settings: EditSettings, generator: Generator) -> Way:
    """The steps that the settings ask for.

    Raises:
        UserError: there is no such direction or layer, or a file's numbers are none of this generator's.
    """
    architecture = generator.architecture
    layers = layers_of(settings.layers, generator)
    chosen = torch.zeros(architecture.num_ws, 1)
    chosen[list(layers)] = 1
    found = _FOUND.fullmatch(settings.direction.strip())
    if found:
        vector = _found(generator, found[1], int(found[2]), layers)
        return _along(settings, vector * chosen, found[0])
    if settings.direction.partition(":")[0] in ("sefa", "pca"):
        raise _no_direction(settings.direction, architecture.w_dim)
    numbers = _from_file(settings.direction, architecture.num_ws, architecture.w_dim)
    if numbers.ndim == 3:
        return _listed(settings, numbers, chosen)
    if not (numbers * chosen).any():
        raise UserError(
            f"direction {settings.direction}", got="zeros in all of the layers", expected="a direction",
            remedy="choose another file, or other --layers",
        )  # fmt: skip
    return _along(settings, numbers * chosen, _digest(numbers))


def layers_of(layers: str, generator: Generator) -> tuple[int, ...]:
    """The layers of w+ that a setting names. Raises UserError where the generator has no such ones."""
    try:
        return chosen_layers(layers, generator.architecture.num_ws)
    except ValueError as error:
        raise UserError("layers", got=layers, expected=f"{error} of this generator", remedy="change --layers") from None


def _found(generator: Generator, kind: str, number: int, layers: Sequence[int]) -> Tensor:
    """A direction that is found in the generator, (1, w_dim), one standard deviation of w long."""
    w_dim = generator.architecture.w_dim
    if number >= w_dim:
        raise _no_direction(f"{kind}:{number}", w_dim)
    all_of_them = directions.sefa(generator, layers) if kind == "sefa" else directions.pca(generator)
    return (all_of_them.vectors[number] * all_of_them.deviations[number])[None]


def _no_direction(name: str, w_dim: int) -> UserError:
    return UserError(
        "direction", got=name, expected=f"sefa:K or pca:K with K from 0 to {w_dim - 1}, or a file",
        remedy="analyze directions shows what they do",
    )  # fmt: skip


def _from_file(path: str, num_ws: int, w_dim: int) -> Tensor:
    """A direction (1 or num_ws, w_dim), or a list of codes (steps, 1 or num_ws, w_dim)."""
    expected = (
        f"a direction of {w_dim} numbers or {num_ws}×{w_dim} ones, or a w+ per step: N×{num_ws}×{w_dim} or N×1×{w_dim}"
    )
    numbers = read_array(path, expected=expected)
    shape = tuple(numbers.shape)
    if numbers.ndim == 4 and shape[1] == 1:  # as lists of batches of one are
        numbers = numbers[:, 0]
    if numbers.ndim == 1:
        numbers = numbers[None]
    fits = numbers.ndim in (2, 3) and numbers.shape[-1] == w_dim and numbers.shape[-2] in (1, num_ws) and len(numbers)
    if not fits:
        raise UserError(
            f"direction {path}", got=f"numbers of shape {'×'.join(map(str, shape)) or '()'}", expected=expected,
            remedy="use a direction of this generator",
        )  # fmt: skip
    if not torch.isfinite(numbers).all():
        raise UserError(
            f"direction {path}", got="numbers that are not finite (NaN or infinity)", expected="finite ones",
            remedy="make it again",
        )  # fmt: skip
    return numbers


def _along(settings: EditSettings, direction: Tensor, name: str) -> Way:
    """Steps along a direction (num_ws, w_dim)."""
    strengths = settings.strengths
    if strengths and (settings.strength is not None or settings.steps is not None):
        raise UserError(
            "strengths", got="both strengths and strength or steps", expected="one or the other",
            remedy="leave out --strengths, or --strength and --steps",
        )  # fmt: skip
    if not strengths:
        furthest = STRENGTH if settings.strength is None else settings.strength
        steps = settings.steps or STEPS
        # Written so that the middle step is exactly 0.
        shares = [2 * step / (steps - 1) - 1 for step in range(steps)] if steps > 1 else [1.0]
        strengths = tuple(furthest * share for share in shares)
    return Way(offsets=torch.tensor(strengths).view(-1, 1, 1) * direction, strengths=strengths, name=name)


def _listed(settings: EditSettings, codes: Tensor, chosen: Tensor) -> Way:
    """Steps as a list of codes (steps, 1 or num_ws, w_dim) has them, less the first one."""
    if settings.strengths or settings.steps is not None:
        raise UserError(
            "steps", got=f"steps or strengths, and {settings.direction}, a list of {len(codes)} codes",
            expected="the steps of the list", remedy="leave out --steps and --strengths",
        )  # fmt: skip
    factor = 1.0 if settings.strength is None else settings.strength
    start = codes[0].expand(len(chosen), -1)
    offsets = factor * (codes - codes[:1]) * chosen
    strengths = tuple(map(float, range(len(codes))))
    return Way(offsets=offsets, strengths=strengths, name=f"{_digest(codes)} times {factor:g}", start=start)


def _digest(numbers: Tensor) -> str:
    return hashlib.sha256(numbers.contiguous().numpy().tobytes()).hexdigest()
