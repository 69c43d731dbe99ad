"""The stages there are: every file in ``stages``, in the order in which they follow one another."""

from collections.abc import Callable
from functools import cache
from typing import Any

from ..kinds import Kinds, classes
from .stage import Stage

FILES = Kinds("experiment.stages")


@cache
def stages() -> dict[str, Stage[Any]]:
    """Stages by name; each comes after those that it names in ``after``, the others by the alphabet."""
    kinds: list[Callable[[], Stage[Any]]] = []
    for name in FILES.names:
        kinds += classes(FILES.module(name), Stage)
    waiting = {stage.name: stage for stage in sorted((kind() for kind in kinds), key=lambda stage: stage.name)}
    found: dict[str, Stage[Any]] = {}
    while waiting:
        ready = next((stage for stage in waiting.values() if not waiting.keys() & set(stage.after)), None)
        assert ready is not None, f"stages that wait for each other: {', '.join(waiting)}"
        found[ready.name] = waiting.pop(ready.name)
    return found
