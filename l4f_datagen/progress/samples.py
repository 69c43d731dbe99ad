"""Progress of commands that make or read samples, and how they end."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from .live import LiveLine, duration, in_notebook
from .state import Counted, Progress


class ProgressReporter(LiveLine):
    """Shows samples per second, the shard in work and the time left."""

    def __call__(self, progress: Progress) -> None:
        share = progress.made / progress.to_make if progress.to_make else 1.0
        self.show(self.parts(progress), share=share, drop=(2, 1))

    def parts(self, progress: Progress) -> list[str]:
        """How many samples there are, how fast they come, the shard in work, the time left."""
        rate = progress.made / max(self.seconds, 1e-9)
        left = duration((progress.to_make - progress.made) / rate) if rate else "?"
        done = progress.samples - progress.to_make + progress.made
        return [
            f"{done}/{progress.samples} samples",
            f"{rate:.1f}/s",
            f"shard {progress.shard + 1} of {progress.shards}",
            f"{left} left",
        ]


class CountReporter(LiveLine):
    """Shows how many of some things are done."""

    def __init__(self, things: str):
        super().__init__()
        self._things = things

    def __call__(self, done: int, count: int) -> None:
        show_count(self, Counted(done, count, self._things), self.seconds)


def show_count(line: LiveLine, progress: Counted, seconds: float) -> None:
    """Show how many of some things are done, after how many seconds."""
    rate = progress.done / max(seconds, 1e-9)
    left = duration((progress.count - progress.done) / rate) if rate else "?"
    share = progress.done / progress.count if progress.count else 1.0
    parts = [f"{progress.done}/{progress.count} {progress.things}", f"{rate:.1f}/s", f"{left} left"]
    line.show(parts, share=share, drop=(1,))


def shown_in_notebooks(
    report: Callable[[Progress], None] | None,
) -> AbstractContextManager[Callable[[Progress], None]]:
    """A block's ``report``; None: it is shown where a notebook asked for the work, and nowhere else."""
    if report is not None:
        return nullcontext(report)
    return ProgressReporter() if in_notebook() else nullcontext(lambda progress: None)


def closing_values(out: str, progress: Progress, seconds: float) -> dict[str, Any]:
    """``closing_line`` for programs."""
    counts = {"samples": progress.samples, "shards": progress.shards, "made": progress.made}
    return {"out": out, **counts, "seconds": round(seconds, 3)}


def closing_line(out: str, progress: Progress, seconds: float, shards: range | None) -> str:
    """What a run says at its end; ``shards`` when it made a part of the data set."""
    rate = f", {progress.made / seconds:.1f}/s" if progress.made else ""
    made = f"made {progress.made} in {seconds:.1f} s{rate}"
    if shards is None:
        return f"{out}: {progress.samples} samples in {progress.shards} shards; {made}"
    return (
        f"{out}: shards {shards.start}:{shards.stop} of {progress.shards} are done; {made}; "
        f"once all are, l4f-datagen finalize {out} ends the data set"
    )
