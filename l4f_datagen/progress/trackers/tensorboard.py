"""TensorBoard: files in RUN/tensorboard, which ``tensorboard --logdir RUN`` shows."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..tracker import Tracker, imported


class TensorBoard(Tracker):
    """Writes event files; a run that is continued adds another one."""

    name = "tensorboard"

    def __init__(self, run: Path, experiment: Path | None = None):
        super().__init__(run, experiment)
        self._library, self._writer = imported("torch.utils.tensorboard", self.name), None

    def log(self, iteration: int, values: Mapping[str, float]) -> None:
        writer = self._writer = self._writer or self._opened()
        for name, value in values.items():
            writer.add_scalar(name, value, iteration)

    def close(self, *, failed: bool) -> None:
        if self._writer is not None:
            self._writer.close()

    def _opened(self) -> Any:
        return self._library.SummaryWriter(str(self.folder))
