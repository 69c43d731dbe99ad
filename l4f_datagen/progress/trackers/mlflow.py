"""MLflow: files in RUN/mlflow, of an experiment in one folder, or what MLFLOW_TRACKING_URI names, a server say."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..tracker import Tracker, TrackingFailed, imported

_DEFAULTS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ALLOW_FILE_STORE": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}
"""It calls nobody by itself; a folder is enough where nothing else is named, and needs no data base; a training does
not wait for minutes for a server that is gone."""
_AT_ONCE, _LONGEST = 100, 500
"""Parameters of a request, and characters of each."""


class MLflow(Tracker):
    """One run there for each run here, in the experiment MLFLOW_EXPERIMENT_NAME, else l4f-datagen."""

    name = "mlflow"

    def __init__(self, run: Path, experiment: Path | None = None):
        super().__init__(run, experiment)
        for name, value in _DEFAULTS.items():
            os.environ.setdefault(name, value)
        self._tracking: Any = imported("mlflow.tracking", self.name)
        self._entities: Any = imported("mlflow.entities", self.name)
        self._failed: type[Exception] = imported("mlflow.exceptions", self.name).MlflowException
        self._client: Any = None
        self._id = ""

    def log(self, iteration: int, values: Mapping[str, float]) -> None:
        now = int(1000 * time.time())
        try:
            client = self._client = self._client or self._begun()
            metrics = [self._entities.Metric(name, value, now, iteration) for name, value in values.items()]
            client.log_batch(self._id, metrics=metrics)
        except self._failed as error:
            raise TrackingFailed(str(error)) from error

    def close(self, *, failed: bool) -> None:
        if self._id:
            try:
                self._client.set_terminated(self._id, "FAILED" if failed else "FINISHED")
            except self._failed as error:
                raise TrackingFailed(str(error)) from error

    def _begun(self) -> Any:
        place = os.environ.get("MLFLOW_TRACKING_URI") or ((self.experiment or self.run) / self.name / "runs").as_uri()
        client = self._tracking.MlflowClient(tracking_uri=place)
        if identifier := self.known_id():
            client.update_run(identifier, "RUNNING")
        else:
            name = os.environ.get("MLFLOW_EXPERIMENT_NAME", "l4f-datagen")
            found = client.get_experiment_by_name(name)
            experiment = found.experiment_id if found else client.create_experiment(name)
            tags = {"group": self.experiment.name} if self.experiment else None
            identifier = client.create_run(experiment, run_name=self.title, tags=tags).info.run_id
            self.keep_id(identifier)
            values = [
                self._entities.Param(key, str(value)[:_LONGEST]) for key, value in self.settings().items()
            ]  # fmt: skip
            for start in range(0, len(values), _AT_ONCE):
                client.log_batch(identifier, params=values[start : start + _AT_ONCE])
        self._id = identifier
        return client
