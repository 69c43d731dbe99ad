"""Progress of commands that make or read samples, and how they end."""

from ..engines.dataset import Progress
from .live import LiveLine, duration


class ProgressReporter(LiveLine):
    """Shows samples/s, the shard in work and the time left."""

    def __call__(self, progress: Progress) -> None:
        self.show(self.line(progress))

    def line(self, progress: Progress) -> str:
        """One line of where things stand."""
        rate = progress.made / max(self.seconds, 1e-9)
        left = duration((progress.to_make - progress.made) / rate) if rate else "?"
        done = progress.samples - progress.to_make + progress.made
        return (
            f"{done}/{progress.samples} samples  {rate:.1f}/s  shard {progress.shard + 1} of {progress.shards}  "
            f"{left} left"
        )


class CountReporter(LiveLine):
    """Shows how many of some things are done."""

    def __init__(self, things: str):
        super().__init__()
        self._things = things

    def __call__(self, done: int, count: int) -> None:
        rate = done / max(self.seconds, 1e-9)
        self.show(f"{done}/{count} {self._things}  {rate:.1f}/s  {duration((count - done) / rate)} left")


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
