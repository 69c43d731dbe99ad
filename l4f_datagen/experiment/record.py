"""How long each stage took and on what: ``run.json``, which outlives a call of ``run``."""

import json
import logging
import platform
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..documents import JSON_BYTES, Unreadable, read_file, read_json
from ..errors import UserError
from ..process.cores import cores
from ..storage import atomic

FILE = "run.json"
logger = logging.getLogger(__name__)

FORMAT, VERSION = "l4f-datagen-experiment", 1


class Clock:
    """One stage that is being done; ``made`` says how much of it was, 0 when all was there."""

    made: int | None = None


class Record:
    """Seconds of every stage over all calls that did something, and the hardware of the last one."""

    def __init__(self, folder: Path):
        self._path = folder / FILE
        self.stages: dict[str, dict[str, Any]] = {}
        if not self._path.exists():
            return
        try:
            content = read_json(read_file(self._path, most=JSON_BYTES), str(self._path), kind=dict)
        except Unreadable as error:  # times alone are lost: everything else is in the stages' own files
            logger.warning("%s; how long the stages took is not known any more", error)
            return
        stages = content.get("stages")
        if content.get("format") == FORMAT and content.get("version") == VERSION and isinstance(stages, dict):
            self.stages = {name: timed for name, timed in stages.items() if _is_timed(timed)}

    @contextmanager
    def timing(self, stage: str) -> Iterator[Clock]:
        """Time a block and keep it, unless it says that it had nothing to do, or refused. An interruption counts."""
        clock, start = Clock(), time.monotonic()
        try:
            yield clock
        except UserError:
            clock.made = 0  # nothing was written
            raise
        finally:
            if clock.made != 0 and self._path.parent.is_dir():
                seconds = self.seconds(stage) or 0.0
                seconds += time.monotonic() - start
                self.stages[stage] = {"seconds": round(seconds, 1), "hardware": hardware()}
                self._write()

    def seconds(self, stage: str) -> float | None:
        """None: not timed, as for work that another command did."""
        return self.stages.get(stage, {}).get("seconds")

    def _write(self) -> None:
        content = {"format": FORMAT, "version": VERSION, "stages": self.stages}
        atomic.write_bytes(self._path, json.dumps(content, indent=1).encode() + b"\n")


def _is_timed(value: object) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("hardware"), dict):
        return False
    return type(value.get("seconds")) in (int, float) and value["seconds"] >= 0


def hardware() -> Mapping[str, Any]:
    """Cores that this process may use, threads, GPUs."""
    import torch

    gpus = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return {"cpu": _processor(), "cores": cores(), "torch_threads": torch.get_num_threads(), "gpus": gpus}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
