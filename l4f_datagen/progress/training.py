"""Progress of a training, on the terminal and where else it is asked for."""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..short import short
from .live import LiveLine, duration
from .samples import show_count
from .state import Counted, TrainingProgress
from .tracker import NOWHERE, Tracker, Tracking, TrackingFailed


class TrainingReporter(LiveLine):
    """Shows steps/s, the time left and a run's terms, from the first process only.

    A tracker that fails is told, and the training goes on without it.

    Args:
        tell: makes words of the terms.
        run: the run's folder.
        tracking: where the terms go too.

    Raises:
        UserError: the library of a tracker is not installed.
    """

    def __init__(
        self, tell: Callable[[dict[str, float]], list[str]], run: str | None = None, tracking: Tracking = NOWHERE
    ):
        self._tell = tell
        self.is_first = os.environ.get("RANK", "0") == "0" or os.environ.get("WORLD_SIZE", "1") == "1"
        super().__init__(silent=not self.is_first)
        self._counted, self._since = Counted(0, 0, ""), 0.0
        self._run, self._part = None if run is None else Path(run), ""
        self._tracking = tracking if run is not None and self.is_first else NOWHERE
        self._trackers = self._tracking.open(Path(run)) if run is not None else []

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        self._close(failed=error[0] is not None)

    def __call__(self, progress: TrainingProgress) -> None:
        for line in progress.news:
            self.say(f"iteration {progress.iteration}: {line}")
        if progress.warning:
            self.say(f"iteration {progress.iteration}: {progress.warning}")
        share = progress.iteration / progress.iterations
        self.show(self._parts(progress), share=share, now=progress.iteration == progress.iterations)
        values = {**progress.terms, "steps per second": progress.rate}
        self._turn_to(progress.part)
        for tracker in list(self._trackers):
            self._track(tracker, lambda tracker=tracker: tracker.log(progress.iteration, values))

    def count(self, progress: Counted) -> None:
        """Show how far it is in what it does between its steps."""
        before, self._counted = self._counted, progress
        if progress.things != before.things or progress.done <= before.done:
            self._since = time.monotonic()  # the first report of these things
        show_count(self, progress, time.monotonic() - self._since)

    def closing(self, final: Path, iterations: int, made: int) -> tuple[str, dict[str, Any]]:
        """What a training command ends with: its line, to which a measure may be added, and the values of ``--json``.

        Args:
            iterations: of the whole run.
            made: those of this call, which the seconds are of.
        """
        text = f"{final}: {iterations} iterations, {made} now in {self.seconds:.1f} s"
        values = {"final": str(final), "iterations": iterations, "made": made, "seconds": round(self.seconds, 3)}
        return text, values

    def _turn_to(self, part: str) -> None:
        """Let each run within the run have trackers of its own: they count the same steps anew."""
        if part == self._part or self._run is None:
            return
        self._close(failed=False)
        self._part, names = part, tuple(tracker.name for tracker in self._trackers)
        together = replace(self._tracking, names=names, experiment=self._tracking.experiment or self._run)
        self._trackers = together.open(self._run / part)

    def _close(self, *, failed: bool) -> None:
        for tracker in list(self._trackers):
            self._track(tracker, lambda tracker=tracker: tracker.close(failed=failed))

    def _track(self, tracker: Tracker, work: Callable[[], None]) -> None:
        try:
            work()
        except TrackingFailed as error:
            self.say(f"{tracker.name}: {short(error, 300)}; the training goes on without it")
            self._trackers = [one for one in self._trackers if one is not tracker]

    def _parts(self, progress: TrainingProgress) -> list[str]:
        """Steps, how fast they come, the time left, the terms."""
        left = (progress.iterations - progress.iteration) / progress.rate if progress.rate else 0
        steps = f"{progress.iteration}/{progress.iterations}"
        return [steps, f"{progress.rate:.1f} steps/s", f"{duration(left)} left", *self._tell(progress.terms)]


def tell_alpha(t: dict[str, float]) -> list[str]:
    """Losses and the three terms of the masks; of an alpha network that learns cuts, how far it is from them."""
    if "cuts" in t:
        return [f"cuts {t['cuts']:.3f}", f"area {t['area']:.2f}"]
    losses = [f"D {t['discriminator']:.3f}", f"A {t['adversarial']:.3f}"]
    return [*losses, *(f"{name} {t[name]:.4f}" for name in "BCE"), f"area {t['area']:.2f}"]


def tell_generator(t: dict[str, float]) -> list[str]:
    """Losses, the mean sign of real scores, the augmentation's p and, when it was just measured, the distance."""
    losses = [f"D {t['discriminator']:.3f}", f"G {t['generator']:.3f}"]
    told = [*losses, f"sign {t['real_sign']:.2f}", f"p {t['ada_p']:.3f}"]
    return told + ([f"Fréchet {t['frechet']:.2f}"] if "frechet" in t else [])


def tell_layered(t: dict[str, float]) -> list[str]:
    """Losses, the mean sign of real scores, and the terms of the masks."""
    losses = [f"D {t['discriminator']:.3f}", f"G {t['generator']:.3f}", f"sign {t['real_sign']:.2f}"]
    return [*losses, *(f"{name} {t[name]:.4f}" for name in "BCE"), f"area {t['area']:.2f}"]


def tell_segmenter(t: dict[str, float]) -> list[str]:
    """Loss and, when it was just measured, mIoU."""
    return [f"loss {t['loss']:.4f}", *([f"mIoU {t['miou']:.4f}"] if "miou" in t else [])]


def tell_encoder(t: dict[str, float]) -> list[str]:
    """Losses and, when they were just measured, errors in grey levels."""
    losses = [f"{name} {t[name]:.4f}" for name in ("code", "image", "photo") if name in t]
    return losses + [f"{name} {t[name]:.1f}" for name in ("error", "photo_error") if name in t]
