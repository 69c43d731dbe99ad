"""``l4f-datagen edit``."""

import click

from ..console.options import settings_options
from ..console.output import print_json, result
from ..errors import WorkError
from ..settings import EditSettings, resolve


@click.command("edit", short_help="Edit samples or photographs and keep their backgrounds.")
@settings_options(EditSettings)
@click.option("--out", required=True, metavar="FOLDER", help="where to write; edits that were begun are continued")
@click.option("--overwrite", is_flag=True, help="replace edits that were made with other settings")
@click.option("--dry-run", is_flag=True, help="print the resolved settings and stop")
def command(out: str, overwrite: bool, dry_run: bool, **flags: object) -> None:
    """Move codes along a direction, and put each edited foreground before the original's background.

    Directions need no labels: sefa:0, sefa:1, … change styles most, pca:0, pca:1, … are the main axes of w. Outside
    the masks, and a margin around them, the pixels of a frame are the original's byte for byte.
    """
    settings = resolve(EditSettings, {}, flags)
    if dry_run:
        print_json({**settings.model_dump(mode="json"), "out": out})
        return
    # Imported here: torch takes seconds, and a wrong flag is told at once.
    from ..editing.run import edit
    from ..progress.samples import CountReporter

    with CountReporter("steps") as reporter:
        done = edit(settings, out, overwrite=overwrite, report=reporter)
        seconds = reporter.seconds
    worst = dict(done.worst)
    lines = [
        f"{out}: {len(done.keys)} edits of {done.steps} steps; made {done.made} in {seconds:.1f} s",
        f"outside the masks: plain edits differ by up to {worst['plain_outside']:.2f} of 255, kept ones by "
        f"{worst['kept_outside']:.2f}",
        f"inside, against the plain edit: at least {worst['inside_db']:.1f} dB; overlap (IoU) of consecutive masks: at "
        f"least {worst['iou_before']:.3f}",
    ]
    values = {"out": out, "edits": list(done.keys), "made": done.made, "left_out": list(done.left_out)}
    result("\n".join(lines), {**values, "steps": done.steps, "worst": worst, "seconds": round(seconds, 3)})
    if done.left_out:
        names = ", ".join(done.left_out[:3]) + (", …" if len(done.left_out) > 3 else "")
        raise WorkError(f"{len(done.left_out)} could not be edited ({names}); the others are done")
