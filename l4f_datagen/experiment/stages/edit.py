"""The stage ``edit``: samples or projected photographs change along a direction, and keep their backgrounds."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...console.options import config_option, settings_options
from ...console.output import note, print_json, result
from ...errors import WorkError
from ...settings import EditSettings, ProjectSettings, resolve, section_of
from ..figures import EDITS, Figure
from ..pieces import Draft, Piece, Plan
from ..stage import Content, Means, Stage

if TYPE_CHECKING:
    from ...editing.run import Edited

_NAMED = 3
"""Subjects that a line names."""
_TOLD = {
    "plain_outside": "plain edits differ outside the masks by up to {:.2f} of 255",
    "kept_outside": "kept ones by {:.2f}",
    "inside_db": "inside, kept edits are within {:.1f} dB of plain ones",
    "iou_before": "consecutive masks overlap by at least {:.3f} (IoU)",
}
"""The worst figures over all steps that a report tells, by their names in ``edit.json``."""


@click.command("edit", short_help="Edit samples or photographs and keep their backgrounds.")
@settings_options(EditSettings, optional=True)
@click.option("--out", required=True, metavar="FOLDER", help="where to write; edits that were begun are continued")
@config_option
@click.option("--overwrite", is_flag=True, help="replace edits that were made with other settings")
@click.option("--dry-run", is_flag=True, help="print the resolved settings and stop")
def command(out: str, config: str | None, overwrite: bool, dry_run: bool, **flags: object) -> None:
    """Move codes along a direction, and put each edited foreground before the original's background.

    Directions need no labels: sefa:0, sefa:1, … change styles most, pca:0, pca:1, … are the main axes of w. Outside
    the masks, and a margin around them, the pixels of a frame are the original's byte for byte.
    """
    settings = resolve(EditSettings, section_of(config, EditSettings), flags)
    if dry_run:
        print_json({**settings.model_dump(mode="json"), "out": out})
        return
    left_out = make(settings, out, overwrite=overwrite).left_out
    if left_out:
        raise WorkError(f"{len(left_out)} could not be edited ({_few(left_out)}); the others are done")


def make(settings: EditSettings, out: str, *, overwrite: bool = False) -> "Edited":
    """Edit with progress and closing lines."""
    # Imported here: torch takes seconds, and a wrong flag is told at once.
    from ...editing.run import edit
    from ...progress.samples import CountReporter

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
    return done


class Edit(Stage[EditSettings]):
    """Of the photographs that the experiment projects, or of samples of its generator where seeds are named."""

    settings = EditSettings
    place = "edits"
    after = ("train-generator", "train-alpha", "project")
    lacking = "Edits that keep the background (Fig. 6): the pipeline file has no section `edit`."

    def plan(self, draft: Draft) -> Iterable[Piece[EditSettings]]:
        section = draft.section(self.name)
        if section is None:
            return
        found: dict[str, object] = dict(draft.networks(section, "generator", "alpha"))
        projecting = draft.last("project", ProjectSettings)
        if projecting and not {"seeds", "codes"} & section.keys():
            of = projecting.settings
            found = {"generator": of.generator, "alpha": of.alpha, "codes": draft.path(projecting)}
        yield self.piece(draft.resolved(self.settings, {**section, **found}, self.name))

    def do(self, piece: Piece[EditSettings], folder: Path, means: Means) -> int:
        from ...editing.drawing import NothingToKeep

        try:
            done = make(piece.settings, str(folder / piece.place))
        except NothingToKeep as error:  # what follows does not need edits; the report says that there are none
            note(f"edit: nothing could be edited; {error}")
            return 0
        if done.left_out:
            note(f"edit: {len(done.left_out)} left out, without a foreground or a background ({_few(done.left_out)})")
        return done.made

    def settings_done(self, piece: Piece[EditSettings], folder: Path) -> Content:
        from ...editing.folder import read_settings

        return read_settings(folder / piece.place)["settings"]

    def values(self, plan: Plan) -> Content:
        from ...editing.folder import read_result

        for piece in plan.of(self.name):
            found = read_result(plan.path(piece))
            told = {"edits": len(found["subjects"]), "direction": piece.settings.direction, "steps": found["steps"]}
            return {"edited": told | {"left_out": found["left_out"], "worst": found["worst"]}}
        return {}

    def texts(self, content: Content) -> Mapping[str, str]:
        found = content.get("edited")
        if not found:
            return {}
        if not found["edits"]:
            without = ", ".join(found["left_out"])
            return {EDITS: f"Nothing could be edited: {without} have no foreground or no background."}
        figures = "; ".join(text.format(found["worst"][name]) for name, text in _TOLD.items())
        left_out = f" Left out, without a foreground or a background: {', '.join(found['left_out'])}."
        text = (
            f"{found['edits']} edits along {found['direction']} in {found['steps']} steps. The worst of all steps: "
            f"{figures}.{left_out if found['left_out'] else ''}"
        )
        return {EDITS: text}

    def figures(self, plan: Plan) -> Iterable[Figure]:
        from ...editing.folder import SHEET

        for piece in plan.of(self.name):
            if not (plan.path(piece) / SHEET).is_file():  # nothing could be edited
                continue
            yield Figure(
                name=f"sheet-{piece.place}", section=EDITS, place=f"{piece.place}/{SHEET}",
                caption=f"Edits along {piece.settings.direction}; above each step stands its strength.",
            )  # fmt: skip


def _few(names: tuple[str, ...]) -> str:
    return ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
