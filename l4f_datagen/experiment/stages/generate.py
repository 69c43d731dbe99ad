"""The stage ``generate``: images with masks as shards."""

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import click

from ...console.options import allow_mixed, config_option, no_recommended, settings_options
from ...console.output import note, print_json, result
from ...making.extending import explaining_keys, stored_settings
from ...settings import (
    CodesSettings,
    EngineSettings,
    GenerateSettings,
    resolve,
    section_of,
)
from ...settings.needing import idle
from ...settings.recommended import as_given
from ...shards.reader import open_dataset
from .. import of_codes
from ..figures import SAMPLES, Figure
from ..pieces import Draft, Piece, Plan
from ..stage import Content, Means, Stage

_MASKS = 1000
"""Masks that the mean mask of the report is of."""


@click.command("generate", short_help="Generate images with masks as WebDataset shards.")
@settings_options(GenerateSettings)
@settings_options(CodesSettings, only=of_codes.ONLY_THEIRS, optional=True)
@click.option("--out", required=True, metavar="FOLDER", help="data set folder; one that was begun is continued")
@config_option
@settings_options(EngineSettings)
@no_recommended
@allow_mixed
@click.option("--overwrite", is_flag=True, help="replace a data set that was made with other settings")
@click.option("--dry-run", is_flag=True, help="print the resolved settings and stop")
def command(
    out: str,
    config: str | None,
    no_recommended: bool,
    allow_mixed: bool,
    overwrite: bool,
    dry_run: bool,
    **flags: object,
) -> None:
    """Generate images with masks as WebDataset shards.

    Composites of a StyleGAN2's foregrounds on independent backgrounds, with soft and thresholded
    masks and metadata. What neither a flag nor the pipeline file says is as the checkpoint's card
    recommends, else as the defaults below say. Interrupt it when you like: the same command continues.
    A data set that is there is extended or continued with its own settings: ``--n 20000 --out FOLDER`` is enough.
    With --engine ray, FOLDER has to be one that all nodes reach under the same path, and so do checkpoints
    that are no names.
    With --codes the samples are the photographs of a folder that ``project`` made, with the alphas of their codes.
    """
    engine = resolve(EngineSettings, {}, {name: flags.pop(name) for name in EngineSettings.by_outer_name()})
    if (taking := of_codes.wanted(flags, out, overwrite=overwrite)) is not None:
        for flag, value in (("--config", config), ("--no-recommended", no_recommended)):
            if value:
                raise idle(flag, value, "no --codes")
        of_codes.make(taking, out, engine, allow_mixed=allow_mixed, overwrite=overwrite, dry_run=dry_run)
        return
    flags = {name: value for name, value in flags.items() if name not in of_codes.ONLY_THEIRS}
    device = str(flags["device"] or "auto")
    if engine.devices and device != "auto" and device.partition(":")[0] != engine.devices[0].partition(":")[0]:
        raise idle("--device", device, f"no --devices {','.join(engine.devices)}")
    section = section_of(config, GenerateSettings)
    stored = {} if overwrite else stored_settings(GenerateSettings, out)
    settings = resolve(GenerateSettings, {**stored, **section}, flags)
    if no_recommended:
        settings = as_given(settings)
    given = {*section, *(name for name, value in flags.items() if value is not None)}
    with explaining_keys(stored, given):
        make(settings, out, engine, allow_mixed=allow_mixed, overwrite=overwrite, dry_run=dry_run)


def make(
    settings: GenerateSettings,
    out: str,
    engine: EngineSettings,
    *,
    allow_mixed: bool = False,
    overwrite: bool = False,
    dry_run: bool = False,
) -> int:
    """Generate with progress and a closing line. Returns how many samples were made now."""
    shards = engine.shards(settings.shards)
    # Imported here: torch takes seconds, and a wrong flag is told at once.
    from ...devices import resolve_device
    from ...engines import local
    from ...engines.description import describe
    from ...generation.models import load_models
    from ...generation.recommended import with_recommended
    from ...process.tuning import tune_for_shards
    from ...progress.samples import ProgressReporter, closing_line, closing_values

    notes: list[str] = []
    settings = with_recommended(settings, tell=notes.append)
    tune_for_shards()
    devices = (engine.devices or local.visible_devices(settings)) if engine.engine == "local" else ()
    for device in devices:
        resolve_device(device)
    one = len(devices) == 1
    if one:
        settings = settings.model_copy(update={"device": devices[0]})
    models = load_models(settings) if one or dry_run else None
    for line in notes:  # after all that can be wrong: a mistake is one line
        note(line)
    if dry_run:
        assert models is not None, "a dry run loads the networks"
        print_json(describe(settings, models)["settings"] | {"out": out})
        return 0
    with ProgressReporter() as reporter:
        common = {"overwrite": overwrite, "report": reporter, "shards": shards, "allow_mixed": allow_mixed}
        if engine.engine == "ray":
            from ...engines import ray

            progress = ray.generate(settings, out, engine, **common)
        else:
            progress = local.generate(settings, out, devices=devices, models=models, **common)
    result(closing_line(out, progress, reporter.seconds, shards), closing_values(out, progress, reporter.seconds))
    return progress.made


class Generate(Stage[GenerateSettings]):
    """The data set: of the networks that the experiment trains, as far as it trains any."""

    settings = GenerateSettings
    place = "shards"
    after = ("train-generator", "train-alpha")
    instead = "shards"
    quick: ClassVar = {"n": 1000}
    lacking = "Shards: the pipeline file has no section `generate`."

    def plan(self, draft: Draft) -> Iterable[Piece[GenerateSettings]]:
        section = draft.section(self.name)
        if section is None:
            return
        trained = draft.networks(section, "generator", "alpha")
        settings = draft.resolved(self.settings, {**section, **trained}, self.name, self.quick)
        if draft.n is not None:
            settings = resolve(GenerateSettings, settings.model_dump(exclude_unset=True), {"n": draft.n})
        if not trained:
            # Imported here: weights take seconds, and most mistakes are told at once.
            from ...generation.recommended import with_recommended

            settings = with_recommended(settings, tell=draft.tell)
        yield self.piece(settings)

    def images(self, piece: Piece[GenerateSettings]) -> int:
        return piece.settings.n

    def resolution(self, piece: Piece[GenerateSettings]) -> int | None:
        from ..results import resolution_of  # imported here: --help need not wait for torch

        return resolution_of(piece.settings.generator)

    def do(self, piece: Piece[GenerateSettings], folder: Path, means: Means) -> int:
        return make(piece.settings, str(folder / piece.place), means.engine)

    def settings_done(self, piece: Piece[GenerateSettings], folder: Path) -> Content:
        return open_dataset(folder / piece.place).description["settings"]

    def values(self, plan: Plan) -> Content:
        from ...analysis import distributions

        samples: dict[str, Any] | None = None
        for piece in plan.of(self.name):
            found = distributions.measure(open_dataset(plan.path(piece)), masks=0)
            means = {score: round(found.mean(score), 6) for score in found.histograms}
            rejected = dict(found.rejected.most_common())
            samples = {"samples": found.samples, **means, "empty": found.empty, "rejected": rejected}
        return {"samples": samples}

    def texts(self, content: Content) -> Mapping[str, str]:
        from ...evaluation.tables import as_text

        samples = content["samples"]
        if not samples:
            return {}
        scores = ((name, value) for name, value in samples.items() if isinstance(value, float))
        means = ", ".join(f"{name.replace('_', ' ')} {as_text(value)}" for name, value in scores)
        rejected = ", ".join(f"{count} for {reason}" for reason, count in samples["rejected"].items()) or "none"
        text = f"{samples['samples']} samples; means: {means}; empty masks: {samples['empty']}; rejected: {rejected}."
        return {SAMPLES: text}

    def figures(self, plan: Plan) -> Iterable[Figure]:
        from .. import pictures

        for piece in plan.of(self.name):
            place = plan.path(piece)
            yield Figure(
                name=piece.place, section=SAMPLES, draw=partial(pictures.shards_sheet, place),
                caption="The first samples: composite, alpha, mask, and the mask's outline over the composite.",
            )  # fmt: skip
            yield Figure(
                name=f"{piece.place}-distributions", section=SAMPLES, plot=True, draw=partial(_distributions, place),
                caption="Scores of the samples, the mean of masks, and why candidates were rejected.",
            )  # fmt: skip


def _distributions(shards: Path) -> bytes:
    from ...analysis import distribution_plot, distributions

    found = distributions.measure(open_dataset(shards), masks=_MASKS)
    return distribution_plot.plot(found, f"{found.samples} samples")
