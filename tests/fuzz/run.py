"""All cases of a kind, in processes of their own."""

import json
import os
import queue
import signal
import tempfile
import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from ..forked import Process
from .cases import MEMORY, SECONDS

ROOT = Path(__file__).parents[2]
NOT_KINDS = ("__init__", "__main__", "run", "cases", "mutations", "datasets")
_SILENT = 90
"""Seconds of the clock without a word, on a machine that has much else to do, and a case hangs."""
_MOST_FAILURES = 20


def kinds() -> list[str]:
    """Names of all kinds of files."""
    names = [path.stem for path in Path(__file__).parent.glob("*.py")]
    return sorted(name for name in names if name not in NOT_KINDS and not name.startswith("test_"))


@dataclass
class Result:
    """How the cases of a kind ended."""

    kind: str
    seed: int
    outcomes: Counter = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    seconds: tuple[float, int] = (0.0, -1)
    """The slowest case and its time."""
    memory: tuple[int, int] = (0, -1)
    """The case that took most memory, and its bytes."""

    def __str__(self) -> str:
        counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(self.outcomes.items()))
        return (
            f"{self.kind}: {counts}; slowest {self.seconds[0]:.2f} s (case {self.seconds[1]}), "
            f"most memory {self.memory[0] / 2**20:.0f} MiB (case {self.memory[1]})"
        )

    def take(self, told: dict) -> None:
        """Note how a case ended."""
        index = told["ended"]
        self.outcomes[told["outcome"]] += 1
        self.seconds = max(self.seconds, (told["seconds"], index))
        self.memory = max(self.memory, (told["memory"], index))
        if told["outcome"] == "raised":
            self.fail(index, told["error"])
        if told["memory"] > MEMORY:
            self.fail(index, f"it took {told['memory'] >> 20} MiB")
        if told["seconds"] > SECONDS:
            self.fail(index, f"it took {told['seconds']:.1f} s")

    def fail(self, index: int | None, problem: str) -> None:
        """Note what is wrong with a case."""
        self.failures.append(
            f"{problem.strip()}\n→ python -m tests.fuzz {self.kind} --seed {self.seed} --case {index} reads it again"
        )


def run(kind: str, count: int, *, seed: int = 0, first: int = 0, seconds: int = SECONDS) -> Result:
    """Read ``count`` changed files of a kind, each in ``seconds`` of the processor. Ends early after many failures."""
    result, following, end = Result(kind, seed), first, first + count
    while following < end and len(result.failures) < _MOST_FAILURES:
        begun, problem = _one_process(result, following, end - following, seconds)
        if problem is None:
            return result
        result.outcomes["ended the process"] += 1
        result.fail(begun, problem)
        if begun is None:  # not even a whole file
            return result
        following = begun + 1
    return result


def _one_process(result: Result, first: int, count: int, seconds: int) -> tuple[int | None, str | None]:
    """The case that was begun last, and what ended the process before all cases were read."""
    words = [result.kind, *map(str, (first, count, result.seed, seconds))]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        output, errors = Path(folder, "output"), Path(folder, "errors")
        os.mkfifo(output)
        errors.touch()
        places = {"folder": ROOT, "environment": environment, "output": str(output), "errors": str(errors)}
        process = Process("tests.fuzz.cases", words, **places)
        lines: queue.Queue = queue.Queue()
        threading.Thread(target=_lines_of, args=(output, lines), daemon=True).start()
        begun, hangs = None, False
        try:
            while line := lines.get(timeout=_SILENT):
                told = json.loads(line)
                begun = told.get("begun", begun)
                if "ended" in told:
                    result.take(told)
        except queue.Empty:
            hangs = True
        finally:
            process.kill() if hangs else None
            code = process.wait()
        if code == 0:
            return begun, None
        said = errors.read_text(errors="replace")[-2000:]
    return begun, _how_it_ended(code, hangs) + (f":\n{said}" if said.strip() else "")


def _lines_of(pipe: Path, lines: queue.Queue) -> None:
    with pipe.open("rb") as file:
        for line in file:
            lines.put(line)
    lines.put(b"")


def _how_it_ended(code: int, hangs: bool) -> str:
    if hangs:
        return f"nothing for {_SILENT} s: it hangs"
    if code == -signal.SIGXCPU:
        return "more seconds of the processor than a case may take"
    return f"the process ended with {signal.Signals(-code).name if code < 0 else code}"
