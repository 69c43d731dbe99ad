"""What the numbers of an experiment come to, in sentences, and what it did not measure."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..evaluation.tables import as_text
from ..settings.experiment import SUPERVISED
from .plan import (
    EVALUATE_ALPHA,
    EVALUATE_FRECHET,
    EVALUATE_SEGMENTER,
    GENERATE,
    TRAIN_ALPHA,
    TRAIN_SEGMENTER,
    Plan,
)

_MISSING = {
    TRAIN_ALPHA: "Training of the alpha network: the pipeline file has no section `train-alpha`.",
    GENERATE: "Shards: the pipeline file has no section `generate`.",
    TRAIN_SEGMENTER: "Segmenters: the pipeline file has no section `train-segmenter`.",
    SUPERVISED: "Supervised counterparts of the segmenters: `segmenters: supervised:` names where exact masks are; "
    "without it there is no ratio.",
    EVALUATE_ALPHA: "Alpha masks against a reference (Tables 1 and 2 of the paper): the pipeline file has no "
    "`evaluate: alpha:`; without a supervised segmenter its `reference:` names another, face parsing for faces say.",
    EVALUATE_SEGMENTER: "Segmenters on labelled images (Table 4): the pipeline file has no `evaluate: segmenter:`, "
    "which names images with true masks.",
    EVALUATE_FRECHET: "Fréchet distance (Table 5): the pipeline file has no `evaluate: frechet:`; without a supervised "
    "segmenter its `features:` names a network.",
}


def missing(plan: Plan) -> list[str]:
    """What the pipeline file does not list, a sentence each."""
    there = {stage.kind for stage in plan.stages}
    if not plan.of(TRAIN_SEGMENTER) or any(stage.supervised for stage in plan.stages):
        there.add(SUPERVISED)
    return [sentence for kind, sentence in _MISSING.items() if kind not in there]


def findings(content: Mapping[str, Any], reference_miou: float | None) -> list[str]:
    """The main numbers, a sentence each."""
    said, tables = [], content["tables"]
    for row in tables.get("alpha", {}).get("rows", []):
        if row["role"] == "measured":
            where = f"at ψ {row['psi']:g}, threshold {row['threshold']:g}"
            said.append(f"Alpha masks {where}: mIoU {_with_interval(row)} over {row['images']} samples.")
    if reference_miou is not None:
        said.append(
            f"The reference that they are held to reaches mIoU {as_text(reference_miou)} on held-out images with exact "
            "masks: differences smaller than what it lacks say nothing."
        )
    rows = tables.get("segmenters", {}).get("rows", [])
    for row in rows:
        if row["role"] == "measured":
            ratio = f", {as_text(row['ratio'])} of its supervised counterpart's" if row.get("ratio") else ""
            said.append(
                f"{Path(row['segmenter']).name}, trained on generated samples: mIoU {_with_interval(row)}{ratio}."
            )
    measured = [row["miou"] or 0.0 for row in rows if row["role"] == "measured"]
    best = max((r for r in rows if r["role"] == "baseline"), key=lambda r: r["miou"] or 0.0, default=None)
    if best and measured:
        who = "Every" if min(measured) > (best["miou"] or 0.0) else "NOT every"
        said.append(f"{who} segmenter beats the best baseline ({best['segmenter']}: mIoU {as_text(best['miou'])}).")
    for row in tables.get("frechet", {}).get("rows", []):
        said.append(f"FID of {row['A']} and {row['B']}: {as_text(row['fid'])} ({row['features']}).")
    for training in content["trainings"]:
        if warning := training["quality"].get("warning"):
            said.append(f"{training['name']}: {warning}.")
    return said


def over_seeds(plan: Plan, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Mean and standard deviation of mIoU and ratio over the seeds; None if there is one seed."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for stage in plan.of(TRAIN_SEGMENTER):
        name = stage.label.partition("-seed")[0]
        groups.setdefault(name, []).extend(row for row in rows if row["segmenter"] == stage.place)
    if max(map(len, groups.values()), default=0) < 2:
        return None
    found = []
    for name, members in groups.items():
        row: dict[str, Any] = {"segmenter": name, "seeds": len(members)}
        for measure in ("miou", "ratio"):
            values = [m[measure] for m in members if m.get(measure) is not None]
            row[f"{measure}_mean"] = statistics.fmean(values) if values else None
            row[f"{measure}_deviation"] = statistics.stdev(values) if len(values) > 1 else None
        found.append(row)
    return {"title": "Segmenters over seeds", "notes": ["Standard deviations are of a sample (n − 1)."], "rows": found}


def _with_interval(row: Mapping[str, Any]) -> str:
    interval = row["intervals"].get("miou")
    return as_text(row["miou"]) + (f" (95 %: {as_text(interval[0])}–{as_text(interval[1])})" if interval else "")
