"""Progress of a training, and TensorBoard if asked for."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from ..errors import UserError
from .live import LiveLine, duration
from .samples import show_count
from .state import Counted, TrainingProgress


class TrainingReporter(LiveLine):
    """Shows steps/s, the time left and a run's terms, from the first process only.

    ``tell`` makes words of the terms; TensorBoard's files go below the folder ``tensorboard``.
    """

    def __init__(self, tell: Callable[[dict[str, float]], list[str]], tensorboard: str | None = None):
        self._tell = tell
        self.is_first = os.environ.get("RANK", "0") == "0" or os.environ.get("WORLD_SIZE", "1") == "1"
        super().__init__(silent=not self.is_first)
        # Checked now, made with the first line: the run's folder is not there yet.
        self._folder = Path(tensorboard) if tensorboard and self.is_first else None
        self._writer = None
        self._counted, self._since = Counted(0, 0, ""), 0.0
        if self._folder:
            _import_tensorboard()

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        if self._writer:
            self._writer.close()

    def __call__(self, progress: TrainingProgress) -> None:
        for line in progress.news:
            self.say(f"iteration {progress.iteration}: {line}")
        if progress.warning:
            self.say(f"iteration {progress.iteration}: {progress.warning}")
        share = progress.iteration / progress.iterations
        self.show(self._parts(progress), share=share, now=progress.iteration == progress.iterations)
        if self._folder:
            self._writer = self._writer or _import_tensorboard()(str(self._folder / "tensorboard"))
            for name, value in progress.terms.items():
                self._writer.add_scalar(name, value, progress.iteration)
            self._writer.add_scalar("steps per second", progress.rate, progress.iteration)

    def count(self, progress: Counted) -> None:
        """Show how far it is in what it does between its steps."""
        before, self._counted = self._counted, progress
        if progress.things != before.things or progress.done <= before.done:
            self._since = time.monotonic()  # the first report of these things
        show_count(self, progress, time.monotonic() - self._since)

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


def tell_segmenter(t: dict[str, float]) -> list[str]:
    """Loss and, when it was just measured, mIoU."""
    return [f"loss {t['loss']:.4f}", *([f"mIoU {t['miou']:.4f}"] if "miou" in t else [])]


def tell_encoder(t: dict[str, float]) -> list[str]:
    """Losses and, when they were just measured, errors in grey levels."""
    losses = [f"{name} {t[name]:.4f}" for name in ("code", "image", "photo") if name in t]
    return losses + [f"{name} {t[name]:.1f}" for name in ("error", "photo_error") if name in t]


def _import_tensorboard() -> type:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise UserError(
            "tensorboard", got="no package tensorboard", expected="the extra `tensorboard`",
            remedy='pip install "l4f-datagen[tensorboard]"',
        ) from error  # fmt: skip
    return SummaryWriter
