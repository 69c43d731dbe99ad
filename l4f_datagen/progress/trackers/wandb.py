"""Weights & Biases: files in RUN/wandb, which ``wandb sync`` uploads; WANDB_MODE=online sends them at once."""

import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..tracker import Tracker, TrackingFailed, imported

_STEP = "iteration"
_DEFAULTS = {"WANDB_ERROR_REPORTING": "false", "WANDB_SILENT": "true"}
"""No reports of its own errors, and nothing on the terminal."""


class WeightsAndBiases(Tracker):
    """One run there for each run here, in the project WANDB_PROJECT, else l4f-datagen."""

    name = "wandb"

    def __init__(self, run: Path, experiment: Path | None = None):
        super().__init__(run, experiment)
        for name, value in _DEFAULTS.items():
            os.environ.setdefault(name, value)
        self._library: Any = imported("wandb", self.name)
        self._run: Any = None

    def log(self, iteration: int, values: Mapping[str, float]) -> None:
        try:
            self._run = self._run or self._begun()
            # Not as its own steps, which may not go back: a run that was killed does some iterations again.
            self._run.log({_STEP: iteration, **values})
        except self._library.Error as error:
            raise TrackingFailed(str(error)) from error

    def close(self, *, failed: bool) -> None:
        if self._run is not None:
            self._run.finish(exit_code=int(failed))

    def _begun(self) -> Any:
        identifier = self.known_id()
        if identifier is None:
            identifier = uuid.uuid4().hex[:12]
            self.keep_id(identifier)
        run = self._library.init(
            id=identifier, resume="allow", dir=str(self.run), name=self.title, config=self.settings(),
            group=os.environ.get("WANDB_RUN_GROUP") or (self.experiment.name if self.experiment else None),
            project=os.environ.get("WANDB_PROJECT", "l4f-datagen"), mode=os.environ.get("WANDB_MODE", "offline"),
            settings=self._library.Settings(
                console="off", disable_git=True, disable_code=True, x_disable_stats=True, x_disable_meta=True
            ),
        )  # fmt: skip
        run.define_metric(_STEP)
        run.define_metric("*", step_metric=_STEP)
        return run
