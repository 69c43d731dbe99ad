"""The stage ``evaluate alpha``: masks of generated images against a reference."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import click

from ...addresses import shown
from ...console.options import no_recommended
from ...console.output import note, result
from ...devices import resolve_device
from ...errors import UserError
from ...settings import EvaluateAlphaSettings, GenerateSettings, TrainLayeredSettings, resolve
from ...settings.evaluate import InstanceSettings, SegmentingSettings
from ...settings.experiment import SUPERVISED
from ...settings.needing import idle
from ...settings.recommended import as_given
from ...storage.opening import local_place
from ..evaluating import (
    EvaluationStage,
    Measuring,
    Told,
    evaluation_options,
    rows_of,
    supervised_segmenter,
    with_interval,
)
from ..paper.numbers import PSEG
from ..pieces import Draft, Piece, Plan, nothing_made
from ..stage import Content

if TYPE_CHECKING:
    from ...evaluation.differences.sheets import Look
    from ...evaluation.tables import Report

_INSTANCES = "instances"
_OF_BOTH = frozenset(("resamples", "worst", "seed", "batch_size", "device", "baselines"))
"""Settings of a measurement that are of no kind of reference."""
_BY_PARTS = (
    "Objects are the parts of the reference's masks that do not touch, so that two that touch count as one: "
    "`evaluate: instances:` names a detector with masks (FILE.onnx), or its list of detections, which tells them "
    "apart, and then rows with and without rejection stand here."
)
_LAYERED = "layered"
"""The role of rows of a layered generator, and the label of their measurement."""
_HALF = 0.5
"""From here on a layered generator's mask, which learned to be decided, is foreground."""


@click.command("evaluate alpha", short_help="An alpha network against a reference (Tables 1 and 2).")
@click.option(
    "--reference",
    metavar="PATH",
    help="who says what is right: a segmenter (native, face parsing, ONNX) or a folder of masks",
)
@click.option("--export-images", metavar="FOLDER", help="write the images for a masking tool of your own, and stop")
@no_recommended
@evaluation_options(EvaluateAlphaSettings, sheet=True)
def command(
    reference: str | None,
    export_images: str | None,
    no_recommended: bool,
    json_file: str | None,
    csv_file: str | None,
    sheet: str | None,
    **flags: object,
) -> None:
    """Measure an alpha network's masks of generated images against a reference's.

    Samples in which the reference sees nothing, or several objects, are rejected and counted. For a
    reference that is no file: write the images with --export-images, mask them, and name the folder of masks.
    """
    settings = resolve(EvaluateAlphaSettings, {}, flags)
    if no_recommended:
        settings = as_given(settings)
    if (reference is None) == (export_images is None):
        raise UserError(
            "reference", got="none" if reference is None else "one together with --export-images",
            expected="either --reference or --export-images", remedy="name a segmenter, or export the images first",
        )  # fmt: skip
    for flag, file in (("--json-file", json_file), ("--csv", csv_file), ("--sheet", sheet)):
        if file is not None and export_images is not None:
            raise idle(flag, file, "--reference in place of --export-images")
    from ...evaluation import alpha
    from ...evaluation.differences.looks import of_alpha
    from ...evaluation.references import check_flags, open_masker
    from ...generation.recommended import with_recommended

    notes: list[str] = []
    settings = with_recommended(settings, tell=notes.append)
    segmenter = None if reference is None else open_masker(reference, settings, resolve_device(settings.device))
    if segmenter is not None:
        check_flags([segmenter], settings)
    for line in notes:  # after the reference, which may be wrong: a mistake is one line
        note(line)
    with Measuring(settings, json_file, csv_file, sheet) as measuring:
        if segmenter is None:
            assert export_images is not None
            count = alpha.export_images(
                settings, local_place(export_images, "--export-images"), report=measuring.progress
            )
            measuring.stop()
            result(f"{export_images}: {count} images", {"out": export_images, "images": count})
            return
        models = alpha.load(settings)
        report = alpha.evaluate_alpha(settings, segmenter, models=models, report=measuring.progress)
        measuring.write(report, lambda: of_alpha(settings, segmenter, models))


class EvaluateAlpha(EvaluationStage[EvaluateAlphaSettings]):
    """The masks of the experiment's data set against those of its first supervised segmenter, or of another one."""

    settings = EvaluateAlphaSettings
    after = ("generate", "train-segmenter", "train-layered")
    quick: ClassVar = {"n": 100, "resamples": 200}
    table = "alpha"
    heading = "Alpha masks (Tables 1 and 2)"
    lacking = (
        "Alpha masks against a reference (Tables 1 and 2 of the paper): the pipeline file has no "
        "`evaluate: alpha:`; without a supervised segmenter its `reference:` names another, face parsing for faces say."
    )

    def plan(self, draft: Draft) -> Iterable[Piece[EvaluateAlphaSettings]]:
        section = draft.section(self.name)
        if section is None:
            return
        generating = draft.last("generate", GenerateSettings)
        if generating is None and "generate" in draft.left_out:
            draft.left_out[self.name] = "no masks are generated"
            return
        if generating is None:
            raise nothing_made(self.name, "no section generate")
        made = generating.settings
        same = ("generator", "alpha", "switched_off", "noise", "refine", "refine_epsilon")
        common = {name: getattr(made, name) for name in same if name in made.model_fields_set}
        section = {**common, **draft.untrained(), **section}
        evaluation, measured = draft.evaluation(), []
        supervised = any(piece.supervised for piece in draft.pieces)
        if evaluation.instances is None or evaluation.reference != SUPERVISED or supervised:
            reference = evaluation.reference
            reference = supervised_segmenter(draft, "reference") if reference == SUPERVISED else reference
            others = {} if evaluation.instances is None else InstanceSettings.model_fields
            measured.append(self._piece(draft, section, reference, without=others))
        if evaluation.instances is not None:
            others = SegmentingSettings.model_fields.keys() - InstanceSettings.model_fields.keys() - _OF_BOTH
            measured.append(self._piece(draft, section, evaluation.instances, label=_INSTANCES, without=others))
        yield from measured
        if layered := draft.last("train-layered", TrainLayeredSettings):
            place = f"{draft.path(layered)}/final"
            yield from (self._of_layers(piece, place) for piece in measured)

    def _piece(
        self, draft: Draft, section: Mapping[str, Any], reference: str, *, label: str = "", without: Collection[str]
    ) -> Piece[EvaluateAlphaSettings]:
        """A measurement against a reference, to which settings of another kind of reference say nothing."""
        said = {name: value for name, value in section.items() if name not in without}
        settings = draft.resolved(self.settings, said, self.name, self.quick)
        looks_at = {"generator": settings.generator, "alpha": settings.alpha or "", "reference": reference}
        return self.measurement(settings, looks_at, label)

    def _of_layers(self, piece: Piece[EvaluateAlphaSettings], place: str) -> Piece[EvaluateAlphaSettings]:
        """The measurement of a layered generator that goes with that of the alpha network."""
        more = {"generator": place, "alpha": place, "baselines": False, "refine": 0, "threshold": (_HALF,)}
        more["switched_off"] = "first_convolution"  # nothing is: its backgrounds are drawn by themselves
        looks_at = {**piece.looks_at, "generator": place, "alpha": place}
        label = "-".join(part for part in (piece.label, _LAYERED) if part)
        return self.measurement(piece.settings.model_copy(update=more), looks_at, label)

    def measure(self, piece: Piece[EvaluateAlphaSettings], report: Told) -> "Report":
        from ...evaluation.alpha import evaluate_alpha
        from ...evaluation.references import open_masker

        reference = open_masker(piece.looks_at["reference"], piece.settings, resolve_device(piece.settings.device))
        return evaluate_alpha(piece.settings, reference, report=report)

    def look(self, piece: Piece[EvaluateAlphaSettings]) -> "Look":
        from ...evaluation.differences.looks import of_alpha
        from ...evaluation.references import open_masker

        reference = open_masker(piece.looks_at["reference"], piece.settings, resolve_device(piece.settings.device))
        return of_alpha(piece.settings, reference)

    def described(self, row: Content) -> str:
        whose = "Masks of PSeg" if row["role"] == _LAYERED else "Alpha masks"
        told = f"{whose} ({row['masks']}) at ψ {row['psi']:g}, threshold {row['threshold']:g}"
        return f"{told}, samples {row['samples']} by instances" if row.get("samples") else told

    def is_minor(self, piece: Piece[EvaluateAlphaSettings], rows: Sequence[Content], number: int) -> bool:
        row = rows[number]
        others = [one["miou"] or 0.0 for one in rows if one["role"] == row["role"] and one["psi"] == row["psi"]]
        return (row["miou"] or 0.0) < max(others)  # another threshold of this psi is better

    def in_paper(self, content: Content) -> Mapping[int, Sequence[Content]]:
        rows = rows_of(content, self.table)
        by_instances = [row for row in rows if row.get("samples")]
        others = [row for row in rows if not row.get("samples")]
        of_table_2 = by_instances or others
        return {
            1: [{"method": _method(row), "from": row} for row in others or by_instances],
            2: [{"method": _method(row), "from": row, "notes": () if by_instances else (_BY_PARTS,)}
                for row in of_table_2 if row["role"] != "baseline"],
        }  # fmt: skip

    def findings(self, plan: Plan, content: Content) -> Iterable[str]:
        from ...evaluation.tables import as_text

        for row in rows_of(content, self.table):
            if row["role"] in ("measured", _LAYERED):
                whose = "Alpha masks" if row["role"] == "measured" else "Masks of PSeg, trained here,"
                where = f"at ψ {row['psi']:g}, threshold {row['threshold']:g}"
                where += f", samples {row['samples']} by instances" if row.get("samples") else ""
                yield f"{whose} {where}: mIoU {with_interval(row)} over {row['images']} samples."
        quality = self._quality_of_reference(plan, content)
        if quality is not None:
            yield (
                f"The reference that they are held to reaches mIoU {as_text(quality)} on held-out images with exact "
                "masks: differences smaller than what it lacks say nothing."
            )

    def _quality_of_reference(self, plan: Plan, content: Content) -> float | None:
        """mIoU on held-out images of the segmenter that the alpha network is held to, where it was measured."""
        from ..results import relative

        for piece in plan.of(self.name):
            place = relative(shown(piece.looks_at["reference"]), plan.folder)
            for row in rows_of(content, "segmenters"):
                if row["segmenter"] == place and row["role"] == SUPERVISED:
                    return row["miou"]
        return None


def _method(row: Content) -> str:
    """What a row is, beside those of the paper."""
    if row["role"] == "baseline":
        return row["masks"]
    method = f"{PSEG if row['role'] == _LAYERED else 'alpha network'}, threshold {row['threshold']:g}"
    return f"{method}, samples: {row['samples']}" if row.get("samples") else method
