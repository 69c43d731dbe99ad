"""Tables 1 to 5 in the paper's layout: rows of an experiment, which its stages name, above those of the paper."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .numbers import CAR, CAT, FFHQ, HORSE, STATED, Stated

Content = Mapping[str, Any]
Added = Mapping[int, Sequence[Content]]
"""Rows of this run by the table's number: their ``method``, ``from``, the row of a result that has the values, and
``notes``, sentences for below the table, where there are any."""
THIS_RUN, PAPER = "this run", "paper"
_MEASURES = ("iou_foreground", "iou_background", "miou", "f1", "precision", "recall", "accuracy")


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A table of the paper: its columns, and what of a result stands in them."""

    heading: str
    columns: tuple[str, ...]
    """After the method; those of classes are the paper's, before which that of this run stands."""
    cells: Callable[[Content, str], Content]
    """A row of a result and the name of this run's class → values by column."""
    by_class: bool
    """Whether the classes of images are columns; else each row names its own."""
    notes: tuple[str, ...]
    """What a reader has to know beside the numbers."""
    lacking: str
    """Why this run may have no row."""


def _measures(row: Content, of: str) -> Content:
    return {"psi": row.get("psi"), **{name: row.get(name) for name in _MEASURES}, "images": row.get("images")}


def _of_segmenters(row: Content, of: str) -> Content:
    """Of one network, or the means over several seeds."""
    found = {name: row.get(name, row.get(f"{name}_mean")) for name in ("miou", "ratio")}
    return {**found, "deviation": row.get("miou_deviation"), "images": row.get("images")}


_COUNTING = "Foreground is the object; the paper counts in the same way, one confusion matrix over all pixels."
LAYOUTS: dict[int, Layout] = {
    1: Layout(
        heading="Table 1: alpha masks against a reference", columns=("psi", *_MEASURES, "images"), cells=_measures,
        by_class=False, notes=(_COUNTING, "The paper's reference is a BiSeNet on 1 000 samples, threshold 0.9."),
        lacking="nothing was measured against a reference (`evaluate: alpha:`)",
    ),
    2: Layout(
        heading="Table 2: mIoU of alpha masks, samples with no or several objects rejected",
        columns=("psi", CAT, HORSE, CAR, "images"),
        cells=lambda row, of: {"psi": row.get("psi"), of: row.get("miou"), "images": row.get("images")},
        by_class=True,
        notes=(
            "The paper's detector is Detectron2's Mask R-CNN. Why samples were rejected stands below the "
            "measurements.",
        ),
        lacking="nothing was measured against a reference (`evaluate: alpha:`, and `evaluate: instances:` or "
        "`--instances` for a detector with masks, FILE.onnx)",
    ),
    3: Layout(
        heading="Table 3: mIoU of generated masks against masks by hand", columns=(FFHQ, CAT, HORSE, CAR),
        cells=lambda row, of: {of: row.get("miou")}, by_class=True, notes=("The paper's are of 10 images a class.",),
        lacking="nobody masked samples by hand (`evaluate: masks: truth:` names such masks)",
    ),
    4: Layout(
        heading="Table 4: segmenters and projection on real images",
        columns=("miou", "ratio", "deviation", "images"), cells=_of_segmenters, by_class=False,
        notes=("Of supervised: mIoU over that of the supervised counterpart. Deviation: of mIoU over seeds.",),
        lacking="no segmenter was measured on labelled images (`evaluate: segmenter:`)",
    ),
    5: Layout(
        heading="Table 5: Fréchet distance of generated images", columns=(FFHQ, CAT, HORSE, CAR),
        cells=lambda row, of: {of: row.get("fid")}, by_class=True,
        notes=("The paper's are by Inception features. Distances by other features compare among themselves alone.",),
        lacking="no distance was measured (`evaluate: frechet:`)",
    ),
}  # fmt: skip


def build(added: Iterable[Added], domain: str) -> dict[str, Any]:
    """All five tables as ``report.json`` has them, by number.

    Args:
        added: what each stage adds.
        domain: the class of this run's images.
    """
    merged: dict[int, list[Content]] = {number: [] for number in LAYOUTS}
    for one in added:
        for number, rows in one.items():
            merged[number] += rows
    domain = domain or THIS_RUN
    return {str(number): _table(number, layout, merged[number], domain) for number, layout in LAYOUTS.items()}


def missing(tables: Mapping[str, Any]) -> list[str]:
    """What of the paper this run does not have, a sentence each."""
    return [
        f"{LAYOUTS[int(number)].heading}: {LAYOUTS[int(number)].lacking}."
        for number, table in tables.items()
        if not any(row["who"] == THIS_RUN for row in table["rows"])
    ]


def _table(number: int, layout: Layout, added: Sequence[Content], domain: str) -> dict[str, Any]:
    ours = [_row(THIS_RUN, row["method"], domain, layout, layout.cells(row["from"], domain)) for row in added]
    theirs = [_row(PAPER, row.method, row.of, layout, _with_ratio(number, row)) for row in STATED[number]]
    columns = list(layout.columns)
    if layout.by_class:
        columns.insert(columns.index("psi") + 1 if "psi" in columns else 0, domain)
    else:
        columns.insert(0, "images of")
    columns = [name for name in columns if any(row.get(name) is not None for row in [*ours, *theirs])]
    notes = list(dict.fromkeys((*layout.notes, *(note for row in added for note in row.get("notes", ())))))
    if not ours:
        notes.insert(0, f"This run has no row here: {layout.lacking}.")
    return {"heading": layout.heading, "columns": ["who", "method", *columns], "rows": ours + theirs, "notes": notes}


def _row(who: str, method: str, of: str, layout: Layout, cells: Content) -> dict[str, Any]:
    place = {} if layout.by_class else {"images of": of}
    known = {name: value for name, value in cells.items() if value is not None}
    return {"who": who, "method": method, **place, **known}


def _with_ratio(number: int, row: Stated) -> Content:
    """A row of the paper; of segmenters with the ratio of its mIoU to that of the paper's supervised one."""
    if number != 4:
        return row.values
    return {**row.values, "ratio": row.values["miou"] / STATED[4][0].values["miou"]}
