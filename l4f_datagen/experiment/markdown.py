"""The content of a report as Markdown."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..evaluation.tables import HEADINGS, as_text
from .figures import OF_THE_PAPER, TRAININGS
from .paper.tables import PAPER

_HIDDEN = ("intervals", "subsets", "worst")
_SETTINGS = ("psi", "threshold")
"""Columns that say what was measured: numbers, but none that are rounded."""
_INTERVAL = "Below each value its 95 % interval over the images (bootstrap)."
_UNKNOWN = "–: undefined, or not among the numbers of the paper that this package knows."
_HEADINGS = {**HEADINGS, "psi": "ψ", "who": "numbers of", "deviation": "± over seeds"}


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
    if content["findings"]:
        yield from ("## In short", "", *(f"- {sentence}" for sentence in content["findings"]))
    yield from _paper(content["paper"])
    yield from _figures_of_the_paper(content)
    if content["tables"]:
        yield from ("", "## All measurements")
    for table in content["tables"].values():
        yield from ("", f"### {table['heading']}", "")
        yield from _table(table)
    for heading, text in content["texts"].items():
        if heading in OF_THE_PAPER:
            continue  # it stands there
        yield from ("", f"## {heading}", "", text, "", *_figures(content, heading))
    yield from _trainings(content)
    if content["missing"]:
        yield from ("", "## What is missing", "", *(f"- {sentence}" for sentence in content["missing"]))
    yield from _what_was_run(content)
    yield from ("", "## Settings", "")
    for stage in content["stages"]:
        shown = json.dumps(stage["settings"], indent=1, ensure_ascii=False)
        yield from (f"<details><summary>{stage['name']}</summary>", "", "```json", shown, "```", "", "</details>")


def _paper(tables: Mapping[str, Any]) -> Iterator[str]:
    """All five; one without a row of this run says why."""
    yield from ("", "## The paper's tables", "", f"This run above, the paper's own numbers below. {_UNKNOWN}")
    for table in tables.values():
        cells = [[_cell(row, name, nothing=None) for name in table["columns"]] for row in table["rows"]]
        yield from ("", f"### {table['heading']}", "", *_grid([_heading(n) for n in table["columns"]], cells))
        yield from ("", *(f"- {note}" for note in table["notes"]))


def _figures_of_the_paper(content: Mapping[str, Any]) -> Iterator[str]:
    sections = {figure["section"] for figure in content["pictures"].values()} | content["texts"].keys()
    shown = {section: seen for section, seen in OF_THE_PAPER.items() if section in sections}
    if shown:
        yield from ("", "## The paper's figures")
    for section, seen in shown.items():
        text = [content["texts"][section], ""] if section in content["texts"] else []
        yield from ("", f"### {section}", "", seen, "", *text, *_figures(content, section))


def _figures(content: Mapping[str, Any], section: str) -> Iterator[str]:
    """The pictures of a section, those that are folded last."""
    found = [(name, one) for name, one in content["pictures"].items() if one["section"] == section]
    for name, figure in (pair for pair in found if not pair[1]["folded"]):
        yield from _figure(name, figure)
    folded = [pair for pair in found if pair[1]["folded"]]
    if folded:
        yield from (f"<details><summary>{len(folded)} more</summary>", "")
        for name, figure in folded:
            yield from _figure(name, figure)
        yield from ("</details>", "")


def _figure(name: str, figure: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"![{name.replace('-', ' ')}]({figure['path']})", "", f"*{figure['caption'].replace('*', '')}*", "")


def _what_was_run(content: Mapping[str, Any]) -> Iterator[str]:
    yield from ("", "## How it was made", "", f"    {content['command']}", "")
    yield f"Version {content['l4f_datagen']}; {', '.join(f'{k} {v}' for k, v in content['versions'].items())}."
    for machine in content["hardware"]:
        gpus = ", ".join(machine["gpus"]) or "no GPU"
        yield f"Hardware: {machine['cores']} cores ({machine['cpu']}), {machine['torch_threads']} threads, {gpus}."
    yield ""
    rows = [(f"[{stage['name']}]({stage['place']})", _minutes(stage["seconds"])) for stage in content["stages"]]
    yield from _grid(("stage", "minutes"), [*rows, ("all", _minutes(content["seconds"]))])
    yield from ("", "Minutes are of the calls in which a stage was done; “–”: it was done by another command.")


def _table(table: Mapping[str, Any]) -> Iterator[str]:
    rows = table["rows"]
    names = [name for name in dict.fromkeys(name for row in rows for name in row) if name not in _HIDDEN]
    yield from _grid([_heading(name) for name in names], [[_cell(row, name) for name in names] for row in rows])
    notes = [*([_INTERVAL] if any(row.get("intervals") for row in rows) else []), *table["notes"]]
    yield from ("", *(f"- {note}" for note in notes))


def _trainings(content: Mapping[str, Any]) -> Iterator[str]:
    if not content["trainings"]:
        return
    yield from ("", f"## {TRAININGS}", "")
    rows = []
    for training in content["trainings"]:
        quality = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in training["quality"].items())
        rows.append((f"[{training['name']}]({training['place']})", str(training["iterations"]), quality))
    yield from _grid(("training", "iterations", "its own measurement, of the network in final/"), rows)
    yield from ("", *_figures(content, TRAININGS))


def _minutes(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds / 60:.1f}" if seconds >= 60 else f"{seconds / 60:.2f}"


def _heading(name: str) -> str:
    return _HEADINGS[name] if name in _HEADINGS else name.replace("_", " ")


def _cell(row: Mapping[str, Any], name: str, nothing: str | None = "") -> str:
    value = row.get(name, nothing)
    if isinstance(value, bool | int | str):
        return str(value)
    if name in _SETTINGS and value is not None:
        return f"{value:g}"
    if row.get("who") == PAPER and value is not None:
        return f"{value:.2f}" if value <= 1 else f"{value:g}"  # no more digits than the paper has
    interval = row.get("intervals", {}).get(name)
    bounds = f"<br>{as_text(interval[0])}–{as_text(interval[1])}" if interval else ""
    return as_text(value) + bounds


def _grid(names: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(names)} |"
    yield f"|{'---|' * len(names)}"
    for row in rows:
        cells = [cell.replace("|", r"\|") for cell in row]
        yield f"| {' | '.join(cells)} |"
