"""A training run's folder: settings, log, checkpoints, sheets, result."""

import contextlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from ...addresses import hidden_within
from ...devices import explaining_memory
from ...errors import UserError
from ...progress.tracker import TRACKERS
from ...settings import same
from ...storage import atomic, atomic_folders
from ...storage.lock import writing
from . import run_files
from .process_group import Processes
from .run_files import FORMAT, LOG, SETTINGS, VERSION

CHECKPOINTS, SAMPLES, FINAL = "checkpoints", "samples", "final"
ROUNDS = "rounds"
_LESS_MEMORY = {
    "accumulate": "larger --accumulate", "resolution": "smaller --resolution", "size": "smaller --size",
    "memory": "smaller --memory",
}  # fmt: skip
"""Settings beside the batch size by which a training takes less memory."""


class RunFolder:
    """One run's files. Each is there whole or not at all; a checkpoint's folder appears when it is complete."""

    def __init__(self, path: Path):
        self.path = path

    @property
    def log_file(self) -> Path:
        return self.path / LOG

    @property
    def final(self) -> Path:
        return self.path / FINAL

    @contextlib.contextmanager
    def opened(
        self, processes: Processes, description: Mapping[str, Any], *, overwrite: bool = False
    ) -> Iterator[None]:
        """``begin``, and have the folder for oneself while the block lasts.

        Args:
            processes: of this run; the first one writes, the others wait until it has begun.
            description, overwrite: as ``begin`` takes them.

        Raises:
            UserError: as ``begin``; somebody else trains into the folder.
            TooLittleMemory: memory ran out in the block.
        """
        with contextlib.ExitStack() as stack:
            stack.enter_context(processes.obeying())
            asked = description["settings"]
            remedy = "".join(f" or a {how}" for name, how in _LESS_MEMORY.items() if name in asked)
            size = asked.get("batch_size", 1)
            stack.enter_context(explaining_memory(processes.device, size, f"use a smaller --batch-size{remedy}"))
            if processes.is_first:
                self._make_writable()
                stack.enter_context(writing(self.path))
                self.begin(description, overwrite=overwrite)
            processes.wait()
            yield

    def begin(self, description: Mapping[str, Any], *, overwrite: bool = False) -> None:
        """Begin a run, or continue the one that is there.

        Args:
            description: ``stage``, ``settings`` (all of them, resolved), ``identity`` (what the weights depend on), and
                ``defaults``, which is not kept: settings that have their default values.
            overwrite: remove a run that is there, its files only.

        Raises:
            UserError: another stage's or another settings' run, or a folder of other things.
        """
        self._make_writable()
        description = dict(description)
        defaults: Collection[str] = description.pop(same.DEFAULTS, ())
        description = hidden_within({"format": FORMAT, "version": VERSION, **description})
        if (self.path / SETTINGS).is_file():
            if overwrite:
                self._remove()
            else:
                self._check_same(read_description(self.path), description, defaults)
        elif foreign := sorted(p.name for p in self.path.iterdir() if not p.name.startswith(".")):
            raise UserError(
                f"out {self.path}", got=f"a folder without {SETTINGS} that holds {foreign[0]}",
                expected="a new or empty folder, or a run to continue", remedy="choose another folder",
            )  # fmt: skip
        atomic_folders.settle(self.path)
        # Before anything else is there: a folder of other things is refused.
        atomic.write_bytes(self.path / SETTINGS, _to_json(description))
        for folder in (self.path / CHECKPOINTS, self.path / SAMPLES):
            atomic.make_folder(folder)
            atomic_folders.settle(folder)

    def checkpoints(self) -> list[int]:
        """Iterations of the complete checkpoints, ascending."""
        folder = self.path / CHECKPOINTS
        return sorted(int(p.name) for p in folder.iterdir() if p.name.isdigit()) if folder.is_dir() else []

    def checkpoint(self, iteration: int) -> Path:
        """Where the checkpoint of an iteration lies."""
        return self.path / CHECKPOINTS / f"{iteration:06d}"

    def sheet(self, iteration: int) -> Path:
        """Where the sheet of an iteration lies."""
        return self.path / SAMPLES / f"{iteration:06d}.png"

    def write_folder(self, path: Path, fill: Callable[[Path], None]) -> None:
        """Let ``fill`` write into a temporary folder, then give it its name."""
        with atomic_folders.replacing(path) as temporary:
            fill(temporary)

    def keep_newest(self, count: int) -> None:
        """Remove all but the newest checkpoints."""
        for iteration in self.checkpoints()[:-count]:
            atomic_folders.remove(self.checkpoint(iteration))

    def log(self, line: Mapping[str, Any]) -> None:
        """Append one line to the log; ``line`` has an ``iteration``."""
        atomic.append(self.log_file, json.dumps(hidden_within(line), ensure_ascii=False).encode() + b"\n")

    def cut_log(self, iteration: int) -> None:
        """Forget what was logged after ``iteration``, and a line that a kill cut short."""
        if self.log_file.is_file():
            kept = [line for line in run_files.log_lines(self.log_file) if line["iteration"] <= iteration]
            atomic.write_bytes(self.log_file, b"".join(map(run_files.as_line, kept)))

    def _make_writable(self) -> None:
        atomic.check_folder(self.path, f"out {self.path}")

    def _check_same(self, existing: Mapping[str, Any], wanted: Mapping[str, Any], defaults: Collection[str]) -> None:
        if existing.get("stage") != wanted["stage"]:
            raise UserError(
                f"out {self.path}", got=f"a run of {existing.get('stage')}", expected=f"one of {wanted['stage']}",
                remedy="choose another folder",
            )  # fmt: skip
        same.check(self.path, "a run", existing, wanted, defaults)

    def _remove(self) -> None:
        # What says that something is finished goes first, and settings.json stays until the new one takes its place:
        # cut short, it is an unfinished run.
        for name in (FINAL, CHECKPOINTS, SAMPLES, *TRACKERS.names, ROUNDS):
            atomic_folders.remove(self.path / name)
        self.log_file.unlink(missing_ok=True)


def read_description(path: Path) -> dict[str, Any]:
    """``settings.json`` of a run.

    Raises:
        UserError: there is none, it is not ours, or it is damaged.
    """
    return run_files.read_settings(path)


def _to_json(value: object) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"
