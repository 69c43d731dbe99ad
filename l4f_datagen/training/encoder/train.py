"""Training an encoder for any generator, on its own samples and on photographs, without a download."""

import math
from collections.abc import Generator as Made
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ... import weights
from ...errors import UserError
from ...networks.pixels import image_from_uint8, image_to_uint8
from ...networks.stylegan2 import Generator
from ...photographs.opening import open_source
from ...settings import TrainEncoderSettings
from ...sheet import picture_grid, save_png
from ...weights import native
from ...weights.generators.squares import check_square
from ...weights.native import state
from ...weights.source import Source
from ..core.loop import Report, Training, carry_out, describe
from ..core.process_group import Processes
from ..core.real_images import RealImages
from ..core.run import RunFolder
from .learner import TERMS, EncoderLearner

STAGE = "train-encoder"
_SHOWN, _AT_ONCE = 8, 16
"""Pictures of each kind on a sheet, and pictures that are measured at once."""


@dataclass(frozen=True)
class EncoderResult:
    """A finished run of ``train-encoder``."""

    final: Path
    quality: dict[str, Any]
    """As in the card: ``code_error`` in standard deviations of codes, ``error`` and ``photo_error`` in grey levels."""
    made: int
    """Iterations of this call."""


def train_encoder(
    settings: TrainEncoderSettings,
    out: str | Path,
    *,
    overwrite: bool = False,
    report: Report = lambda progress: None,
) -> EncoderResult:
    """Train an encoder into the run folder ``out``, or continue the run that is there.

    Calls ``report`` with every line of the log. ``final/`` is a native checkpoint with the averaged network.

    Raises:
        UserError: generator, photographs, settings or folder are not usable; nothing was written.
        WorkError: a loss was not finite; the checkpoints before it stay.
    """
    processes = Processes(device=settings.device, precision=settings.precision)
    check(settings, processes.count)
    generator, source = weights.read_generator(settings.generator)
    check_square(generator.architecture, source.name, "an encoder")
    images = open_images(settings, generator)
    facts: dict[str, Any] = {"generator": source.sha256}
    if images is not None:
        facts["number of images"] = len(images.source)

    def begin(folder: RunFolder) -> EncoderTraining:
        learner = EncoderLearner(settings, generator, source.sha256, processes)
        return EncoderTraining(settings, folder, learner, images, source)

    return carry_out(
        out, processes, describe(STAGE, settings, settings.FREE, facts), overwrite=overwrite, report=report,
        begin=begin, result=_result,
    )  # fmt: skip


def check(settings: TrainEncoderSettings, processes: int) -> None:
    """Refuse a batch that the processes cannot share.

    Raises:
        UserError: as it says.
    """
    if settings.batch_size % processes or settings.batch_size // processes < 2:
        raise UserError(
            "batch_size", got=f"{settings.batch_size} for {processes} processes",
            expected=f"a multiple of {processes}, two or more samples each, which batch normalisation needs",
            remedy="change --batch-size",
        )  # fmt: skip


def open_images(settings: TrainEncoderSettings, generator: Generator) -> RealImages | None:
    """The photographs at the generator's size; None where the settings name none.

    Raises:
        UserError: there are none where the settings say.
    """
    if settings.images is None or not settings.photographs:
        return None
    source = open_source(settings.images, world_images=settings.world_images)
    return RealImages(source, size=generator.architecture.resolution, seed=settings.seed, mirror=settings.mirror)


class EncoderTraining(Training[Tensor | None]):
    """One run of ``train-encoder``; a batch is this process's share of its photographs."""

    terms = TERMS

    def __init__(
        self,
        settings: TrainEncoderSettings,
        folder: RunFolder,
        learner: EncoderLearner,
        images: RealImages | None,
        source: Source,
    ):
        super().__init__(settings, folder, learner)
        self.settings, self.learner, self.images, self.source = settings, learner, images, source
        self._last: dict[str, float] = {}

    def batches(self, iterations: range) -> Made[Tensor | None]:
        count, processes = self.settings.photographs, self.processes
        if self.images is None or not self.learner.share(count):
            yield from (None for _ in iterations)
            return
        plan = (range(i * count, (i + 1) * count)[processes.index :: processes.count] for i in iterations)
        yield from self.images.batches(plan, workers=processes.reading_threads(), device=self.learner.device)

    def step(self, iteration: int, batch: Tensor | None) -> dict[str, Tensor]:
        return self.learner.learn(iteration, batch)

    def measures(self, done: int, ended: bool) -> bool:
        return ended or done % self.settings.validate_every == 0

    def measure(self, done: int) -> dict[str, float]:
        """How far the averaged encoder's answers are off, on samples that it never saw and on photographs."""
        if not self.processes.is_first:
            return {}
        codes, samples, photographs = [], [], []
        for start in range(0, self.settings.validation_samples, _AT_ONCE):
            places = range(start, min(start + _AT_ONCE, self.settings.validation_samples))
            w, images = self._samples(places)
            answers, drawn = self._drawn_again(images)
            codes.append(((answers - w) / self.learner.spread).square().mean((1, 2)))
            samples.append((drawn - images).square().mean((1, 2, 3)))
            if (real := self._photographs(places)) is not None:
                photographs.append((self._drawn_again(real)[1] - real).square().mean((1, 2, 3)))
        found = {"code_error": _root(codes), "error": _root(samples) * 127.5}
        self._last = found | ({"photo_error": _root(photographs) * 127.5} if photographs else {})
        return self._last

    def show(self, sheet: Path) -> None:
        """Samples and photographs, each above what is drawn from the encoder's answers."""
        rows = {}
        shown = {"sample": self._samples(range(_SHOWN))[1], "photo": self._photographs(range(_SHOWN))}
        for name, images in shown.items():
            if images is not None:
                again = self._drawn_again(images)[1]
                rows |= {name: images, f"{name} again": again}
        save_png(sheet, picture_grid({n: list(image_to_uint8(i).cpu().numpy()) for n, i in rows.items()}))

    def save(self, target: Path, done: int) -> None:
        name = f"{self.folder.path.name}, iteration {done}"
        native.save(target, encoder=self.learner.averaged, card={"name": name, "licence": self.source.licence})

    def finish(self, done: int) -> None:
        s = self.settings
        on = f"{s.generator} and {s.images}" if self.images is not None else s.generator
        card = {
            "name": self.folder.path.name,
            "licence": self.source.licence,
            "source": {"encoder": f"trained by l4f-datagen {STAGE} on {on}"},
            "training": {"encoder": s.model_dump(mode="json")},
            "quality": {"samples": s.validation_samples} | {k: round(v, 4) for k, v in self._last.items()},
        }
        network = self.learner.averaged
        self.folder.write_folder(self.folder.final, lambda target: native.save(target, encoder=network, card=card))

    def numbers(self) -> dict[str, Any]:
        return {"last": self._last}

    def restore(self, numbers: Mapping[str, Any]) -> None:
        self._last = state.section(numbers, "last")

    @torch.no_grad()
    def _samples(self, places: range) -> tuple[Tensor, Tensor]:
        w = self.learner.codes(places, "encoder-validation")
        return w, self.learner.generator.synthesize(w).image.clamp(-1, 1)

    def _photographs(self, places: range) -> Tensor | None:
        """The first photographs of the source."""
        if self.images is None:
            return None
        count = len(self.images.source)
        pictures = np.stack(
            [self.images.picture(place) for place in places if place < count] or [self.images.picture(0)]
        )
        return image_from_uint8(torch.from_numpy(pictures)).to(self.learner.device)

    @torch.no_grad()
    def _drawn_again(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The averaged encoder's answers, and what the generator draws from them, in [-1, 1]."""
        answers = self.learner.averaged(images)
        return answers, self.learner.generator.synthesize(answers).image.clamp(-1, 1)


def _root(parts: list[Tensor]) -> float:
    return math.sqrt(float(torch.cat(parts).mean()))


def _result(final: Path, made: int) -> EncoderResult:
    return EncoderResult(final, native.read_card(final).get("quality", {}), made)
