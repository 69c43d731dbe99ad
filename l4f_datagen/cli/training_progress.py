"""Progress of a training: a live line on a terminal, plain lines in a file, TensorBoard if asked for."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.text import Text

from ..errors import UserError
from ..training.log import Progress
from .progress import duration

_SECONDS_BETWEEN_LINES = 10


class TrainingReporter:
    """Shows steps/s, the time left and a run's terms, on standard error, from the first process only.

    ``tell`` makes a line of the terms; TensorBoard's files go below the folder ``tensorboard``.
    """

    def __init__(self, tell: Callable[[dict[str, float]], str], tensorboard: str | None = None):
        self._tell = tell
        self.is_first = os.environ.get("RANK", "0") == "0"
        self._start = time.monotonic()
        self._next_line = self._start + _SECONDS_BETWEEN_LINES
        live = self.is_first and sys.stderr.isatty()
        self._live = Live(console=Console(stderr=True), refresh_per_second=4, transient=True) if live else None
        # Checked now, made with the first line: the run's folder is not there yet.
        self._folder = Path(tensorboard) if tensorboard and self.is_first else None
        self._writer = None
        if self._folder:
            _import_tensorboard()

    def __enter__(self) -> "TrainingReporter":
        if self._live:
            self._live.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        if self._live:
            self._live.__exit__(*error)
        if self._writer:
            self._writer.close()

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if progress.warning:
            self._say(f"iteration {progress.iteration}: {progress.warning}")
        if self._live:
            self._live.update(Text(self._line(progress)))
        elif self.is_first and (now >= self._next_line or progress.iteration == progress.iterations):
            self._next_line = now + _SECONDS_BETWEEN_LINES
            self._say(self._line(progress))
        if self._folder:
            self._writer = self._writer or _import_tensorboard()(str(self._folder / "tensorboard"))
            for name, value in progress.terms.items():
                self._writer.add_scalar(name, value, progress.iteration)
            self._writer.add_scalar("steps per second", progress.rate, progress.iteration)

    def _say(self, text: str) -> None:
        if self._live:
            self._live.console.print(text, highlight=False)
        elif self.is_first:
            print(text, file=sys.stderr, flush=True)

    def _line(self, progress: Progress) -> str:
        """One line of where things stand."""
        left = (progress.iterations - progress.iteration) / progress.rate if progress.rate else 0
        rate = f"{progress.rate:.1f} steps/s  {duration(left)} left"
        return f"{progress.iteration}/{progress.iterations}  {rate}  {self._tell(progress.terms)}"

    @property
    def seconds(self) -> float:
        """Since it was made."""
        return time.monotonic() - self._start


def tell_alpha(t: dict[str, float]) -> str:
    """Losses and the three terms of the masks."""
    return (
        f"D {t['discriminator']:.3f}  A {t['adversarial']:.3f}  B {t['B']:.4f}  C {t['C']:.4f}  E {t['E']:.4f}  "
        f"area {t['area']:.2f}"
    )


def tell_generator(t: dict[str, float]) -> str:
    """Losses, the mean sign of real scores, the augmentation's p and, when it was just measured, the distance."""
    told = f"D {t['discriminator']:.3f}  G {t['generator']:.3f}  sign {t['real_sign']:.2f}  p {t['ada_p']:.3f}"
    return told + (f"  Fréchet {t['frechet']:.2f}" if "frechet" in t else "")


def tell_segmenter(t: dict[str, float]) -> str:
    """Loss and, when it was just measured, mIoU."""
    return f"loss {t['loss']:.4f}" + (f"  mIoU {t['miou']:.4f}" if "miou" in t else "")


def _import_tensorboard() -> type:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise UserError(
            "tensorboard", got="no package tensorboard", expected="the extra `tensorboard`",
            remedy='pip install "l4f-datagen[tensorboard]"',
        ) from error  # fmt: skip
    return SummaryWriter
