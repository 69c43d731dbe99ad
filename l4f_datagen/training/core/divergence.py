"""A training that falls apart: how one knows, and since when."""

from collections.abc import Mapping

from ...errors import WorkError
from .run import RunFolder

LIMIT = 50.0
"""Loss above which a network has lost: a score of −50 where that of a fair game stays within ±20."""
PATIENCE = 3
"""Lines of the log in a row after which there is no way back."""


class Watch:
    """Looks at every line of the log; ``since`` is the iteration after which losses have been too high."""

    def __init__(self, folder: RunFolder, begun: int):
        self.folder, self.since, self._lines, self._last = folder, None, 0, begun

    def judge(self, done: int, means: Mapping[str, float]) -> str | None:
        """What is wrong at iteration ``done``.

        Raises:
            WorkError: it has been for too long.
        """
        worst = max(("discriminator", "generator"), key=lambda name: means.get(name, 0.0))
        if means.get(worst, 0.0) <= LIMIT:
            self.since, self._lines, self._last = None, 0, done
            return None
        self.since = self._last if self.since is None else self.since
        self._lines += 1
        problem = f"the training diverges (loss of the {worst}: {means[worst]:.0f})"
        if self._lines >= PATIENCE:
            kept = self.folder.checkpoints()
            last = f"the last good one is {self.folder.checkpoint(kept[-1])}" if kept else "there is no checkpoint yet"
            raise WorkError(
                f"{problem}, since iteration {self.since + 1}: stopped; {last}; begin a run in another folder with a "
                "larger --r1 or a lower --learning-rate"
            )
        return problem
