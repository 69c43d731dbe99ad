"""The report of an experiment, from what its stages left: ``report.json``, ``report.md`` and pictures."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import __version__
from ..addresses import hidden_within, shown
from ..analysis import distribution_plot, distributions
from ..errors import UserError
from ..evaluation import metrics
from ..settings.experiment import SUPERVISED
from ..shards.reader import open_dataset
from ..training.core.run import FINAL, SAMPLES, read_description
from ..versions import versions
from ..weights.native import read_card
from ..weights.native.cards import training_of
from . import markdown, pictures, results, summary
from .plan import (
    BASELINES,
    EVALUATE_ALPHA,
    EVALUATE_FRECHET,
    EVALUATE_SEGMENTER,
    GENERATE,
    TRAIN_ALPHA,
    TRAIN_GENERATOR,
    TRAIN_SEGMENTER,
    Plan,
    Stage,
)
from .record import Record

JSON, TEXT, PICTURES = "report.json", "report.md", "report"
FORMAT, VERSION = "l4f-datagen-report", 1
_PACKAGES = ("l4f-datagen", "torch", "numpy", "opencv-python-headless", "pyarrow", "accelerate", "torchmetrics")
_TRAININGS = (TRAIN_GENERATOR, TRAIN_ALPHA, TRAIN_SEGMENTER)
_WORST = 5
_MASKS = 1000
"""Masks that the mean mask is of."""


def write_report(plan: Plan, record: Record, *, command: str) -> Path:
    """Write the report of finished stages into the experiment's folder. The same stages give the same files.

    Without matplotlib it has no plots and says so. Links are relative: the folder can be moved.

    Args:
        command: what was typed.
    """
    content = gather(plan, record, command)
    drawn, lacking = _draw(plan)
    for name, picture in drawn.items():
        pictures.keep(plan.folder / PICTURES / name, picture)
    content["pictures"] = {Path(name).stem: f"{PICTURES}/{name}" for name in drawn} | _training_sheet(plan)
    content["missing"] += lacking
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    pictures.keep(plan.folder / JSON, text.encode())
    pictures.keep(plan.folder / TEXT, markdown.render(content).encode())
    return plan.folder / TEXT


def gather(plan: Plan, record: Record, command: str) -> dict[str, Any]:
    """All that the report says, without the pictures: plain values, paths relative to the experiment's folder."""
    stages = [
        {
            "name": stage.name,
            "place": stage.place,
            "seconds": record.seconds(stage.name),
            "settings": results.relative(_settings(plan, stage), plan.folder),
        }
        for stage in plan.stages
    ]
    tables = _tables(plan)
    found = {
        "format": FORMAT,
        "version": VERSION,
        "domain": plan.domain,
        "description": plan.description,
        "quick": plan.quick,
        "command": command,
        "l4f_datagen": __version__,
        "versions": dict(versions(_PACKAGES)),
        "hardware": _distinct([entry["hardware"] for entry in record.stages.values()]),
        "stages": stages,
        "seconds": round(sum(stage["seconds"] or 0.0 for stage in stages), 1),
        "trainings": [_training(plan, stage) for stage in plan.of(*_TRAININGS)],
        "samples": _samples(plan),
        "tables": tables,
        "missing": summary.missing(plan),
    }
    found = hidden_within(found)
    return found | {"findings": summary.findings(found, _reference_quality(plan, tables))}


def _settings(plan: Plan, stage: Stage) -> Mapping[str, Any]:
    """As they were resolved when the stage was done."""
    if stage.kind in _TRAININGS:
        return read_description(plan.folder / stage.place)["settings"]
    if stage.kind == GENERATE:
        return open_dataset(plan.folder / stage.place).description["settings"]
    return stage.settings.model_dump(mode="json") | {"looks at": dict(stage.looks_at)}


def _training(plan: Plan, stage: Stage) -> dict[str, Any]:
    folder = plan.folder / stage.place / FINAL
    card = read_card(folder)
    # A generator's training ends by images seen, time or plateau: only its card knows when.
    generator = stage.kind == TRAIN_GENERATOR
    known = training_of(folder, "generator", "iterations") if generator else stage.settings.model_dump()
    quality = card.get("quality", {})
    return {"name": stage.name, "place": stage.place, "iterations": known["iterations"], "quality": quality}


def _samples(plan: Plan) -> dict[str, Any] | None:
    """How many there are, and the means of their scores."""
    for stage in plan.of(GENERATE):
        found = distributions.measure(open_dataset(plan.folder / stage.place), masks=0)
        means = {score: round(found.mean(score), 6) for score in found.histograms}
        rejected = dict(found.rejected.most_common())
        return {"samples": found.samples, **means, "empty": found.empty, "rejected": rejected}
    return None


def _tables(plan: Plan) -> dict[str, Any]:
    """The evaluations' rows as their files have them, those of all segmenters in one table."""
    kept = {stage.name: results.read(plan.folder / stage.place) for stage in plan.stages}
    found = {}
    for kind, name in ((EVALUATE_ALPHA, "alpha"), (EVALUATE_SEGMENTER, "segmenters"), (EVALUATE_FRECHET, "frechet")):
        contents = [kept[stage.name] for stage in plan.of(kind)]
        if contents:
            rows = [_row(row) for content in contents for row in content["rows"]]
            notes = _distinct([note for content in contents for note in content["notes"]])
            found[name] = {"title": contents[0]["title"], "notes": notes, "rows": rows}
    if seeds := summary.over_seeds(plan, found.get("segmenters", {}).get("rows", [])):
        found["seeds"] = seeds
    return found


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of a result with its worst images instead of all."""
    worst = metrics.worst(row["per_image"], _WORST) if row.get("role") != "baseline" else []
    return {name: value for name, value in row.items() if name != "per_image"} | {"worst": worst}


def _reference_quality(plan: Plan, tables: Mapping[str, Any]) -> float | None:
    """mIoU on held-out images of the segmenter that the alpha network is held to, where it was measured."""
    for stage in plan.of(EVALUATE_ALPHA):
        place = results.relative(shown(stage.looks_at["reference"]), plan.folder)
        for row in tables.get("segmenters", {}).get("rows", []):
            if row["segmenter"] == place and row["role"] == SUPERVISED:
                return row["miou"]
    return None


def _draw(plan: Plan) -> tuple[dict[str, bytes], list[str]]:
    """Pictures by file name, and why some are not there."""
    drawn, lacking = {}, []
    try:
        drawn |= _plots(plan)
    except UserError as error:  # matplotlib is an extra: the tables do not need it
        lacking.append(f"Plots: {error.got}; {error.remedy}, and run again.")
    for stage in plan.of(GENERATE):
        drawn["shards.png"] = pictures.shards_sheet(plan.folder / stage.place)
    for stage in plan.of(EVALUATE_SEGMENTER):
        if stage.label == BASELINES:
            continue
        for row in results.read(plan.folder / stage.place)["rows"]:
            name = Path(row["segmenter"]).name
            drawn[f"images-{name}.png"] = pictures.worst_and_best(stage, row)
    return drawn, lacking


def _plots(plan: Plan) -> dict[str, bytes]:
    drawn = {}
    for stage in plan.of(TRAIN_ALPHA):
        drawn["alpha-curves.png"] = pictures.alpha_curves(pictures.read_log(plan.folder / stage.place))
    if segmenters := plan.of(TRAIN_SEGMENTER):
        logs = {stage.label or "segmenter": pictures.read_log(plan.folder / stage.place) for stage in segmenters}
        drawn["segmenter-curves.png"] = pictures.segmenter_curves(logs)
    for stage in plan.of(GENERATE):
        found = distributions.measure(open_dataset(plan.folder / stage.place), masks=_MASKS)
        drawn["shards-distributions.png"] = distribution_plot.plot(found, f"{found.samples} samples")
    return drawn


def _training_sheet(plan: Plan) -> dict[str, str]:
    """The last sheet that a training left, where it lies."""
    found = {}
    for stage in plan.of(*_TRAININGS):
        sheets = sorted((plan.folder / stage.place / SAMPLES).glob("*.png"))
        if sheets:
            found[f"sheet-{Path(stage.place).name}"] = sheets[-1].relative_to(plan.folder).as_posix()
    return found


def _distinct(values: Sequence[Any]) -> list[Any]:
    """Each value once, in order."""
    return [value for number, value in enumerate(values) if value not in values[:number]]
