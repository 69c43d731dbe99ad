"""Progress of a training, and TensorBoard if asked for."""

import os
from collections.abc import Callable
from pathlib import Path

from ..errors import UserError
from ..training.log import Progress
from .live import LiveLine, duration


class TrainingReporter(LiveLine):
    """Shows steps/s, the time left and a run's terms, from the first process only.

    ``tell`` makes a line of the terms; TensorBoard's files go below the folder ``tensorboard``.
    """

    def __init__(self, tell: Callable[[dict[str, float]], str], tensorboard: str | None = None):
        self._tell = tell
        self.is_first = os.environ.get("RANK", "0") == "0" or os.environ.get("WORLD_SIZE", "1") == "1"
        super().__init__(silent=not self.is_first)
        # Checked now, made with the first line: the run's folder is not there yet.
        self._folder = Path(tensorboard) if tensorboard and self.is_first else None
        self._writer = None
        if self._folder:
            _import_tensorboard()

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        if self._writer:
            self._writer.close()

    def __call__(self, progress: Progress) -> None:
        if progress.warning:
            self.say(f"iteration {progress.iteration}: {progress.warning}")
        self.show(self._line(progress), now=progress.iteration == progress.iterations)
        if self._folder:
            self._writer = self._writer or _import_tensorboard()(str(self._folder / "tensorboard"))
            for name, value in progress.terms.items():
                self._writer.add_scalar(name, value, progress.iteration)
            self._writer.add_scalar("steps per second", progress.rate, progress.iteration)

    def _line(self, progress: Progress) -> str:
        """One line of where things stand."""
        left = (progress.iterations - progress.iteration) / progress.rate if progress.rate else 0
        rate = f"{progress.rate:.1f} steps/s  {duration(left)} left"
        return f"{progress.iteration}/{progress.iterations}  {rate}  {self._tell(progress.terms)}"


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
