"""The report of an experiment, from what its pieces left: ``report.json``, ``report.md`` and pictures."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import __version__
from ..addresses import hidden_within
from ..analysis.plotting import require_matplotlib
from ..errors import UserError
from ..versions import versions
from . import markdown, pictures, results
from .paper import tables
from .pieces import Plan
from .record import Record
from .registry import stages

JSON, TEXT, PICTURES = "report.json", "report.md", "report"
FORMAT, VERSION = "l4f-datagen-report", 2
_PACKAGES = ("l4f-datagen", "torch", "numpy", "opencv-python-headless", "pyarrow", "accelerate", "torchmetrics")


def write_report(plan: Plan, record: Record, *, command: str) -> Path:
    """Write the report of finished pieces into the experiment's folder. The same pieces give the same files.

    Without matplotlib it has no plots and says so. Links are relative: the folder can be moved.

    Args:
        command: what was typed.
    """
    content = gather(plan, record, command)
    content["pictures"], lacking = _pictures(plan)
    content["missing"] += lacking
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    pictures.keep(plan.folder / JSON, text.encode())
    pictures.keep(plan.folder / TEXT, markdown.render(content).encode())
    return plan.folder / TEXT


def gather(plan: Plan, record: Record, command: str) -> dict[str, Any]:
    """All that the report says, without the pictures: plain values, paths relative to the experiment's folder."""
    known = stages()
    done = [
        {
            "name": piece.name,
            "place": piece.place,
            "seconds": record.seconds(piece.name),
            "settings": results.relative(known[piece.kind].settings_done(piece, plan.folder), plan.folder),
        }
        for piece in plan.pieces
    ]
    trainings = [known[piece.kind].training(piece, plan.folder) for piece in plan.pieces]
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
        "stages": done,
        "seconds": round(sum(one["seconds"] or 0.0 for one in done), 1),
        "trainings": [training for training in trainings if training is not None],
        "tables": _merged(stage.tables(plan) for stage in known.values()),
        "missing": [sentence for stage in known.values() for sentence in stage.missing(plan)],
        **_merged(stage.values(plan) for stage in known.values()),
    }
    found["paper"] = tables.build((stage.in_paper(found) for stage in known.values()), plan.domain)
    found["missing"] += tables.missing(found["paper"])
    found = hidden_within(found)
    found["texts"] = _merged(stage.texts(found) for stage in known.values())
    return found | {"findings": _findings(plan, found)}


def _findings(plan: Plan, content: Mapping[str, Any]) -> list[str]:
    """The main numbers, a sentence each, and what trainings warn of."""
    said = [sentence for stage in stages().values() for sentence in stage.findings(plan, content)]
    for training in content["trainings"]:
        if warning := training["quality"].get("warning"):
            said.append(f"{training['name']}: {warning}.")
    return said


def _pictures(plan: Plan) -> tuple[dict[str, Any], list[str]]:
    """Draw what is to be drawn. Returns the figures by name, and why some are not there."""
    found, lacking = {}, []
    try:
        require_matplotlib("plots")
    except UserError as error:  # matplotlib is an extra: the tables do not need it
        lacking.append(f"Plots: {error.got}; {error.remedy}, and run again.")
    for figure in (figure for stage in stages().values() for figure in stage.figures(plan)):
        if figure.plot and lacking:
            continue
        place = figure.place or f"{PICTURES}/{figure.name}.png"
        if figure.draw is not None:
            pictures.keep(plan.folder / place, figure.draw())
        told = {"path": place, "section": figure.section, "caption": figure.caption, "folded": figure.folded}
        found[figure.name] = hidden_within(results.relative(told, plan.folder))
    return found, lacking


def _merged(parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What several stages said, in one mapping."""
    return {name: value for part in parts for name, value in part.items()}


def _distinct(values: Sequence[Any]) -> list[Any]:
    """Each value once, in order."""
    return [value for number, value in enumerate(values) if value not in values[:number]]
