"""The stage ``evaluate segmenter``: segmenters on labelled images, and their figures over several seeds."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import click

from ...devices import resolve_device
from ...settings import EvaluateSegmenterSettings, resolve
from ...settings.experiment import SUPERVISED
from ..evaluating import EvaluationStage, Measuring, Told, evaluation_options, rows_of, with_interval
from ..pieces import SEED, Draft, Piece, Plan, nothing_made
from ..stage import Content

if TYPE_CHECKING:
    from ...evaluation.differences.sheets import Look
    from ...evaluation.references import Masker
    from ...evaluation.tables import Report

BASELINES = "baselines"
"""The label of the piece that measures what needs no network."""
GIVEN = "given"
"""The label of the piece that measures a segmenter of ``--segmenter``."""
_TRAININGS = "train-segmenter"


@click.command("evaluate segmenter", short_help="Segmenters on labelled images (Table 4).")
@click.argument("segmenters", nargs=-1, required=True)
@evaluation_options(EvaluateSegmenterSettings, sheet=True)
def command(
    segmenters: tuple[str, ...], json_file: str | None, csv_file: str | None, sheet: str | None, **flags: object
) -> None:
    """Measure SEGMENTERS on labelled images, side by side with one that was trained on real masks.

    Each is a run of train-segmenter, a native folder, face-parsing weights, an ONNX file or a folder of
    the masks that it gave.
    """
    settings = resolve(EvaluateSegmenterSettings, {}, flags)
    from ...evaluation.differences.looks import of_segmenters
    from ...evaluation.references import open_masker
    from ...evaluation.segmenter import evaluate_segmenters, open_truth

    with Measuring(settings, json_file, csv_file, sheet) as measuring:
        device = resolve_device(settings.device)
        opened = [open_masker(path, settings, device) for path in segmenters]
        supervised = open_masker(settings.supervised, settings, device) if settings.supervised else None
        report = evaluate_segmenters(opened, settings, supervised=supervised, report=measuring.progress)
        everyone = [*([supervised] if supervised else []), *opened]
        measuring.write(report, lambda: of_segmenters(open_truth(settings), everyone))


class EvaluateSegmenter(EvaluationStage[EvaluateSegmenterSettings]):
    """Every segmenter of the experiment beside its supervised counterpart; the baselines once, on their own."""

    settings = EvaluateSegmenterSettings
    after = (_TRAININGS, "evaluate alpha")
    quick: ClassVar = {"n": 100, "resamples": 200}
    table = "segmenters"
    heading = "Segmenters (Table 4)"
    lacking = (
        "Segmenters on labelled images (Table 4): the pipeline file has no `evaluate: segmenter:`, which names images "
        "with true masks."
    )

    def plan(self, draft: Draft) -> Iterable[Piece[EvaluateSegmenterSettings]]:
        section = draft.section(self.name)
        if section is None:
            return
        trained = [piece for piece in draft.pieces if piece.kind == _TRAININGS]
        given = draft.given.get("segmenter")
        if not trained and given is None:
            raise nothing_made("evaluate: segmenter", "no section train-segmenter")
        settings = draft.resolved(self.settings, {**draft.untrained(), **section}, self.name, self.quick)
        places = {piece.label: draft.path(piece) for piece in trained}
        truth = {"images": settings.images, "masks": settings.masks or ""}
        if given is not None:
            theirs = settings.model_copy(update={"baselines": False})
            yield self.measurement(theirs, {"segmenter": given, "supervised": theirs.supervised or "", **truth}, GIVEN)
        for piece in trained:
            if piece.supervised:
                continue
            arch, _, seed = piece.label.partition("-")
            counterpart = places.get("-".join(part for part in (arch, SUPERVISED, seed) if part))
            theirs = settings.model_copy(update={"baselines": False, "supervised": counterpart or settings.supervised})
            looks_at = {"segmenter": draft.path(piece), "supervised": theirs.supervised or "", **truth}
            yield self.measurement(theirs, looks_at, piece.label)
        if settings.baselines:
            yield self.measurement(settings.model_copy(update={"supervised": None}), truth, BASELINES)

    def check(self, piece: Piece[EvaluateSegmenterSettings]) -> None:
        super().check(piece)
        from ...evaluation.segmenter import open_truth

        open_truth(piece.settings)

    def measure(self, piece: Piece[EvaluateSegmenterSettings], report: Told) -> "Report":
        from ...evaluation.segmenter import evaluate_segmenters

        opened = _opened(piece)
        measured = [opened["segmenter"]] if "segmenter" in opened else []
        return evaluate_segmenters(measured, piece.settings, supervised=opened.get("supervised"), report=report)

    def look(self, piece: Piece[EvaluateSegmenterSettings]) -> "Look":
        from ...evaluation.differences.looks import of_segmenters
        from ...evaluation.segmenter import open_truth

        return of_segmenters(open_truth(piece.settings), list(_opened(piece).values()))

    def tables(self, plan: Plan) -> Mapping[str, Content]:
        found = dict(super().tables(plan))
        if found and (seeds := _over_seeds(plan, found[self.table]["rows"])):
            found["seeds"] = seeds
        return found

    def described(self, row: Content) -> str:
        learned = "exact masks" if row["role"] == SUPERVISED else "generated samples"
        return f"The segmenter `{Path(row['segmenter']).name}`, which learned from {learned}, on labelled images"

    def is_minor(self, piece: Piece[EvaluateSegmenterSettings], rows: Sequence[Content], number: int) -> bool:
        return SEED in piece.label or rows[number]["role"] == SUPERVISED

    def in_paper(self, content: Content) -> Mapping[int, Sequence[Content]]:
        rows, seeds = rows_of(content, self.table), rows_of(content, "seeds")
        means = [{"method": _over(row), "from": row} for row in seeds]
        alone = [row for row in rows if row["role"] == "baseline" or not seeds]
        return {4: means + [{"method": _method(row), "from": row} for row in alone]}

    def findings(self, plan: Plan, content: Content) -> Iterable[str]:
        from ...evaluation.tables import as_text

        rows = rows_of(content, self.table)
        measured = [row for row in rows if row["role"] == "measured"]
        for row in measured:
            ratio = f", {as_text(row['ratio'])} of its supervised counterpart's" if row.get("ratio") else ""
            name = Path(row["segmenter"]).name
            yield f"{name}, trained on generated samples: mIoU {with_interval(row)}{ratio}."
        baselines = (row for row in rows if row["role"] == "baseline")
        best = max(baselines, key=lambda row: row["miou"] or 0.0, default=None)
        if best and measured:
            lowest = min(row["miou"] or 0.0 for row in measured)
            who = "Every" if lowest > (best["miou"] or 0.0) else "NOT every"
            yield f"{who} segmenter beats the best baseline ({best['segmenter']}: mIoU {as_text(best['miou'])})."


def _method(row: Content) -> str:
    """What a row is, beside those of the paper."""
    name = Path(row["segmenter"]).name
    if row["role"] == "baseline":
        return row["segmenter"]
    return f"{name}: {'supervised, exact masks' if row['role'] == SUPERVISED else 'on generated samples'}"


def _over(row: Content) -> str:
    """What a mean over seeds is, beside rows of the paper."""
    arch, _, supervised = row["segmenter"].partition("-")
    return f"{arch}: {'supervised, exact masks' if supervised else 'on generated samples'}, {row['seeds']} seeds"


def _opened(piece: Piece[EvaluateSegmenterSettings]) -> "dict[str, Masker]":
    """The networks of a piece by role, in the order of the result's rows."""
    from ...evaluation.references import open_masker

    device = resolve_device(piece.settings.device)
    roles = (role for role in ("supervised", "segmenter") if role in piece.looks_at)
    return {role: open_masker(piece.looks_at[role], piece.settings, device) for role in roles}


def _over_seeds(plan: Plan, rows: Sequence[Mapping[str, Any]]) -> Content | None:
    """Mean and standard deviation of mIoU and ratio over the seeds; None if there is one seed."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for piece in plan.of(_TRAININGS):
        name = piece.label.partition(f"-{SEED}")[0]
        groups.setdefault(name, []).extend(row for row in rows if row["segmenter"] == piece.place)
    if max(map(len, groups.values()), default=0) < 2:
        return None
    found = []
    for name, members in groups.items():
        row: dict[str, Any] = {"segmenter": name, "seeds": len(members)}
        for measure in ("miou", "ratio"):
            values = [member[measure] for member in members if member.get(measure) is not None]
            row[f"{measure}_mean"] = statistics.fmean(values) if values else None
            row[f"{measure}_deviation"] = statistics.stdev(values) if len(values) > 1 else None
        found.append(row)
    notes = ["Standard deviations are of a sample (n − 1)."]
    return {"heading": "Over the seeds", "title": "Segmenters over seeds", "notes": notes, "rows": found}
