"""The stage ``evaluate masks``: masks of generated samples against masks of the same samples by hand (Table 3)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import click

from ...errors import UserError
from ...settings import EvaluateMasksSettings, GenerateSettings, HandMasksSettings, resolve
from ...settings.evaluate import JudgingSettings
from ...settings.needing import idle
from ..evaluating import EvaluationStage, Measuring, Told, evaluation_options, rows_of, with_interval
from ..pieces import Draft, Piece, Plan, nothing_made
from ..stage import Content

if TYPE_CHECKING:
    from ...evaluation.differences.sheets import Look
    from ...evaluation.tables import Report

_SHARDS = "shards"


@click.command("evaluate masks", short_help="Masks against true masks (Table 3).")
@click.argument("prediction")
@click.argument("truth", required=False)
@click.option(
    "--reference",
    metavar="FILE.onnx|FILE.json",
    help="in place of TRUTH: a detector with masks, or its list of detections; samples of one object count",
)
@evaluation_options(EvaluateMasksSettings, sheet=True)
def command(
    prediction: str,
    truth: str | None,
    reference: str | None,
    json_file: str | None,
    csv_file: str | None,
    sheet: str | None,
    **flags: object,
) -> None:
    """Compare the masks in PREDICTION with those in TRUTH: folders of pictures, or data set folders.

    Matched by name without extension. Pixels of 255 in the truth's class indices are ignored. With --reference the
    truth is the union of the objects that it finds, and samples in which it finds none or several are rejected.
    """
    settings = resolve(EvaluateMasksSettings, {}, flags)
    if (truth is None) == (reference is None):
        raise UserError(
            "TRUTH", got="none" if truth is None else "one together with --reference",
            expected="either true masks or --reference", remedy="name one of them",
        )  # fmt: skip
    of_reference = [name for name in JudgingSettings.model_fields if flags.get(name) is not None]
    if truth is not None and of_reference:
        raise idle(f"--{of_reference[0].replace('_', '-')}", flags[of_reference[0]], "--reference in place of TRUTH")
    from ...evaluation.compare import evaluate_masks, open_against, open_sides
    from ...evaluation.differences.looks import of_masks

    with Measuring(settings, json_file, csv_file, sheet) as measuring:
        if reference is not None:
            sides = open_against(prediction, reference, settings)
        else:
            assert truth is not None, "one of both is there"
            sides = open_sides(prediction, truth, settings)
        report = evaluate_masks(prediction, sides.truth.name, settings, sides=sides, report=measuring.progress)
        measuring.write(report, lambda: of_masks(sides, resize=settings.resize))


class EvaluateMasks(EvaluationStage[HandMasksSettings]):
    """The masks of the experiment's data set, as far as somebody masked its samples by hand."""

    settings = HandMasksSettings
    after = ("generate", "evaluate alpha")
    quick: ClassVar = {"resamples": 200}
    table = "masks"
    heading = "Masks by hand (Table 3)"

    def plan(self, draft: Draft) -> Iterable[Piece[HandMasksSettings]]:
        section = draft.section(self.name)
        if section is None:
            return
        generating = draft.last("generate", GenerateSettings)
        shards = draft.path(generating) if generating else draft.given.get(_SHARDS)
        if shards is None and "generate" in draft.left_out:
            draft.left_out[self.name] = "no masks are generated"
            return
        if shards is None:
            raise nothing_made(self.name, "no section generate")
        settings = draft.resolved(self.settings, section, self.name, self.quick)
        yield self.measurement(settings, {_SHARDS: shards, "truth": settings.truth})

    def measure(self, piece: Piece[HandMasksSettings], report: Told) -> "Report":
        from ...evaluation.compare import evaluate_masks

        return evaluate_masks(piece.looks_at[_SHARDS], piece.settings.truth, piece.settings, report=report)

    def look(self, piece: Piece[HandMasksSettings]) -> "Look":
        from ...evaluation.compare import open_sides
        from ...evaluation.differences.looks import of_masks

        sides = open_sides(piece.looks_at[_SHARDS], piece.settings.truth, piece.settings)
        return of_masks(sides, resize=piece.settings.resize)

    def described(self, row: Content) -> str:
        return "Masks of generated samples against masks of them by hand"

    def in_paper(self, content: Content) -> Mapping[int, Sequence[Content]]:
        return {3: [{"method": "alpha network", "from": row} for row in rows_of(content, self.table)]}

    def findings(self, plan: Plan, content: Content) -> Iterable[str]:
        for row in rows_of(content, self.table):
            yield f"Masks against masks by hand: mIoU {with_interval(row)} over {row['images']} samples."
