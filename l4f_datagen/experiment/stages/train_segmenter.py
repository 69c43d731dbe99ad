"""The stage ``train-segmenter``: segmenters from shards, several side by side where a pipeline file wants them."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import click

from ...console.options import config_option, settings_options, tracking_options
from ...console.output import print_json, result
from ...errors import UserError
from ...progress.tracker import NOWHERE, Tracking
from ...settings import GenerateSettings, SegmentersSettings, TrainSegmenterSettings, resolve, section_of
from ...settings.experiment import SUPERVISED
from ...settings.placeholders import place_in
from ..figures import TRAININGS, Figure
from ..pieces import SEED, Draft, Piece, Plan
from ..stage import TrainingStage

_SEVERAL = "segmenters"
"""The section that lists several, and the folder that they go into."""


@click.command("train-segmenter", short_help="Train a segmenter on labelled shards.")
@click.option("--out", required=True, metavar="FOLDER", help="run folder; one that was begun is continued")
@config_option
@settings_options(TrainSegmenterSettings)
@click.option("--onnx", is_flag=True, help="also write FOLDER/final/segmenter.onnx, checked with onnxruntime")
@tracking_options
@click.option("--overwrite", is_flag=True, help="replace a run that was made with other settings")
@click.option("--dry-run", is_flag=True, help="print the resolved settings and stop")
def command(
    out: str, config: str | None, onnx: bool, tracking: Tracking, overwrite: bool, dry_run: bool, **flags: object
) -> None:
    """Train a UNet, a BiSeNet or another network on the masks of shards, ours or labelled by hand.

    --shards may be given several times, each with a weight: ``--shards generated/ --shards real/:0.5``.
    ``--shards generator:vessels64`` draws samples as they are needed and stores none.
    With --photographs it goes on in rounds: segmenters label the photographs themselves, and those on
    which they agree join the shards (self-training).
    --arch takes hf:segformer-b0 or hf:FOLDER of transformers and smp:Unet/resnet34 as well.
    With --encoder it begins with what a classifier of ImageNet has learned.
    FOLDER is what ``segment --segmenter`` takes. Interrupt it when you like: the same command continues.
    Start it with ``accelerate launch`` or ``torchrun`` for several processes.

    \b
    While it trains it shows means over the last steps:
      loss     against the masks; less is better
      mIoU     overlap of its masks with the validation's, mean of foreground
               and background, from 0 to 1
    """
    settings = resolve(TrainSegmenterSettings, section_of(config, TrainSegmenterSettings), flags)
    if dry_run:
        print_json(settings.model_dump(mode="json") | {"out": out})
        return
    train(settings, out, onnx=onnx, tracking=tracking, overwrite=overwrite)


def train(
    settings: TrainSegmenterSettings,
    out: str,
    *,
    onnx: bool = False,
    tracking: Tracking = NOWHERE,
    overwrite: bool = False,
) -> int:
    """Train with progress and a closing line. Returns the iterations of this call."""
    # Imported here: torch takes seconds, and a wrong flag is told at once.
    from ...progress.training import TrainingReporter, tell_segmenter
    from ...training.segmenter import start

    if onnx:
        from ...weights.onnx.writing import check_extra

        check_extra()
    with TrainingReporter(tell_segmenter, out, tracking) as reporter:
        trained = start.train(
            settings, out, overwrite=overwrite, report=reporter, tell=reporter.say, count=reporter.count
        )
    if reporter.is_first:
        quality = f"; mIoU {trained.quality['miou']:.4f}" if trained.quality else ""
        text, values = reporter.closing(trained.final, settings.iterations, trained.made)
        lines = [text + quality]
        values["quality"] = trained.quality
        if onnx:
            from ...weights.conversion.convert import convert

            done = convert(trained.final, trained.final / "segmenter.onnx", target="onnx", overwrite=True)
            lines.append(f"{done.out}: largest difference {done.largest_difference:.1e}")
            values["onnx"] = done.out
        result("\n".join(lines), values)
    return trained.made


class TrainSegmenter(TrainingStage[TrainSegmenterSettings]):
    """One, or where the file has a section ``segmenters`` each architecture with its counterpart, seed by seed."""

    settings = TrainSegmenterSettings
    place = "segmenter"
    after = ("generate",)
    instead = "segmenter"
    quick: ClassVar = {"iterations": 200, "world_images": 1000, "rounds": 1}
    lacking = "Segmenters: the pipeline file has no section `train-segmenter`."
    quick_segmenters: ClassVar[Mapping[str, int]] = {"seeds": 1}
    """What ``quick`` is for the section ``segmenters``."""

    def plan(self, draft: Draft) -> Iterable[Piece[TrainSegmenterSettings]]:
        common, several = draft.section(self.name), draft.section(_SEVERAL)
        if self.instead in draft.given or (common is None and several is None):
            return
        common = common or {}
        generating = draft.last("generate", GenerateSettings)
        if "shards" in draft.given:
            common = {**common, "shards": (draft.given["shards"],)}
        elif generating and ("shards" not in common or place_in(common["shards"]) == "shards"):
            common = {**common, "shards": (draft.path(generating),)}
        if several is None:
            yield self.piece(draft.resolved(self.settings, common, self.name, self.quick))
        else:
            listed = draft.resolved(SegmentersSettings, several, _SEVERAL, self.quick_segmenters)
            yield from self._several(draft, common, listed)

    def _several(
        self, draft: Draft, common: Mapping[str, Any], several: SegmentersSettings
    ) -> Iterable[Piece[TrainSegmenterSettings]]:
        for arch, changes in several.archs.items():
            section = {**common, **(changes or {}), "arch": arch}
            ours = draft.resolved(self.settings, section, self.name, self.quick)
            for number in range(several.seeds):
                seed = {"seed": ours.seed + number}
                yield self._one(arch, number, ours.model_copy(update=seed))
                if several.supervised:
                    truth = resolve(self.settings, ours.model_dump(), {"shards": several.supervised, **seed})
                    yield self._one(arch, number, truth, supervised=True)

    def _one(
        self, arch: str, number: int, settings: TrainSegmenterSettings, *, supervised: bool = False
    ) -> Piece[TrainSegmenterSettings]:
        name = re.sub(r"[^\w.-]+", "-", arch)  # smp:Unet/resnet34 is no folder's name
        label = "-".join(part for part in (name, SUPERVISED * supervised, f"{SEED}{number}" * bool(number)) if part)
        return self.piece(settings, label=label, place=f"{_SEVERAL}/{label}", supervised=supervised)

    def images(self, piece: Piece[TrainSegmenterSettings]) -> int:
        s = piece.settings
        trainings = (s.rounds + 1) * s.students if s.photographs else 1
        return trainings * s.iterations * s.batch_size

    def looks(self, piece: Piece[TrainSegmenterSettings], plan: Plan) -> int | None:
        if not piece.settings.photographs:
            return 0
        from ...training.segmenter.rounds.labels import looks  # imported here: --help need not wait for torch

        samples = sum(generating.settings.n for generating in plan.of("generate"))
        try:
            return looks(piece.settings, samples)
        except UserError:  # no photographs yet
            return None

    def resolution(self, piece: Piece[TrainSegmenterSettings]) -> int | None:
        return piece.settings.size

    def train(self, settings: TrainSegmenterSettings, out: str, tracking: Tracking) -> int:
        return train(settings, out, tracking=tracking)

    def missing(self, plan: Plan) -> Iterable[str]:
        yield from super().missing(plan)
        pieces = plan.of(self.name)
        if pieces and not any(piece.supervised for piece in pieces):
            yield (
                "Supervised counterparts of the segmenters: `segmenters: supervised:` names where exact masks are; "
                "without it there is no ratio."
            )

    def figures(self, plan: Plan) -> Iterable[Figure]:
        from .. import pictures

        pieces = plan.of(self.name)
        logs = {piece.label or self.place: pictures.read_log(plan.path(piece)) for piece in pieces}
        if logs:
            yield Figure(
                name="segmenter-curves", section=TRAININGS, plot=True, draw=lambda: pictures.segmenter_curves(logs),
                caption="Segmenters: the loss, and mIoU on images of the kind they learn from, over the iterations.",
            )  # fmt: skip
        yield from super().figures(plan)
