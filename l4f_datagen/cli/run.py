"""``l4f-datagen run``: the stages of a pipeline file, one after the other, and the report of them."""

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from .. import resources
from ..addresses import shown
from ..console.options import complete_pipelines, settings_options, tracking_options
from ..console.output import collected, note, print_json, result
from ..errors import UserError
from ..progress import live
from ..progress.tracker import Tracking
from ..settings import EngineSettings, GivenSettings, PipelineFlags, StageSettings, load_pipeline, resolve
from ..settings.placeholders import PAPER
from ..storage.opening import local_place

if TYPE_CHECKING:
    from ..experiment.pieces import Plan


def _complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of pipeline files that come with the package, the word paper, or files."""
    word = [CompletionItem(PAPER)] if incomplete and PAPER.startswith(incomplete) else []
    return word or complete_pipelines(context, parameter, incomplete)


@click.command("run", short_help="Run the stages of a pipeline file and write a report.")
@click.argument("pipeline", metavar="PATH|NAME|paper", shell_complete=_complete)
@click.option(
    "--domain",
    metavar="PATH|NAME",
    shell_complete=complete_pipelines,
    help="of `run paper`: the pipeline file of a class of images, vessels64 say",
)
@click.option("--out", required=True, metavar="FOLDER", help="folder of all that the stages make, and of report.md")
@click.option("--n", metavar="INTEGER", help="number of samples to generate; a larger one extends")
@click.option("--quick", is_flag=True, help="fewer iterations, samples and images: to try out, not to publish")
@settings_options(PipelineFlags)
@settings_options(GivenSettings)
@settings_options(EngineSettings, without=("shard_range",))
@tracking_options
@click.option("--dry-run", is_flag=True, help="print all stages with their settings and an estimate of time")
def command(
    pipeline: str,
    domain: str | None,
    out: str,
    n: str | None,
    quick: bool,
    tracking: Tracking,
    dry_run: bool,
    **flags: object,
) -> None:
    """Run the stages that a pipeline file lists, and write FOLDER/report.md and report.json.

    train-generator goes into FOLDER/generator, train-alpha into FOLDER/alpha, generate into FOLDER/shards,
    train-segmenter into FOLDER/segmenter or, where there are several, FOLDER/segmenters, and what evaluate finds
    into FOLDER/evaluation.

    What is finished with the same settings is skipped, what was interrupted continues. Where a file lists
    several stages, each takes what the one before it made: the generator, the alpha network, the shards, the
    segmenters. What is there already can be given: --generator, --alpha, --shards or --segmenter. Who generates
    is never in a file: --engine and what follows it are those of generate. With --report the curves of all
    trainings go elsewhere too, together.

    A file may have places for other flags, as photos has, which goes from photographs to segmenters:
    l4f-datagen run photos --images photos/ --out out/

    The word paper stands for the paper's whole experiment on the class of a file, with what its section paper adds:
    l4f-datagen run paper --domain vessels64 --out out/
    """
    engine = resolve(EngineSettings, {}, _of(EngineSettings, flags))
    values = resolve(PipelineFlags, {}, _of(PipelineFlags, flags))
    there = resolve(GivenSettings, {}, _of(GivenSettings, flags)).model_dump(exclude_none=True)
    from ..experiment.plan import left_out_for, make_plan

    whole = pipeline == PAPER
    if whole != (domain is not None):
        raise _no_domain(domain)
    content = load_pipeline(domain or pipeline, values, without=left_out_for(there), paper=whole)
    plan = make_plan(content, local_place(out), n=n, quick=quick, given=there, tell=note)
    tracking = _followed(plan, tracking)
    if dry_run:
        _tell(plan)
        return
    typed = _typed(pipeline, out, quick, {"domain": domain, "n": n, "report": tracking.names, **flags})
    _run(plan, engine, tracking, typed)


def _no_domain(domain: str | None) -> UserError:
    """The refusal of ``run paper`` without a class, or of a class of another pipeline."""
    names = ", ".join(resources.embedded("pipelines", ".yaml"))
    if domain is None:
        return UserError(
            "--domain", got="nothing", expected=f"a class of images: a pipeline file, or one of {names}",
            remedy="run paper --domain vessels64, say",
        )  # fmt: skip
    return UserError(
        "--domain", got=f"{domain} beside another pipeline", expected=f"it after `run {PAPER}`",
        remedy=f"run {PAPER} --domain {domain}, or leave it out",
    )  # fmt: skip


def _followed(plan: "Plan", tracking: Tracking) -> Tracking:
    """Where the trainings of an experiment go: they belong together.

    Raises:
        UserError: there is none.
    """
    from ..experiment.registry import stages
    from ..experiment.stage import TrainingStage

    if tracking.names and not any(isinstance(stages()[piece.kind], TrainingStage) for piece in plan.pieces):
        raise UserError(
            "--report", got=", ".join(tracking.names), expected="no tracker: nothing is trained", remedy="leave it out"
        )
    return replace(tracking, experiment=plan.folder)


def _of(model: type[StageSettings], flags: dict[str, object]) -> dict[str, object]:
    """The flags that are settings of a model."""
    return {name: flags[name] for name in model.by_outer_name() if name in flags}


def _tell(plan: "Plan") -> None:
    """Print what would be done, and how long that takes."""
    from ..experiment.estimates import estimate, this_machine

    for line in estimate(plan, this_machine()).lines():
        note(line)
    print_json({piece.name: piece.settings.model_dump(mode="json") for piece in plan.pieces})


def _run(plan: "Plan", engine: EngineSettings, tracking: Tracking, typed: str) -> None:
    # Imported here: torch takes seconds, and a wrong flag is told at once.
    from ..experiment.record import Record
    from ..experiment.registry import stages
    from ..experiment.report import write_report
    from ..experiment.stage import Means
    from ..worlds.kept import keeping

    known, means = stages(), Means(engine=engine, tracking=tracking)
    # A library is missed now, not after an hour of training.
    tracking.open(plan.folder)
    for piece in plan.pieces:
        known[piece.kind].check(piece)
    record = Record(plan.folder)
    values = []
    with keeping():  # several stages look at the same pictures of a world
        for number, piece in enumerate(plan.pieces, 1):
            with live.manner(stage=piece.name, number=number, stages=len(plan.pieces)), collected() as results:
                note(f"stage {number} of {len(plan.pieces)}: {piece.name}")
                with record.timing(piece.name) as clock:
                    clock.made = known[piece.kind].do(piece, plan.folder, means)
            values.append({"stage": piece.name, "place": str(plan.path(piece)), "made": clock.made})
            values[-1] |= {"seconds": record.seconds(piece.name), "result": results[0] if results else None}
    report = write_report(plan, record, command=typed)
    result(str(report), {"report": str(report), "stages": values})


def _typed(pipeline: str, out: str, quick: bool, flags: dict[str, object]) -> str:
    """The command as one would type it again."""
    words = []
    for name, value in flags.items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        elif isinstance(value, tuple):
            words += [word for one in value for word in (f"--{flag}", one)]
        elif value is not None:
            words += [f"--{flag}", str(value)]
    return shlex.join(map(shown, ["l4f-datagen", "run", pipeline, "--out", out, *(["--quick"] * quick), *words]))
