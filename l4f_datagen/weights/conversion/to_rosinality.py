"""A generator → a file in rosinality's layout, for the tools that read it."""

import io

import torch

from ...errors import UserError
from ...networks.stylegan2 import Generator
from ..kinds import SPOKEN, expected
from ..layouts import rosinality
from .comparison import verified
from .task import NO_LICENCE, Task, Written, beside


def write(task: Task) -> Written:
    """Write the file of a task, once it is read back and verified.

    Raises:
        UserError: there is no generator, or this layout cannot say it.
    """
    found = task.only(
        "generator", "a generator: rosinality's layout has no place for others", "convert it to a native folder"
    )
    generator = expected(found, Generator)
    a = generator.architecture
    if a.classes:
        raise UserError(
            str(task.out), got=f"a class-conditional generator of {a.classes} classes", expected="one of its classes",
            remedy="say it after the path (#class=0), or convert all of them to a native folder",
        )  # fmt: skip
    if a.z_dim != a.w_dim:
        raise UserError(
            str(task.out), got=f"a generator with z of {a.z_dim} and w of {a.w_dim}",
            expected="equal sizes in this layout", remedy="convert it to a native folder",
        )  # fmt: skip
    content = io.BytesIO()
    torch.save({"g_ema": rosinality.state_dict(generator), "latent_avg": generator.w_avg}, content)
    with beside(task.out, content.getbuffer()) as file:
        difference = verified(file, "generator", generator, allow_nan=task.allow_nan)
    return difference, tuple(_unsaid(task, a.conv_clamp))


def _unsaid(task: Task, conv_clamp: float | None) -> list[str]:
    """What the layout has no place for, one sentence each."""
    notes = []
    if conv_clamp is not None:
        notes.append(f"the layout cannot say conv_clamp {conv_clamp:g}; where activations reach it, images differ")
    others = [SPOKEN[kind] for kind in task.networks if kind != "generator"]
    notes += [f"the {other} is left out; the layout has no place for it" for other in others]
    if task.licence:
        notes.append(NO_LICENCE)
    return notes
