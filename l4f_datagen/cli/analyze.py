"""``l4f-datagen analyze``: what a generator's layers do."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..console.options import settings_options
from ..console.output import result
from ..devices import explaining_memory, resolve_device
from ..settings import AnalyzeBackgroundsSettings, AnalyzeDirectionsSettings, AnalyzeSettings, resolve
from ..storage import atomic
from ..storage.opening import local_place

if TYPE_CHECKING:
    from ..analysis.trials import Trial


@click.group("analyze", short_help="Find the layers that shape and that draw the foreground.")
def command() -> None:
    """Find out what a generator's layers do, for the settings of an alpha network's training.

    Each writes a table (table.csv), a plot (plot.png) and samples to look at (sheet.png).
    """


def _options(function: Callable) -> Callable:
    """The options of both analyses."""
    out = click.option("--out", required=True, metavar="FOLDER", help="where to write; replaces what was there")
    function = settings_options(AnalyzeSettings)(out(function))
    return function


@command.command("layers", short_help="Which resolutions shape the image.")
@_options
def layers_command(out: str, **flags: object) -> None:
    """Name the first resolution whose features an alpha network should see.

    Noise takes the place of one resolution's ToRGB output; SSIM tells how much that changes the samples
    (Labels4Free 3.1).
    """
    settings, folder = resolve(AnalyzeSettings, {}, flags), _folder(out)
    from ..analysis import layers, report

    generator = _load(settings)
    common = settings.model_dump(include={"psi", "seed", "batch_size"})
    with _explaining_memory(settings):
        analysis = layers.analyze_layers(generator, n=settings.n, **common)
        report.write_layers(analysis, generator, folder, **common)
    ssim = dict(zip(analysis.resolutions, analysis.similarity, strict=True))
    lines = [f"{resolution:5d} px  SSIM {similarity:.3f}" for resolution, similarity in ssim.items()]
    values = {"ssim": {str(size): float(value) for size, value in ssim.items()}}
    result(
        "\n".join([*lines, f"first_resolution: {analysis.first_resolution}"]),
        values | {"first_resolution": analysis.first_resolution, "out": str(folder)},
    )


@command.command("backgrounds", short_help="Which layer and channels draw the foreground.")
@settings_options(AnalyzeBackgroundsSettings)
@click.option("--out", required=True, metavar="FOLDER", help="where to write; replaces what was there")
def backgrounds_command(out: str, **flags: object) -> None:
    """Name the layer to switch off for backgrounds, and show what switching off each layer does.

    The gradient of the distance to plain background tells which layer would have to change
    (Labels4Free 3.2). Then shares of the first layers' channels are zeroed, those first that draw most of the
    foreground, as --switched-off channels:SHARE of train-alpha does; --segmenter tells what is left of it.
    With --images channels:auto is found too, by a descent, and FOLDER/alpha keeps its channels for generate and
    train-alpha.
    """
    settings, folder = resolve(AnalyzeBackgroundsSettings, {}, flags), _folder(out)
    from ..analysis import backgrounds, descent, report, trials
    from ..weights import load_segmenter

    generator = _load(settings)
    device = resolve_device(settings.device)
    segmenter = None if settings.segmenter is None else load_segmenter(settings.segmenter).to(device)
    pictures = None if settings.images is None else descent.read_pictures(settings.images, generator.architecture.size)
    common = settings.model_dump(include={"psi", "seed", "batch_size", "crops"})
    with _explaining_memory(settings):
        analysis = backgrounds.analyze_backgrounds(generator, n=settings.n, **common)
        descended = None if pictures is None else descent.descend_and_keep(settings, pictures, device, folder)
        tried = trials.try_backgrounds(
            generator, settings.shares, n=settings.n, segmenter=segmenter, descended=descended, **common
        )
        report.write_backgrounds(analysis, tried, generator, folder, **common)
    rows = list(zip(analysis.layers, analysis.gradient, analysis.effect, analysis.distance, strict=True))
    lines = [f"{'layer':18} gradient  × activation  distance to the background when off"]
    lines += ["{:18} {:8.4g}  {:12.4g}  {:.4f}".format(*row) for row in rows]
    lines += [
        f"{'none':18} {'':8}  {'':12}  {analysis.untouched_distance:.4f}",
        "",
        f"{'--switched-off':18} channels off  distance to the background  foreground",
        *(_trial_line(trial) for trial in tried),
        f"strongest: {analysis.strongest}",
        f"switched_off: {analysis.switched_off}",
    ]
    names = ("gradient", "effect", "distance")
    layers = {layer: dict(zip(names, map(float, numbers), strict=True)) for layer, *numbers in rows}
    values = {"layers": layers, "untouched_distance": float(analysis.untouched_distance)}
    values["trials"] = {
        one.setting: {"zeroed": one.zeroed, "distance": one.distance, "foreground": one.foreground} for one in tried
    }
    values |= {"strongest": analysis.strongest, "switched_off": analysis.switched_off, "out": str(folder)}
    result("\n".join(lines), values)


@command.command("directions", short_help="What the directions do that edit can go along.")
@settings_options(AnalyzeDirectionsSettings)
@click.option("--out", required=True, metavar="FOLDER", help="where to write; replaces what was there")
def directions_command(out: str, **flags: object) -> None:
    """Show what samples become along directions that are found without labels, for edit --direction.

    sefa: those that change styles most (Shen & Zhou 2021); pca: the main axes of w (GANSpace). Writes table.csv
    and sheet.png.
    """
    settings, folder = resolve(AnalyzeDirectionsSettings, {}, flags), _folder(out)
    from ..analysis.directions import analyze_directions, write_directions
    from ..weights import load_generator

    generator = load_generator(settings.generator).to(resolve_device(settings.device))
    with explaining_memory(resolve_device(settings.device), settings.batch_size):
        analysis = analyze_directions(generator, settings)
    write_directions(analysis, folder)
    rows = list(zip(analysis.names, analysis.deviations, analysis.changes, strict=True))
    lines = ["{:10} deviation of w {:.3f}, changes images by {:.2f} of 255".format(*row) for row in rows]
    values = {name: {"deviation": deviation, "change": change} for name, deviation, change in rows}
    result("\n".join(lines), {"directions": values, "out": str(folder)})


def _trial_line(trial: "Trial") -> str:
    seen = "" if trial.foreground is None else f"{trial.foreground:.2%}"
    return f"{trial.setting:18} {trial.zeroed:12}  {trial.distance:26.4f}  {seen:>10}"


def _load(settings: AnalyzeSettings):
    """The generator on its device; what the report needs is asked for before the work."""
    from ..analysis import report
    from ..weights import load_generator

    report.require_matplotlib()
    return load_generator(settings.generator).to(resolve_device(settings.device))


def _explaining_memory(settings: AnalyzeSettings):
    return explaining_memory(resolve_device(settings.device), settings.batch_size)


def _folder(out: str) -> Path:
    folder = local_place(out)
    atomic.check_folder(folder, f"out {out}")
    return folder
