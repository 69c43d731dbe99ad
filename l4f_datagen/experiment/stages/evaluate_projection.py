"""The stage ``evaluate projection``: masks by projection against the truth, beside the segmenters."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import click

from ...devices import resolve_device
from ...settings import EvaluateProjectionSettings, ProjectSettings, resolve
from ..evaluating import EvaluationStage, Measuring, Told, evaluation_options, rows_of, with_interval
from ..pieces import Draft, Piece, Plan, nothing_made
from ..stage import Content

if TYPE_CHECKING:
    from ...evaluation.differences.sheets import Look
    from ...evaluation.references import Masker
    from ...evaluation.tables import Report

_CODES, _SEGMENTER, _SUPERVISED = "codes", "segmenter", "supervised"


@click.command("evaluate projection", short_help="Masks by projection beside segmenters (Table 4).")
@click.argument("codes", nargs=-1, required=True)
@click.option(
    "--segmenter", "segmenters", multiple=True, metavar="PATH", help="segmenter to measure on the same photographs"
)
@evaluation_options(EvaluateProjectionSettings, sheet=True)
def command(
    codes: tuple[str, ...],
    segmenters: tuple[str, ...],
    json_file: str | None,
    csv_file: str | None,
    sheet: str | None,
    **flags: object,
) -> None:
    """Measure the masks of CODES, folders that ``project`` wrote, against true masks of the photographs.

    --images and --masks name the truth, by the photographs' names; for photographs of world:NAME it is --images
    world:NAME. All is measured as it was projected: the middle square, at the generator's size.
    """
    settings = resolve(EvaluateProjectionSettings, {}, flags)
    from ...evaluation.projection import evaluate_projection, look_at
    from ...evaluation.references import open_masker

    with Measuring(settings, json_file, csv_file, sheet) as measuring:
        device = resolve_device(settings.device)
        opened = [open_masker(path, settings, device) for path in segmenters]
        supervised = open_masker(settings.supervised, settings, device) if settings.supervised else None
        report = evaluate_projection(codes, opened, settings, supervised=supervised, report=measuring.progress)
        measuring.write(report, lambda: look_at(codes, opened, settings, supervised=supervised))


class EvaluateProjection(EvaluationStage[EvaluateProjectionSettings]):
    """The codes of the experiment, beside all segmenters that it trains."""

    settings = EvaluateProjectionSettings
    after = ("project", "train-segmenter", "evaluate segmenter")
    quick: ClassVar = {"n": 100, "resamples": 200}
    table = "projection"
    heading = "Projection (Table 4)"
    lacking = (
        "Masks by projection (Table 4): the pipeline file has no `evaluate: projection:`, which measures what its "
        "section `project` finds of photographs with true masks."
    )

    def plan(self, draft: Draft) -> Iterable[Piece[EvaluateProjectionSettings]]:
        section = draft.section(self.name)
        if section is None:
            return
        projecting = draft.last("project", ProjectSettings)
        if projecting is None:
            raise nothing_made("evaluate: projection", "no section project")
        settings = draft.resolved(self.settings, section, self.name, self.quick)
        looks_at = {_CODES: draft.path(projecting), "images": settings.images, "masks": settings.masks or ""}
        trained = [piece for piece in draft.pieces if piece.kind == "train-segmenter"]
        supervised = next((draft.path(piece) for piece in trained if piece.supervised), settings.supervised)
        settings = settings.model_copy(update={"supervised": supervised})
        looks_at |= {_SUPERVISED: supervised or ""}
        others = [piece for piece in trained if draft.path(piece) != supervised]
        looks_at |= {f"{_SEGMENTER} {number}": draft.path(piece) for number, piece in enumerate(others, 1)}
        yield self.measurement(settings, looks_at)

    def measure(self, piece: Piece[EvaluateProjectionSettings], report: Told) -> "Report":
        from ...evaluation.projection import evaluate_projection

        codes, opened = [piece.looks_at[_CODES]], _opened(piece)
        supervised = opened.pop(_SUPERVISED, None)
        return evaluate_projection(codes, list(opened.values()), piece.settings, supervised=supervised, report=report)

    def look(self, piece: Piece[EvaluateProjectionSettings]) -> "Look":
        from ...evaluation.projection import look_at

        codes, opened = [piece.looks_at[_CODES]], _opened(piece)
        supervised = opened.pop(_SUPERVISED, None)
        return look_at(codes, list(opened.values()), piece.settings, supervised=supervised)

    def described(self, row: Content) -> str:
        return f"Masks by projection, {row['segmenter']}"

    def is_shown(self, row: Content) -> bool:
        return row.get("error") is not None  # the segmenters have sheets of their own

    def in_paper(self, content: Content) -> Mapping[int, Sequence[Content]]:
        rows = [row for row in rows_of(content, self.table) if row.get("error") is not None]
        return {4: [{"method": f"projection: {row['segmenter']}", "from": row} for row in rows]}

    def findings(self, plan: Plan, content: Content) -> Iterable[str]:
        from ...evaluation.tables import as_text

        for row in rows_of(content, self.table):
            if row.get("error") is not None:
                ratio = f", {as_text(row['ratio'])} of the supervised segmenter's" if row.get("ratio") else ""
                yield (
                    f"Masks by projection, {row['segmenter']}: mIoU {with_interval(row)}{ratio}; error of the "
                    f"reconstructions {row['error']:.1f} of 255."
                )


def _opened(piece: Piece[EvaluateProjectionSettings]) -> "dict[str, Masker]":
    """The segmenters of a piece by role."""
    from ...evaluation.references import open_masker

    device = resolve_device(piece.settings.device)
    wanted = {role: path for role, path in piece.looks_at.items() if role.startswith((_SEGMENTER, _SUPERVISED))}
    return {role: open_masker(path, piece.settings, device) for role, path in wanted.items()}
