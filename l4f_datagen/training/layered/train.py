"""Training a layered generator from images alone: objects are what can be moved before their background."""

from collections.abc import Generator as Made
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...errors import UserError
from ...generation import latents
from ...generation.drawing import alpha_to_uint8, composite
from ...masks import HALF, make_mask
from ...networks.pixels import image_to_uint8
from ...photographs.opening import open_source
from ...settings import CompleteGeneratorSettings, TrainLayeredSettings
from ...sheet import picture_grid, save_png
from ...weights import BACKGROUND, native
from ..core import degeneration
from ..core.adversarial import real_batches
from ..core.divergence import Watch
from ..core.learner import check_batch
from ..core.log import Judge
from ..core.loop import Report, Training, carry_out, describe
from ..core.process_group import Processes
from ..core.real_images import RealImages
from ..core.run import RunFolder
from .layers import Layers
from .learner import TERMS, LayeredLearner

STAGE = "train-layered"
_SHOWN, _MEASURED, _AT_ONCE = 8, 256, 32
"""Samples on a sheet; samples whose masks the card describes, and how many of them are drawn at once."""


@dataclass(frozen=True)
class LayeredResult:
    """A finished run of ``train-layered``."""

    final: Path
    quality: dict[str, Any]
    """As in the card: statistics of the masks, by name."""
    made: int
    """Iterations of this call."""


def train_layered(
    settings: TrainLayeredSettings,
    out: str | Path,
    *,
    overwrite: bool = False,
    report: Report = lambda progress: None,
) -> LayeredResult:
    """Train a layered generator (PSeg, Bielski and Favaro 2019) into the run folder ``out``, or continue it.

    Calls ``report`` with every line of the log. ``final/`` is a native checkpoint of the foreground's generator with
    its mask as alpha network; ``final/background`` one of the background's generator. ``generate`` draws labelled
    samples from both: ``backgrounds="generator:RUN/final/background"``.

    Raises:
        UserError: images, settings or folder are not usable; nothing was written.
        WorkError: a loss was not finite, or the training diverged; the checkpoints before it stay.
    """
    processes = Processes(device=settings.device, precision=settings.precision)
    source = open_source(settings.images, world_images=settings.world_images)
    game = settings.of_generator(len(source))
    check(settings, game)
    check_batch(
        batch_size=settings.batch_size, accumulate=settings.accumulate, group=settings.minibatch_group,
        images=len(source), processes=processes.count,
    )  # fmt: skip
    images = RealImages(
        source, size=settings.resolution, seed=settings.seed, mirror=settings.mirror,
        content_rows=settings.content_rows,
    )  # fmt: skip

    def begin(folder: RunFolder) -> LayeredTraining:
        return LayeredTraining(settings, folder, LayeredLearner(settings, game, processes), images)

    return carry_out(
        out, processes, describe(STAGE, settings, settings.FREE, {"number of images": len(source)}),
        overwrite=overwrite, report=report, begin=begin, result=_result,
    )  # fmt: skip


def check(settings: TrainLayeredSettings, game: CompleteGeneratorSettings) -> None:
    """Refuse networks that cannot be.

    Raises:
        UserError: as it says.
    """
    levels = settings.resolution.bit_length() - 2
    if levels < 3:
        raise UserError(
            "resolution", got=settings.resolution, expected="at least 16, since masks look at two levels of features",
            remedy="give a larger --resolution",
        )  # fmt: skip
    if len(game.channels) != levels:
        raise UserError(
            "channels", got=f"{len(game.channels)} numbers",
            expected=f"{levels}, one per resolution 4 … {settings.resolution}", remedy="change --channels",
        )  # fmt: skip


class LayeredTraining(Training[list[Tensor]]):
    """One run of ``train-layered``; a batch is its real images (N, 3, H, W), part by part."""

    terms = TERMS

    def __init__(self, settings: TrainLayeredSettings, folder: RunFolder, learner: LayeredLearner, images: RealImages):
        super().__init__(settings, folder, learner)
        self.settings, self.learner, self.images = settings, learner, images
        self.watch = Watch(folder, 0)

    def batches(self, iterations: range) -> Made[list[Tensor]]:
        return real_batches(self.images, self.learner, iterations)

    def step(self, iteration: int, batch: list[Tensor]) -> dict[str, Tensor]:
        learner, game = self.learner, self.learner.game
        terms = learner.discriminator_step(iteration, batch)
        if game.r1 > 0 and iteration % game.r1_every == 0:  # lazy regularisation: a step of its own
            terms |= learner.r1_step(iteration, batch)
        terms |= learner.layers_step(iteration)
        learner.average_weights(iteration)
        return terms

    def judge(self, begun: int) -> Judge:
        self.watch = Watch(self.folder, begun)
        return self.watch.judge

    def worth_keeping(self) -> bool:
        """Not while losses are too high: such a checkpoint would push out what was good."""
        return self.watch.since is None

    def show(self, sheet: Path) -> None:
        """Real images above the layers, the masks and the composites of fixed codes, nothing of them moved."""
        foreground, alpha, background = draw(self.learner.centre(), self.settings.seed, range(_SHOWN))
        stored = alpha_to_uint8(alpha).cpu().numpy()
        rows = {
            "real": [self.images.picture(i) for i in range(min(_SHOWN, len(self.images.source)))],
            "foreground": list(image_to_uint8(foreground).cpu().numpy()),
            "background": list(image_to_uint8(background).cpu().numpy()),
            "alpha": list(stored),
            "mask": [255 * make_mask(one, HALF) for one in stored],
            "composite": list(image_to_uint8(composite(alpha, foreground, background)).cpu().numpy()),
        }
        save_png(sheet, picture_grid(rows))

    def save(self, target: Path, done: int) -> None:
        self._write(target, {"name": f"{self.folder.path.name}, iteration {done}"})

    def finish(self, done: int) -> None:
        s = self.settings
        layers = self.learner.centre()
        alpha = torch.cat(
            [draw(layers, s.seed, range(start, start + _AT_ONCE))[1] for start in range(0, _MEASURED, _AT_ONCE)]
        )
        measured = degeneration.statistics(alpha)._asdict()
        said = f"trained by l4f-datagen {STAGE} on {s.images}"
        training = s.model_dump(mode="json")
        card = {
            "name": self.folder.path.name,
            "source": {"generator": said, "alpha": said},
            "training": {"generator": training, "alpha": training},
            "quality": {"samples": _MEASURED} | {name: round(float(value), 4) for name, value in measured.items()},
        }
        self.folder.write_folder(self.folder.final, lambda target: self._write(target, card))

    def _write(self, target: Path, card: dict[str, Any]) -> None:
        layers = self.learner.centre()
        native.save(target, generator=layers.foreground, alpha=layers.alpha, card=card)
        behind = {name: value for name, value in card.items() if name in ("name", "training")}
        native.save(target / BACKGROUND, generator=layers.background, card=behind)


def draw(layers: Layers, seed: int, indices: range) -> tuple[Tensor, Tensor, Tensor]:
    """Foregrounds, alphas and backgrounds of streams that training does not see, with the checkpoint's noise."""
    with torch.no_grad():
        w = {
            name: latents.draw_w(network, seed=seed, stream=f"sheet-{name}", psi=1.0, indices=indices)
            for name, network in (("foreground", layers.foreground), ("background", layers.background))
        }
        foreground, features = layers.foreground.synthesize(w["foreground"])
        return foreground, layers.alpha(features), layers.background.synthesize(w["background"]).image


def _result(final: Path, made: int) -> LayeredResult:
    return LayeredResult(final, native.read_card(final).get("quality", {}), made)
