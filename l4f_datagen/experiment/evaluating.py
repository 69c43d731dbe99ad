"""What the stages have in common that measure: options, the printed result, kept results and the report's tables."""

import abc
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import click

from ..console import output
from ..console.options import settings_options
from ..progress.live import LiveLine, duration
from ..settings import StageSettings
from ..storage import atomic
from .figures import DIFFERENCES, Figure
from .pieces import SEED, Draft, Piece, Plan, nothing_made
from .stage import Content, Means, Stage

if TYPE_CHECKING:
    from ..evaluation.differences.sheets import Look
    from ..evaluation.tables import Report

Settings = TypeVar("Settings", bound=StageSettings)
Told = Callable[[int, int], None]
"""Called with how many images are done, and how many there are."""
_WORST = 5
"""Images of a row that the report lists."""


def evaluation_options(model: type[StageSettings], *, sheet: bool = False) -> Callable:
    """Options for all settings of a measurement, and for the result's files.

    Args:
        sheet: whether masks are measured, which a sheet can show.
    """

    def decorate(function: Callable) -> Callable:
        if sheet:
            help_sheet = "draw the best, median and worst samples, false positives green, false negatives red"
            function = click.option("--sheet", metavar="FILE.png", help=help_sheet)(function)
        function = click.option("--csv", "csv_file", metavar="FILE", help="write the table as CSV")(function)
        help_json = "write the results as JSON, those of every image among them"
        function = click.option("--json-file", metavar="FILE", help=help_json)(function)
        return settings_options(model)(function)

    return decorate


class Measuring(LiveLine):
    """Progress on standard error while the work lasts, then the table and its files."""

    def __init__(self, settings: StageSettings, json_file: str | None, csv_file: str | None, sheet: str | None = None):
        from ..evaluation import tables
        from ..sheet import png_name

        # Asked before the work: it may take an hour.
        self._json, self._csv = tables.check_writable(json_file, "json-file"), tables.check_writable(csv_file, "csv")
        self._sheet = None if sheet is None else output.check_file(png_name(sheet, "sheet"), "sheet")
        self._worst = getattr(settings, "worst", 0)
        super().__init__()

    def progress(self, done: int, total: int) -> None:
        """Say where things stand."""
        left = self.seconds / done * (total - done) if done else 0
        self.show([f"{done}/{total} images", f"{duration(left)} left"], share=done / total if total else 1.0)

    def write(self, report: "Report", look: Callable[[], "Look"] | None = None) -> None:
        """Print the table, or JSON where that is asked for, and write the files.

        Args:
            look: opens what shows the samples again, for a sheet; called only where one is asked for.
        """
        from ..documents import read_json
        from ..evaluation import metrics, tables

        drawn = self._draw(report, look) if self._sheet and look else []
        self.stop()
        content = tables.to_json(report).encode()
        if output.wants_json():
            output.print_json(read_json(content, "the result", most=len(content) + 1))
        else:
            # Nobody wants to look at the baselines' worst images.
            measured = [(number, row) for number, row in enumerate(report.rows) if row.labels.get("role") != "baseline"]
            worst = {number: metrics.worst(row.per_image, self._worst) for number, row in measured}
            tables.render(report, worst={number: images for number, images in worst.items() if images})
        if self._json:
            atomic.write_bytes(self._json, content)
        if self._csv:
            tables.write_csv(report, self._csv)
        for line in drawn:
            output.note(line)

    def _draw(self, report: "Report", look: Callable[[], "Look"]) -> list[str]:
        """Write the sheet. Returns lines that name its samples."""
        from ..evaluation import tables
        from ..evaluation.differences import sheets
        from ..sheet import save_png

        assert self._sheet is not None, "asked for"
        rows = tables.as_rows(report)
        save_png(self._sheet, sheets.sheet(rows, look()))
        seen = [rows[number] for number in sheets.shown(rows)]
        return [f"{self._sheet}: {sheets.title(row)}; {sheets.listed(sheets.choose(row['per_image']))}" for row in seen]


class EvaluationStage(Stage[Settings]):
    """A stage that measures what others made: done once for the same settings and inputs, and kept as JSON."""

    place: ClassVar[str] = "evaluation"
    table: ClassVar[str]
    """The name of its table in ``report.json``."""
    heading: ClassVar[str]
    """The heading of its table in ``report.md``."""

    @abc.abstractmethod
    def measure(self, piece: Piece[Settings], report: Told) -> "Report":
        """Measure what a piece looks at.

        Raises:
            UserError: it is not there or cannot be used.
        """

    def look(self, piece: Piece[Settings]) -> "Look | None":
        """Open what shows the samples of a finished piece again; None: there is nothing to see.

        Raises:
            UserError: what it looks at is not there any more.
        """
        return None

    def measurement(self, settings: Settings, looks_at: Mapping[str, str], label: str = "") -> Piece[Settings]:
        """A piece that looks at what ``looks_at`` names; roles of "" are left out."""
        name = "-".join(part for part in (self.name.partition(" ")[2], label) if part)
        found = {role: path for role, path in looks_at.items() if path}
        return self.piece(settings, label=label, place=f"{self.place}/{name}.json", looks_at=found)

    def check(self, piece: Piece[Settings]) -> None:
        from ..evaluation.metrics import require_torchmetrics

        require_torchmetrics()

    def do(self, piece: Piece[Settings], folder: Path, means: Means) -> int:
        from ..progress.samples import CountReporter
        from . import drawn, results

        def measure() -> "Report":
            for _, file in drawn.files(folder / piece.place):
                file.unlink()  # of another measurement
            return self.measure(piece, reporter)

        with CountReporter("images") as reporter:
            content, measured = results.evaluate(piece, folder, measure)
            drawn.draw(folder / piece.place, content["rows"], self.is_shown, lambda: self.look(piece))
            seconds = duration(reporter.seconds)
        place = folder / piece.place
        text = f"{place}: " + (f"measured in {seconds}" if measured else "measured before")
        output.result(text, {"out": str(place), "measured": measured})
        return int(measured)

    def settings_done(self, piece: Piece[Settings], folder: Path) -> Content:
        return piece.settings.model_dump(mode="json") | {"looks at": dict(piece.looks_at)}

    def tables(self, plan: Plan) -> Mapping[str, Content]:
        contents = self.results(plan)
        if not contents:
            return {}
        rows = [_row(row) for content in contents for row in content["rows"]]
        notes = list(dict.fromkeys(note for content in contents for note in content["notes"]))
        return {self.table: {"heading": self.heading, "title": contents[0]["title"], "notes": notes, "rows": rows}}

    def figures(self, plan: Plan) -> Iterable[Figure]:
        from . import drawn, results

        for piece in plan.of(self.name):
            rows = (results.read(plan.path(piece)) or {"rows": []})["rows"]
            for number, file in drawn.files(plan.path(piece)) if rows else ():
                yield Figure(
                    name=file.stem, section=DIFFERENCES, place=file.relative_to(plan.folder).as_posix(),
                    caption=drawn.caption(self.described(rows[number]), rows[number]),
                    folded=self.is_minor(piece, rows, number),
                )  # fmt: skip

    def described(self, row: Content) -> str:
        """What a row of its results is of, as a caption says it."""
        from ..evaluation.differences.sheets import labels_of

        return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in labels_of(row).items() if value != "")

    def is_shown(self, row: Content) -> bool:
        """Whether a row, if it is no baseline's, has a sheet of differences."""
        return True

    def is_minor(self, piece: Piece[Settings], rows: Sequence[Content], number: int) -> bool:
        """Whether the sheet of a row says little that others do not."""
        return SEED in piece.label

    def results(self, plan: Plan) -> list[dict[str, Any]]:
        """What its pieces found, as their files have it."""
        from . import results

        return [found for piece in plan.of(self.name) if (found := results.read(plan.path(piece))) is not None]


def supervised_segmenter(draft: Draft, what: str) -> str:
    """Where the first segmenter lies that learns from exact masks.

    Raises:
        UserError: there is none, for ``what`` is to be measured.
    """
    for piece in draft.pieces:
        if piece.supervised:
            return draft.path(piece)
    raise nothing_made(f"evaluate: {what}", "no supervised segmenter")


def with_interval(row: Mapping[str, Any]) -> str:
    """The mIoU of a row, with its interval if it has one."""
    from ..evaluation.tables import as_text

    interval = row["intervals"].get("miou")
    return as_text(row["miou"]) + (f" (95 %: {as_text(interval[0])}–{as_text(interval[1])})" if interval else "")


def rows_of(content: Content, table: str) -> Sequence[Mapping[str, Any]]:
    """The rows of one of the report's tables; none where it is not there."""
    return content["tables"].get(table, {}).get("rows", [])


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of a result with its worst images instead of all."""
    from ..evaluation import metrics

    worst = metrics.worst(row["per_image"], _WORST) if row.get("role") != "baseline" else []
    return {name: value for name, value in row.items() if name != "per_image"} | {"worst": worst}
