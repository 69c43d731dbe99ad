"""``l4f-datagen evaluate``: masks, alpha networks, segmenters and sets of images, measured."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..devices import resolve_device
from ..errors import UserError
from ..progress.live import LiveLine, duration
from ..settings import (
    EvaluateAlphaSettings,
    EvaluateFrechetSettings,
    EvaluateMasksSettings,
    EvaluateSegmenterSettings,
    StageSettings,
    resolve,
)
from ..settings.recommended import as_given
from ..storage import atomic
from .options import no_recommended, settings_options
from .output import note

if TYPE_CHECKING:
    from ..evaluation.tables import Report


@click.group("evaluate", short_help="Measure masks, alpha networks, segmenters and sets of images.")
def command() -> None:
    """Measure as the paper does (Labels4Free, ICCV 2021, Tables 1 to 5).

    Needs the extra `evaluation`. Foreground is the object; one confusion matrix is pooled over all pixels.
    """


def _options(model: type[StageSettings]) -> Callable:
    """Options for all settings of a stage, and for the result's files."""

    def decorate(function: Callable) -> Callable:
        function = click.option("--csv", "csv_file", metavar="FILE", help="write the table as CSV")(function)
        function = click.option("--json", "json_file", metavar="FILE", help="write the results as JSON")(function)
        return settings_options(model)(function)

    return decorate


@command.command("masks", short_help="Masks against true masks (Table 3).")
@click.argument("prediction")
@click.argument("truth")
@_options(EvaluateMasksSettings)
def masks_command(prediction: str, truth: str, json_file: str | None, csv_file: str | None, **flags: object) -> None:
    """Compare the masks in PREDICTION with those in TRUTH: folders of pictures, or data set folders.

    Matched by name without extension. Pixels of 255 in the truth's class indices are ignored.
    """
    settings = resolve(EvaluateMasksSettings, {}, flags)
    from ..evaluation.compare import evaluate_masks

    with _Result(settings, json_file, csv_file) as result:
        result.write(evaluate_masks(prediction, truth, settings, report=result.progress))


@command.command("alpha", short_help="An alpha network against a reference (Tables 1 and 2).")
@click.option(
    "--reference",
    metavar="PATH",
    help="who says what is right: a segmenter (native, face parsing, ONNX) or a folder of masks",
)
@click.option("--export-images", metavar="FOLDER", help="write the images for a masking tool of your own, and stop")
@no_recommended
@_options(EvaluateAlphaSettings)
def alpha_command(
    reference: str | None,
    export_images: str | None,
    no_recommended: bool,
    json_file: str | None,
    csv_file: str | None,
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
    from ..evaluation import alpha
    from ..evaluation.references import check_flags, open_masker
    from ..generation.recommended import with_recommended

    notes: list[str] = []
    settings = with_recommended(settings, tell=notes.append)
    segmenter = None if reference is None else open_masker(reference, settings, resolve_device(settings.device))
    if segmenter is not None:
        check_flags([segmenter], settings)
    for line in notes:  # after the reference, which may be wrong: a mistake is one line
        note(line)
    with _Result(settings, json_file, csv_file) as result:
        if segmenter is None:
            assert export_images is not None
            count = alpha.export_images(settings, Path(export_images).expanduser(), report=result.progress)
            click.echo(f"{export_images}: {count} images")
            return
        result.write(alpha.evaluate_alpha(settings, segmenter, report=result.progress))


@command.command("segmenter", short_help="Segmenters on labelled images (Table 4).")
@click.argument("segmenters", nargs=-1, required=True)
@_options(EvaluateSegmenterSettings)
def segmenter_command(
    segmenters: tuple[str, ...], json_file: str | None, csv_file: str | None, **flags: object
) -> None:
    """Measure SEGMENTERS on labelled images, side by side with one that was trained on real masks.

    Each is a run of train-segmenter, a native folder, face-parsing weights, an ONNX file or a folder of
    the masks that it gave.
    """
    settings = resolve(EvaluateSegmenterSettings, {}, flags)
    from ..evaluation.references import open_masker
    from ..evaluation.segmenter import evaluate_segmenters

    with _Result(settings, json_file, csv_file) as result:
        device = resolve_device(settings.device)
        opened = [open_masker(path, settings, device) for path in segmenters]
        supervised = open_masker(settings.supervised, settings, device) if settings.supervised else None
        result.write(evaluate_segmenters(opened, settings, supervised=supervised, report=result.progress))


@command.command("frechet", short_help="FID and KID between two sets of images (Table 5).")
@click.argument("a")
@click.argument("b")
@_options(EvaluateFrechetSettings)
def frechet_command(a: str, b: str, json_file: str | None, csv_file: str | None, **flags: object) -> None:
    """Measure FID and KID between the images A and B.

    Each is a folder, a data set folder or tars, Parquet files, world:NAME or generator:PATH.
    """
    settings = resolve(EvaluateFrechetSettings, {}, flags)
    from ..evaluation.frechet import evaluate_frechet

    with _Result(settings, json_file, csv_file) as result:
        result.write(evaluate_frechet(a, b, settings, report=result.progress))


class _Result(LiveLine):
    """Progress on standard error while the work lasts, then the table and its files."""

    def __init__(self, settings: StageSettings, json_file: str | None, csv_file: str | None):
        from ..evaluation import tables

        # Asked before the work: it may take an hour.
        self._json, self._csv = tables.check_writable(json_file, "json"), tables.check_writable(csv_file, "csv")
        self._worst = getattr(settings, "worst", 0)
        super().__init__()

    def progress(self, done: int, total: int) -> None:
        """Say where things stand."""
        left = self.seconds / done * (total - done) if done else 0
        self.show([f"{done}/{total} images", f"{duration(left)} left"], share=done / total if total else 1.0)

    def write(self, report: "Report") -> None:
        """Print the table and write the files that were asked for."""
        from ..evaluation import metrics, tables

        self.stop()
        # Of the baselines nobody wants to look at them.
        measured = [(number, row) for number, row in enumerate(report.rows) if row.labels.get("role") != "baseline"]
        worst = {number: metrics.worst(row.per_image, self._worst) for number, row in measured}
        tables.render(report, worst={number: images for number, images in worst.items() if images})
        if self._json:
            atomic.write_bytes(self._json, tables.to_json(report).encode())
        if self._csv:
            tables.write_csv(report, self._csv)
