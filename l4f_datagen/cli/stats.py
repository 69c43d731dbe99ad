"""``l4f-datagen stats``."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from ..console.options import settings_options
from ..console.output import check_file, note, print_json, wants_json, write_file
from ..errors import UserError
from ..settings import resolve
from ..settings.evaluate import JudgingSettings
from ..settings.needing import idle
from ..settings.reject_list import RejectList, read_list
from ..shards.reader import open_dataset
from ..storage.opening import local_place

if TYPE_CHECKING:
    from ..analysis.distributions import Distributions
    from ..analysis.judging import Verdicts
    from ..shards.reader import Dataset

_QUANTILES = (0.05, 0.5, 0.95)


@click.command("stats", short_help="Show how a data set's masks are distributed.")
@click.argument("folder")
@click.option("--out", metavar="DIR|FILE.png", help="draw the distributions and the mean mask; stats.png in a folder")
@click.option("--json-file", metavar="FILE", help="write the numbers, histograms included, as JSON")
@click.option("--sample", type=click.IntRange(1), metavar="INTEGER", help="masks that the mean mask is taken of  [all]")
@click.option("--without", metavar="FILE", help="leave out the samples that this file lists, as gallery saves it")
@click.option(
    "--reference",
    metavar="FILE.onnx|FILE.json",
    help="count the samples in which a detector with masks, or its list of detections, has one object",
)
@click.option("--save-list", metavar="FILE", help="write the samples that the reference rejects, as gallery does")
@settings_options(JudgingSettings)
def command(
    folder: str,
    out: str | None,
    json_file: str | None,
    sample: int | None,
    without: str | None,
    reference: str | None,
    save_list: str | None,
    **flags: object,
) -> None:
    """Show how the masks of a data set FOLDER are distributed: area, place, scores, components, rejections.

    Takes the shards that are finished. Only --out needs matplotlib (extra analysis). With --reference it also tells
    in how many samples that finds exactly one object; what --save-list writes is for export --without and generate
    --reject-list.
    """
    judging = _judging(reference, {"save_list": save_list, **flags})
    if sample and not (out or json_file or wants_json()):
        raise idle("--sample", sample, "--out, --json-file or --json")
    # Imported here: Parquet and OpenCV take a while, and --help need not wait.
    from ..analysis import distribution_plot, distributions, plotting

    if out:
        plotting.require_matplotlib("stats --out")
    left_out = RejectList(read_list(without, "without") if without else ())
    dataset = open_dataset(folder, allow_incomplete=True)
    judged = _judged(dataset, reference, judging, left_out) if reference else None
    for path, flag in ((json_file, "json-file"), (out and _file(out), "out"), (save_list, "save-list")):
        if path:
            check_file(path, flag)  # before the masks are read, which takes a while
    found = distributions.measure(dataset, masks=sample if out or json_file or wants_json() else 0, without=left_out)
    values = _as_json(found)
    verdicts = judged() if judged else None
    if verdicts:
        values |= {"reference": dict(verdicts.counts)}
    if not wants_json():
        _print(found, len(dataset.lengths))
        if verdicts:
            told = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.counts.items())
            click.echo(f"{reference}, of {found.samples} samples: {told}")
    if verdicts and save_list:
        written = write_file(save_list, "".join(f"{entry}\n" for entry in verdicts.entries).encode(), "save-list")
        if not wants_json():
            click.echo(f"{written}: {len(verdicts.entries)} samples")
    if json_file:
        write_file(json_file, json.dumps(values, indent=1).encode() + b"\n", "json-file")
    if out:
        picture = distribution_plot.plot(found, f"{folder}: {found.samples} samples")
        written = write_file(_file(out), picture, "out")
        values |= {"out": str(written)}
        if not wants_json():
            click.echo(written)
    if wants_json():
        print_json(values)


def _judging(reference: str | None, flags: Mapping[str, object]) -> JudgingSettings:
    """How a reference is asked.

    Raises:
        UserError: there is none, and flags say how.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    if reference is None and given:
        name, value = next(iter(given.items()))
        raise idle(f"--{name.replace('_', '-')}", value, "--reference")
    return resolve(JudgingSettings, {}, {name: value for name, value in given.items() if name != "save_list"})


def _judged(
    dataset: "Dataset", reference: str, settings: JudgingSettings, without: RejectList
) -> Callable[[], "Verdicts"]:
    """What asks a reference about the samples, once all flags are known to be good.

    Raises:
        UserError: the reference cannot be used.
    """
    from ..analysis import judging
    from ..devices import resolve_device
    from ..instances.opening import open_instances

    opened = open_instances(reference, settings, resolve_device(settings.device))

    def ask() -> "Verdicts":
        found = judging.judge(dataset, opened, area=settings.object_area, without=without)
        for line in opened.notes:
            note(line)
        return found

    return ask


def _file(out: str) -> Path:
    path = local_place(out)
    if path.suffix and path.suffix.lower() != ".png" and not path.is_dir():
        raise UserError("out", got=out, expected="a folder or the name of a PNG file", remedy="end it in .png")
    return path if path.suffix.lower() == ".png" and not path.is_dir() else path / "stats.png"


def _print(found: "Distributions", shards: int) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column(f"{found.samples} samples in {shards} shards")
    for name in ("mean", "5 %", "median", "95 %"):
        table.add_column(name, justify="right")
    for score in found.histograms:
        quantiles = (f"{found.quantile(score, share):.3f}" for share in _QUANTILES)
        table.add_row(score, f"{found.mean(score):.3f}", *quantiles)
    console = Console()
    console.print(table)
    several = int(found.components[2:].sum())
    for count, what in (
        (found.empty, "empty masks"),
        (several, "masks of several components"),
        (found.touching_border, "masks that touch the border"),
    ):
        click.echo(f"{what}: {count} ({count / found.samples:.1%})")
    if found.classes:
        click.echo("classes: " + ", ".join(f"{number}: {count}" for number, count in sorted(found.classes.items())))
    if found.left_out:
        click.echo(f"left out by the list: {found.left_out}")
    if found.rejected:
        drawn = found.samples + found.left_out + found.rejected.total()
        click.echo(
            f"candidates: {drawn}, of which {1 - found.rejected.total() / drawn:.1%} were accepted; rejected for"
        )
        for reason, count in found.rejected.most_common():
            click.echo(f"  {reason}: {count}")


def _classes(found: "Distributions") -> dict[str, dict[str, int]]:
    """Samples by their class, where they have one."""
    return (
        {"classes": {str(number): found.classes[number] for number in sorted(found.classes)}} if found.classes else {}
    )


def _as_json(found: "Distributions") -> dict[str, object]:
    scores = {
        score: {
            "mean": round(found.mean(score), 6),
            "quantiles": {str(share): found.quantile(score, share) for share in _QUANTILES},
            "histogram": counts.tolist(),
        }
        for score, counts in found.histograms.items()
    }
    return {
        "samples": found.samples,
        "left_out": found.left_out,
        **scores,
        "components": found.components.tolist(),
        "empty": found.empty,
        "touches_border": found.touching_border,
        **_classes(found),
        "rejected": dict(found.rejected.most_common()),
        "masks": found.masks,
        "mean_mask": None if found.mean_mask is None else found.mean_mask.round(4).tolist(),
    }
