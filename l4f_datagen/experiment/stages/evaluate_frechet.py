"""The stage ``evaluate frechet``: distances between sets of images."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import click

from ...settings import EvaluateFrechetSettings, TrainAlphaSettings, TrainLayeredSettings, resolve
from ...settings.switching import zeroes_channels
from ..evaluating import EvaluationStage, Measuring, Told, evaluation_options, rows_of, supervised_segmenter
from ..paper.numbers import PSEG
from ..pieces import Draft, Piece, Plan, nothing_made
from ..stage import Content

if TYPE_CHECKING:
    from ...evaluation.tables import Report

BACKGROUNDS, WORLD = "backgrounds:", "world:"
"""How sets are named that a generator or a world draws."""


@click.command("evaluate frechet", short_help="FID and KID between two sets of images (Table 5).")
@click.argument("a")
@click.argument("b")
@evaluation_options(EvaluateFrechetSettings)
def command(a: str, b: str, json_file: str | None, csv_file: str | None, **flags: object) -> None:
    """Measure FID and KID between the images A and B.

    Each is a folder, a data set folder or tars, Parquet files, world:NAME, generator:PATH, or the backgrounds of a
    generator, backgrounds:PATH, which backgrounds:world:NAME are as they truly are.
    """
    settings = resolve(EvaluateFrechetSettings, {}, flags)
    from ...evaluation.sets.frechet import evaluate_frechet

    with Measuring(settings, json_file, csv_file) as measuring:
        measuring.write(evaluate_frechet(a, b, settings, report=measuring.progress))


class EvaluateFrechet(EvaluationStage[EvaluateFrechetSettings]):
    """The generator's images against the real ones of train-alpha, by the features of a supervised segmenter."""

    settings = EvaluateFrechetSettings
    after = ("train-alpha", "train-segmenter", "train-layered", "evaluate segmenter")
    quick: ClassVar = {"n": 1000, "kid_subsets": 20, "kid_subset_size": 500}
    table = "frechet"
    heading = "Distance between sets of images (Table 5)"
    lacking = (
        "Fréchet distance (Table 5): the pipeline file has no `evaluate: frechet:`; without a supervised segmenter its "
        "`features:` names a network."
    )

    def plan(self, draft: Draft) -> Iterable[Piece[EvaluateFrechetSettings]]:
        section = draft.section(self.name)
        if section is None:
            return
        training = draft.last("train-alpha", TrainAlphaSettings)
        if training is None and "train-alpha" in draft.left_out:
            draft.left_out[self.name] = "no alpha network is trained, whose images were the real ones"
            return
        if training is None:
            raise nothing_made("evaluate: frechet", "no section train-alpha, whose images are the real ones")
        features = {} if "features" in section else {"features": supervised_segmenter(draft, "frechet: features")}
        settings = draft.resolved(self.settings, {**section, **features}, self.name, self.quick)
        generator = f"generator:{training.settings.generator}"
        looks_at = {"a": generator, "b": training.settings.images, "features": settings.features}
        yield self.measurement(settings, looks_at)
        if layered := draft.last("train-layered", TrainLayeredSettings):
            yield self.measurement(settings, {**looks_at, "a": f"generator:{draft.path(layered)}/final"}, "layered")
        yield from self._curated(settings, training.settings, f"{draft.path(training)}/final")

    def _curated(
        self, settings: EvaluateFrechetSettings, training: TrainAlphaSettings, alpha: str
    ) -> Iterable[Piece[EvaluateFrechetSettings]]:
        """Where single channels are zeroed: backgrounds without them, and without a layer, against a world's own."""
        if not zeroes_channels(training.switched_off) or not training.images.startswith(WORLD):
            return
        sets = {"a": f"{BACKGROUNDS}{training.generator}", "b": f"{BACKGROUNDS}{training.images}"}
        for label, changes in (
            ("backgrounds", {"switched_off": "first_convolution", "alpha": None}),
            ("curated backgrounds", {"switched_off": training.switched_off, "alpha": alpha}),
        ):
            looks_at = {**sets, "features": settings.features, "alpha": changes["alpha"] or ""}
            yield self.measurement(settings.model_copy(update=changes), looks_at, label)

    def measure(self, piece: Piece[EvaluateFrechetSettings], report: Told) -> "Report":
        from ...evaluation.sets.frechet import evaluate_frechet

        return evaluate_frechet(piece.looks_at["a"], piece.looks_at["b"], piece.settings, report=report)

    def in_paper(self, content: Content) -> Mapping[int, Sequence[Content]]:
        return {5: [{"method": _method(row), "from": row} for row in rows_of(content, self.table)]}

    def findings(self, plan: Plan, content: Content) -> Iterable[str]:
        from ...evaluation.tables import as_text

        for row in rows_of(content, self.table):
            yield f"FID of {row['A']} and {row['B']}: {as_text(row['fid'])} ({row['features']})."


def _method(row: Content) -> str:
    """What a row is, beside those of the paper."""
    whose = PSEG if row["A"].startswith("layered:") else row["A"]
    return f"{whose}, by {row['features']}"
