"""A pipeline file → its pieces of work in order, each with resolved settings and the networks it looks at."""

from collections.abc import Callable
from pathlib import Path

from ..settings import Pipeline
from .pieces import Draft, Plan
from .registry import stages


def make_plan(
    content: Pipeline,
    folder: Path,
    *,
    n: str | None = None,
    quick: bool = False,
    tell: Callable[[str], None] | None = None,
) -> Plan:
    """The pieces of work that a pipeline file lists, resolved.

    Where it lists several stages, each takes what the one before it made: the generator, the alpha network, the
    shards, the segmenters. The images of train-generator are those of train-alpha too, unless it names others.

    Args:
        n: number of samples to generate, instead of the file's.
        quick: less of everything, as each stage says in ``quick``.
        tell: gets a line that says what the checkpoint recommended for ``generate``, where it is there already.

    Raises:
        UserError: a section is wrong, or it wants what no other makes.
    """
    draft = Draft(content=content, folder=folder, n=n, quick=quick, tell=tell)
    draft.evaluation()
    for stage in stages().values():
        draft.pieces.extend(stage.plan(draft))
    return Plan(
        domain=content.domain, description=content.description, quick=quick, folder=folder, pieces=tuple(draft.pieces)
    )
