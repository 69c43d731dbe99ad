"""``l4f-datagen segment``."""

import click

from ..console.options import settings_options
from ..console.output import note, print_json, result
from ..errors import WorkError
from ..settings import SegmentSettings, resolve


@click.command("segment", short_help="Segment images with a trained segmenter.")
@click.argument("images", nargs=-1, required=True)
@click.option(
    "--out", required=True, metavar="FOLDER", help="folder of the masks, KEY.png, and of index.csv; subfolders are kept"
)
@settings_options(SegmentSettings)
@click.option("--dry-run", is_flag=True, help="print the resolved settings and stop")
def command(images: tuple[str, ...], out: str, dry_run: bool, **flags: object) -> None:
    """Segment IMAGES: files, folders of any nesting, patterns; tars:PATH, zip:PATH, parquet:PATH.

    Masks are indexed PNGs of the images' own size, 0 background and 1 foreground. Videos among them become folders of
    such masks, KEY.frames, or videos (--video). What cannot be read is named and left out; the command then ends with
    1.
    """
    settings = resolve(SegmentSettings, {}, flags)
    if dry_run:
        shown = {"images": list(images), **settings.model_dump(mode="json"), "out": out}
        print_json(shown)
        return
    # Imported here: torch takes seconds, and a wrong flag is told at once.
    from ..progress.samples import CountReporter
    from ..segmentation.image_files import segment_files

    with CountReporter("images") as reporter:
        done = segment_files(settings, images, out, report=reporter)
        seconds = reporter.seconds
    values = {"out": out, "images": done.done, "broken": list(done.broken), "seconds": round(seconds, 3)}
    what = [f"{done.done} images"] if done.done or not done.videos else []
    if done.videos:
        values |= {"videos": done.videos, "frames": done.frames}
        what.append(f"{done.frames} frames of {done.videos} videos")
    if not done.videos and "video" not in settings.defaults:
        note(f"note: there is no video among the images: --video {','.join(settings.video)} had no effect")
    result(f"{out}: {' and '.join(what)} in {seconds:.1f} s", values)
    if done.broken:
        names = ", ".join(done.broken[:3]) + (", …" if len(done.broken) > 3 else "")
        things = "images or videos" if done.videos else "images"
        raise WorkError(f"{len(done.broken)} {things} could not be read ({names}); the others are done")
