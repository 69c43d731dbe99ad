"""How a loop keeps its learner: a checkpoint now and then, and the newest one to begin from."""

from collections.abc import Callable
from pathlib import Path

from ...weights.native import state
from .learner import Learner
from .log import not_finite
from .run import RunFolder

STATE = "state.safetensors"
RUN_STATE = "run.safetensors"
"""Beside the learner's state: what a loop itself has to know when it goes on."""


def resume(folder: RunFolder, learner: Learner) -> int:
    """Load the newest checkpoint. Returns its iteration, 0 if there is none."""
    found = folder.checkpoints()
    if not found:
        return 0
    with state.opened(folder.checkpoint(found[-1]) / STATE) as (tensors, numbers):
        learner.restore(tensors, numbers)
    return found[-1]


def keep(folder: RunFolder, learner: Learner, done: int, *, count: int, save: Callable[[Path], None]) -> None:
    """Write the checkpoint of an iteration, by the first process; ``save`` adds what a user can take as it is.

    Raises:
        WorkError: a weight is not finite.
    """
    if bad := learner.not_finite():
        not_finite(folder, f"weight {bad} after iteration {done}")
    tensors, numbers = learner.state()  # by all: it may hold means over the processes
    if not learner.processes.is_first:
        return

    def fill(target: Path) -> None:
        state.save(target / STATE, tensors, numbers)
        save(target)

    folder.write_folder(folder.checkpoint(done), fill)
    folder.keep_newest(count)
