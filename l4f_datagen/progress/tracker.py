"""Where the numbers of a training go beside its own log: what all of these have in common."""

import abc
import importlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from ..documents import Unreadable, read_file, read_json
from ..errors import UserError
from ..kinds import Kinds
from ..storage import atomic

TRACKERS = Kinds("progress.trackers")
"""A file each, which defines one ``Tracker``."""
_ID = "run-id"
_MOST_BYTES = 4 << 20


class TrackingFailed(Exception):
    """A tracker cannot be reached, or does not take what it gets. The training goes on without it."""


class Tracker(abc.ABC):
    """Takes the numbers of one run, in the first process. Its library is imported when it is made, and not before.

    What it leaves lies in the run's folder, in one that bears the tracker's name. A run that is continued goes on where
    it was in the tracker too: its identifier is kept there.

    Args:
        run: the run's folder, which need not be there before the first ``log``.
        experiment: the folder of the experiment that the run is part of; None: of none.

    Raises:
        UserError: the library is not installed; names the extra.
    """

    name: str

    def __init__(self, run: Path, experiment: Path | None = None):
        self.run = Path(os.path.abspath(run))
        self.experiment = None if experiment is None else Path(os.path.abspath(experiment))

    @abc.abstractmethod
    def log(self, iteration: int, values: Mapping[str, float]) -> None:
        """Take numbers by name, after so many iterations.

        Raises:
            TrackingFailed: they cannot be taken.
        """

    @abc.abstractmethod
    def close(self, *, failed: bool) -> None:
        """End, for now: the run is over, or was stopped. Raises as ``log``."""

    @property
    def folder(self) -> Path:
        """Where it may leave files."""
        return self.run / self.name

    @property
    def title(self) -> str:
        """What people see the run as: its folder's name, or its place within the experiment, whose name comes first."""
        return self.run.name if self.experiment is None else self.run.relative_to(self.experiment.parent).as_posix()

    def known_id(self) -> str | None:
        """The identifier of a run that is continued; None: it begins."""
        path = self.folder / _ID
        return path.read_text("utf-8").strip() or None if path.is_file() else None

    def keep_id(self, identifier: str) -> None:
        """Remember the identifier of the run."""
        atomic.make_folder(self.folder)
        atomic.write_bytes(self.folder / _ID, f"{identifier}\n".encode())

    def settings(self) -> dict[str, Any]:
        """The settings of the run, and its stage, as its ``settings.json`` has them; without keys in addresses."""
        try:
            path = self.run / "settings.json"
            found = read_json(read_file(path, most=_MOST_BYTES), str(path), kind=dict, most=_MOST_BYTES)
        except (Unreadable, OSError):
            return {}
        return {"stage": found.get("stage", ""), **found.get("settings", {})}


def imported(module: str, tracker: str) -> ModuleType:
    """The library of a tracker.

    Raises:
        UserError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UserError(
            tracker, got=f"no package {tracker}", expected=f"the extra `{tracker}`",
            remedy=f'pip install "l4f-datagen[{tracker}]"',
        ) from error  # fmt: skip


@dataclass(frozen=True)
class Tracking:
    """Where the numbers of trainings go, beside their logs."""

    names: tuple[str, ...] = ()
    """Of trackers, some of ``TRACKERS.names``."""
    experiment: Path | None = None
    """The folder of the experiment that the trainings are part of; None: of none."""

    def open(self, run: Path) -> list[Tracker]:
        """The trackers of a training, which begin with its first numbers.

        Args:
            run: the training's folder.

        Raises:
            UserError: the library of one is not installed.
        """
        return [_maker(name)(run, self.experiment) for name in self.names]


NOWHERE = Tracking()
"""No trackers."""


def _maker(name: str) -> Callable[[Path, Path | None], Tracker]:
    return TRACKERS.only(name, Tracker)
