"""``l4f-datagen evaluate masks``."""

import click

from ..experiment.evaluating import Measuring, evaluation_options
from ..settings import EvaluateMasksSettings, resolve


@click.command("evaluate masks", short_help="Masks against true masks (Table 3).")
@click.argument("prediction")
@click.argument("truth")
@evaluation_options(EvaluateMasksSettings, sheet=True)
def command(
    prediction: str, truth: str, json_file: str | None, csv_file: str | None, sheet: str | None, **flags: object
) -> None:
    """Compare the masks in PREDICTION with those in TRUTH: folders of pictures, or data set folders.

    Matched by name without extension. Pixels of 255 in the truth's class indices are ignored.
    """
    settings = resolve(EvaluateMasksSettings, {}, flags)
    from ..evaluation.compare import evaluate_masks, open_sides
    from ..evaluation.differences.looks import of_masks

    with Measuring(settings, json_file, csv_file, sheet) as measuring:
        sides = open_sides(prediction, truth, settings)
        report = evaluate_masks(prediction, truth, settings, sides=sides, report=measuring.progress)
        measuring.write(report, lambda: of_masks(sides, resize=settings.resize))
