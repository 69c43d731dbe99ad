"""The content of a report as Markdown."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..evaluation.tables import HEADINGS, as_text

_HIDDEN = ("intervals", "subsets", "worst")
_SETTINGS = ("psi", "threshold")
"""Columns that say what was measured: numbers, but none that are rounded."""
_INTERVAL = "Below each value its 95 % interval over the images (bootstrap)."


def render(content: Mapping[str, Any]) -> str:
    """The page; pictures and files are linked relative to it."""
    return "\n".join(_lines(content)).rstrip() + "\n"


def _lines(content: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"# Experiment {content['domain']}".rstrip(), "", content["description"], "")
    if content["quick"]:
        yield from (
            "**A quick run (`--quick`): fewer iterations, samples and images. Its numbers are for trying out.**",
            "",
        )
    yield from (f"- {sentence}" for sentence in content["findings"])
    yield from _what_was_run(content)
    for table in content["tables"].values():
        yield from ("", f"## {table['heading']}", "")
        yield from _table(table)
    yield from _trainings(content)
    for heading, text in content["texts"].items():
        yield from ("", f"## {heading}", "", text)
    yield from _pictures(content["pictures"])
    if content["missing"]:
        yield from ("", "## What is missing", "", *(f"- {sentence}" for sentence in content["missing"]))
    yield from ("", "## Settings", "")
    for stage in content["stages"]:
        shown = json.dumps(stage["settings"], indent=1, ensure_ascii=False)
        yield from (f"<details><summary>{stage['name']}</summary>", "", "```json", shown, "```", "", "</details>")


def _what_was_run(content: Mapping[str, Any]) -> Iterator[str]:
    yield from ("", "## What was run", "", f"    {content['command']}", "")
    yield f"Version {content['l4f_datagen']}; {', '.join(f'{k} {v}' for k, v in content['versions'].items())}."
    for machine in content["hardware"]:
        gpus = ", ".join(machine["gpus"]) or "no GPU"
        yield f"Hardware: {machine['cores']} cores ({machine['cpu']}), {machine['torch_threads']} threads, {gpus}."
    yield ""
    rows = [
        (f"[{stage['name']}]({stage['place']})", "–" if stage["seconds"] is None else f"{stage['seconds']:.1f}")
        for stage in content["stages"]
    ]
    yield from _grid(("stage", "seconds"), [*rows, ("all", f"{content['seconds']:.1f}")])
    yield from ("", "Seconds are of the calls in which a stage was done; “–”: it was done by another command.")


def _table(table: Mapping[str, Any]) -> Iterator[str]:
    rows = table["rows"]
    names = [name for name in dict.fromkeys(name for row in rows for name in row) if name not in _HIDDEN]
    cells = [[_cell(row, name) for name in names] for row in rows]
    yield from _grid([HEADINGS[name] if name in HEADINGS else name.replace("_", " ") for name in names], cells)
    notes = [*([_INTERVAL] if any(row.get("intervals") for row in rows) else []), *table["notes"]]
    yield from ("", *(f"- {note}" for note in notes))


def _trainings(content: Mapping[str, Any]) -> Iterator[str]:
    if not content["trainings"]:
        return
    yield from ("", "## Trainings", "")
    rows = []
    for training in content["trainings"]:
        quality = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in training["quality"].items())
        rows.append((f"[{training['name']}]({training['place']})", str(training["iterations"]), quality))
    yield from _grid(("training", "iterations", "its own measurement, of the network in final/"), rows)


def _pictures(pictures: Mapping[str, str]) -> Iterator[str]:
    if pictures:
        yield from ("", "## Pictures", "")
    for name, path in pictures.items():
        words = name.replace("-", " ")
        yield from (f"### {words[0].upper()}{words[1:]}", "", f"![{words}]({path})", "")


def _cell(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name, "")
    if isinstance(value, bool | int | str):
        return str(value)
    if name in _SETTINGS:
        return f"{value:g}"
    interval = row.get("intervals", {}).get(name)
    bounds = f"<br>{as_text(interval[0])}–{as_text(interval[1])}" if interval else ""
    return as_text(value) + bounds


def _grid(names: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(names)} |"
    yield f"|{'---|' * len(names)}"
    for row in rows:
        cells = [cell.replace("|", r"\|") for cell in row]
        yield f"| {' | '.join(cells)} |"
