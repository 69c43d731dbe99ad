"""The stage ``project``: photographs become codes of the generator, and with them masks."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import click

from ...console.options import config_option, no_recommended, settings_options
from ...console.output import note, print_json, result
from ...errors import WorkError
from ...settings import (
    ProjectSettings,
    TrainEncoderSettings,
    resolve,
    section_of,
)
from ...settings.recommended import as_given
from ..figures import PROJECTION, Figure
from ..pieces import Draft, Piece, Plan
from ..stage import Content, Means, Stage

if TYPE_CHECKING:
    from ...projection.codes import Codes

_NAMED = 3
"""Photographs that a line names."""


@click.command("project", short_help="Project photographs into a generator: their codes and masks.")
@click.argument("images", required=False)
@settings_options(ProjectSettings, without=("images",))
@click.option("--out", required=True, metavar="FOLDER", help="folder of codes; one that was begun is continued")
@config_option
@no_recommended
@click.option("--overwrite", is_flag=True, help="replace codes that were made with other settings")
@click.option("--dry-run", is_flag=True, help="print the resolved settings and stop")
def command(
    images: str | None,
    out: str,
    config: str | None,
    no_recommended: bool,
    overwrite: bool,
    dry_run: bool,
    **flags: object,
) -> None:
    """Find the codes from which the generator draws IMAGES again, and with them their masks.

    IMAGES is a folder, tars, a zip, Parquet files or world:NAME; of each photograph the middle square is taken, at
    the generator's size. FOLDER gets codes.safetensors and index.csv, and a PNG of each photograph in images,
    reconstructions, masks, alphas and cutouts (the last three where there is an alpha network). Interrupt it when
    you like: the same command continues, and takes what is new in IMAGES.
    """
    section = section_of(config, ProjectSettings)
    settings = resolve(ProjectSettings, section, {"images": images, **flags})
    if no_recommended:
        settings = as_given(settings)
    if dry_run:
        # What would be done is what the checkpoint's card recommends, too, and on photographs that are there.
        from ...generation.recommended import with_recommended
        from ...projection.pictures import find_items

        find_items(settings)
        settings = with_recommended(settings, tell=note)
        print_json(settings.model_dump(mode="json") | {"out": out})
        return
    broken = make(settings, out, overwrite=overwrite)[1]
    if broken:
        names = ", ".join(broken[:_NAMED]) + (", …" if len(broken) > _NAMED else "")
        raise WorkError(f"{len(broken)} photographs could not be read ({names}); the others are done")


def make(settings: ProjectSettings, out: str, *, overwrite: bool = False) -> tuple[int, tuple[str, ...]]:
    """Project with progress and a closing line.

    Returns how many photographs were projected now, and the names of those that could not be read.
    """
    # Imported here: torch takes seconds, and a wrong flag is told at once.
    from ...progress.samples import CountReporter
    from ...projection.run import project

    with CountReporter("photographs") as reporter:
        done = project(settings, out, overwrite=overwrite, report=reporter, tell=note)
        seconds = reporter.seconds
    figures = figures_of(done.codes)
    for key in done.unusual[:_NAMED]:
        number = done.codes.number(key)
        note(f"{done.codes.rows[number].file}: {done.codes.rows[number].warnings}")
    if len(done.unusual) > _NAMED:
        note(f"{len(done.unusual) - _NAMED} more photographs have such warnings; index.csv has them all")
    text = f"{out}: {len(done.codes)} photographs, {done.made} now in {seconds:.1f} s"
    text += f"; median error {figures['error']:.1f} of 255"
    values = {"out": out, "photographs": len(done.codes), "made": done.made, "seconds": round(seconds, 3)}
    result(text, {**values, **figures, "unusual": list(done.unusual), "broken": list(done.broken)})
    return done.made, done.broken


def figures_of(codes: "Codes") -> dict[str, float]:
    """Medians over the photographs: error, distance of the code, seconds."""
    import statistics

    names = ("error", "psnr", "distance", "seconds")
    return {name: round(statistics.median(getattr(row, name) for row in codes.rows), 4) for name in names}


class Project(Stage[ProjectSettings]):
    """Of the generator, the alpha network and the encoder of the experiment, as far as it trains any."""

    settings = ProjectSettings
    place = "codes"
    after = ("train-generator", "train-alpha", "train-encoder")
    quick: ClassVar = {"world_images": 16, "w_steps": 30, "steps": 70}

    def plan(self, draft: Draft) -> Iterable[Piece[ProjectSettings]]:
        section = draft.section(self.name)
        if section is None:
            return
        trained = draft.networks(section, "generator", "alpha")
        if encoding := draft.last("train-encoder", TrainEncoderSettings):
            trained["encoder"] = f"{draft.path(encoding)}/final"
            section = {"how": "encoder", **section}
            if section["how"] != "encoder":
                del trained["encoder"]
        yield self.piece(draft.resolved(self.settings, {**section, **trained}, self.name, self.quick))

    def images(self, piece: Piece[ProjectSettings]) -> int | None:
        s = piece.settings
        steps = s.w_steps + s.steps if s.how == "optimise" else s.refine_steps
        return s.world_images * max(1, steps) if s.images.startswith("world:") else None

    def check(self, piece: Piece[ProjectSettings]) -> None:
        from ...projection.pictures import find_items

        find_items(piece.settings)

    def do(self, piece: Piece[ProjectSettings], folder: Path, means: Means) -> int:
        return make(piece.settings, str(folder / piece.place))[0]

    def settings_done(self, piece: Piece[ProjectSettings], folder: Path) -> Content:
        from ...projection.codes import read_description

        return read_description(folder / piece.place)["settings"]

    def values(self, plan: Plan) -> Content:
        from ...projection.codes import read_codes

        projected: Content | None = None
        for piece in plan.of(self.name):
            codes = read_codes(plan.path(piece))
            told = sum(bool(row.warnings) for row in codes.rows)
            projected = {"photographs": len(codes), **figures_of(codes), "told": told, "how": codes.rows[0].how}
        return {"projected": projected} if projected else {}

    def texts(self, content: Content) -> Mapping[str, str]:
        found = content.get("projected")
        if not found:
            return {}
        text = (
            f"{found['photographs']} photographs projected ({found['how']}); medians: error {found['error']:.1f} of "
            f"255 grey levels, {found['psnr']:.1f} dB, code {found['distance']:.2f} standard deviations from the mean, "
            f"{found['seconds']:.2f} s each; {found['told']} have warnings in index.csv."
        )
        return {PROJECTION: text}

    def figures(self, plan: Plan) -> Iterable[Figure]:
        from ...projection.folder import SHEET

        for piece in plan.of(self.name):
            yield Figure(
                name=f"sheet-{piece.place}", section=PROJECTION, place=f"{piece.place}/{SHEET}",
                caption="Photographs, what their codes draw, and the masks of these.",
            )  # fmt: skip
