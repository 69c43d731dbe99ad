"""A pipeline file → its pieces of work in order, each with resolved settings and the networks it looks at."""

from collections.abc import Callable, Mapping
from pathlib import Path

from ..errors import UserError
from ..settings import Pipeline
from .pieces import Draft, Plan
from .registry import stages


def left_out_for(given: Mapping[str, str]) -> dict[str, str]:
    """The stages that need not be done: those that would make what is given, and all that come before them.

    Args:
        given: what is there already, by the flag that gave it.

    Returns their names, and why each is left out.
    """
    known = stages()
    found: dict[str, str] = {}

    def leave_out(name: str, why: str) -> None:
        found.setdefault(name, why)
        for before in known[name].after:
            leave_out(before, why)

    for name, stage in known.items():
        if stage.instead in given:
            leave_out(name, f"--{stage.instead} was given")
    return found


def make_plan(
    content: Pipeline,
    folder: Path,
    *,
    n: str | None = None,
    quick: bool = False,
    given: Mapping[str, str] | None = None,
    tell: Callable[[str], None] | None = None,
) -> Plan:
    """The pieces of work that a pipeline file lists, resolved.

    Where it lists several stages, each takes what the one before it made: the generator, the alpha network, the
    shards, the segmenters. The images of train-generator are those of train-alpha too, unless it names others.

    Args:
        n: number of samples to generate, instead of the file's.
        quick: less of everything, as each stage says in ``quick``.
        given: what is there already, by the flag that gave it; it takes the place of what ``left_out_for`` leaves out.
        tell: gets a line that says what the checkpoint recommended for ``generate``, where it is there already.

    Raises:
        UserError: a section is wrong, or it wants what no other makes.
    """
    draft = Draft(
        content=content, folder=folder, n=n, quick=quick, tell=tell, given=given or {}, left_out=dict(content.left_out)
    )
    draft.evaluation()
    for stage in stages().values():
        draft.pieces.extend(stage.plan(draft))
    if n is not None and not any(piece.kind == "generate" for piece in draft.pieces):
        raise UserError("n", got=n, expected="no number: nothing is generated", remedy="leave --n out")
    return Plan(
        domain=content.domain, description=content.description, quick=quick, folder=folder,
        pieces=tuple(draft.pieces), left_out=draft.left_out,
    )  # fmt: skip
