"""What a stage is: all that ``run`` and its report ask of it. Its file in ``stages`` is the one place that knows it."""

import abc
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from ..progress.tracker import NOWHERE, Tracking
from ..settings import EngineSettings, StageSettings
from .figures import TRAININGS, Figure
from .pieces import SEED, Draft, Piece, Plan

Settings = TypeVar("Settings", bound=StageSettings)
Content = Mapping[str, Any]
"""What ``report.json`` holds."""


@dataclass(frozen=True, kw_only=True)
class Means:
    """What the work is done with: flags of ``run`` that are no settings of a stage, and that change no result."""

    engine: EngineSettings
    """Who makes shards."""
    tracking: Tracking = NOWHERE
    """Where the numbers of trainings go, beside their logs."""


class Stage(abc.ABC, Generic[Settings]):
    """One kind of work of an experiment, the same that its command does.

    What a report says of it are its answers to ``tables``, ``in_paper``, ``values``, ``texts``, ``findings`` and
    ``figures``; by default it says nothing but its settings and how long it took.
    """

    settings: type[Settings]
    """Its settings, whose ``SECTION`` is the stage's name in pipeline files and that of its command."""
    place: ClassVar[str]
    """What it leaves, relative to the experiment's folder."""
    after: ClassVar[tuple[str, ...]] = ()
    """Names of stages that come before it."""
    instead: ClassVar[str] = ""
    """The flag of ``run`` that gives what it would make; "": there is none."""
    quick: ClassVar[Mapping[str, int]] = {}
    """The largest values of settings that ``--quick`` leaves; smaller ones stay."""
    lacking: ClassVar[str] = ""
    """What the report says is missing where the pipeline file does not list it."""

    @property
    def name(self) -> str:
        """Its command, and where it stands in pipeline files."""
        return self.settings.SECTION

    def plan(self, draft: Draft) -> Iterable[Piece[Settings]]:
        """What of it is to be done: by default one piece, with the settings of its section.

        Raises:
            UserError: the section is wrong, or wants what no stage makes.
        """
        section = draft.section(self.name)
        if section is not None:
            yield self.piece(draft.resolved(self.settings, section, self.name, self.quick))

    def piece(self, settings: Settings, **more: Any) -> Piece[Settings]:
        """A piece of this stage."""
        return Piece(**{"kind": self.name, "place": self.place, "settings": settings, **more})

    def check(self, piece: Piece[Settings]) -> None:
        """Raise UserError if a piece cannot be done here, for want of a library say: now, not after an hour's work."""

    @abc.abstractmethod
    def do(self, piece: Piece[Settings], folder: Path, means: Means) -> int:
        """Do a piece, or continue it. Returns how much was left to do, 0 when all was there.

        Args:
            folder: of the experiment.
            means: what it is done with.
        """

    def images(self, piece: Piece[Settings]) -> int | None:
        """Images that a piece takes in or gives, from which its time is estimated; None: not known."""
        return None

    def looks(self, piece: Piece[Settings], plan: Plan) -> int | None:
        """Images that its networks look at without learning from them, for the same estimate; None: not known."""
        return 0

    def resolution(self, piece: Piece[Settings]) -> int | None:
        """Height and width of a piece's images in pixels, as far as it is known before the work; None: it is not."""
        return None

    def settings_done(self, piece: Piece[Settings], folder: Path) -> Content:
        """The settings that a finished piece was done with."""
        return piece.settings.model_dump(mode="json")

    def tables(self, plan: Plan) -> Mapping[str, Content]:
        """Tables by name: their ``heading``, ``title``, ``notes`` and ``rows``."""
        return {}

    def training(self, piece: Piece[Settings], folder: Path) -> Content | None:
        """A row of the table of trainings: ``name``, ``place``, ``iterations`` and ``quality``."""
        return None

    def values(self, plan: Plan) -> Content:
        """Other entries of ``report.json``."""
        return {}

    def texts(self, content: Content) -> Mapping[str, str]:
        """Paragraphs of ``report.md`` by heading, of what ``values`` gave."""
        return {}

    def findings(self, plan: Plan, content: Content) -> Iterable[str]:
        """The main numbers, a sentence each."""
        return ()

    def missing(self, plan: Plan) -> Iterable[str]:
        """What the pipeline file does not list, a sentence each."""
        if self.name in plan.left_out:
            return (f"`{self.name}` was left out: {plan.left_out[self.name]}.",)
        return (self.lacking,) if self.lacking and not plan.of(self.name) else ()

    def figures(self, plan: Plan) -> Iterable[Figure]:
        """Its pictures, drawn by the report or left by itself."""
        return ()

    def in_paper(self, content: Content) -> Mapping[int, Sequence[Content]]:
        """What it adds to the paper's tables, by their number: the rows of this run, as ``paper.tables`` says.

        Args:
            content: of the report, with all its ``tables``.
        """
        return {}


class TrainingStage(Stage[Settings]):
    """A stage that is a training: it leaves a run folder, with a card in ``final/`` and sheets in ``samples/``."""

    @abc.abstractmethod
    def train(self, settings: Settings, out: str, tracking: Tracking) -> int:
        """Train with progress and a closing line. Returns the iterations of this call."""

    def do(self, piece: Piece[Settings], folder: Path, means: Means) -> int:
        return self.train(piece.settings, str(folder / piece.place), means.tracking)

    def settings_done(self, piece: Piece[Settings], folder: Path) -> Content:
        from ..training.core.run import read_description  # imported here: commands' --help need not wait for torch

        return read_description(folder / piece.place)["settings"]

    def training(self, piece: Piece[Settings], folder: Path) -> Content:
        from ..training.core.run import FINAL
        from ..weights.native import read_card

        final = folder / piece.place / FINAL
        iterations = self.iterations(piece.settings, final)
        quality = read_card(final).get("quality", {})
        return {"name": piece.name, "place": piece.place, "iterations": iterations, "quality": quality}

    def iterations(self, settings: Settings, final: Path) -> int:
        """Steps of a finished training."""
        return settings.model_dump()["iterations"]

    def figures(self, plan: Plan) -> Iterable[Figure]:
        for piece in plan.of(self.name):
            if last := last_sheet(plan, piece):
                yield Figure(
                    name=f"sheet-{Path(piece.place).name}", section=TRAININGS,
                    place=last.relative_to(plan.folder).as_posix(),
                    caption=f"What `{piece.name}` made of fixed samples after {int(last.stem)} iterations.",
                    folded=piece.supervised or SEED in piece.label,
                )  # fmt: skip


def last_sheet(plan: Plan, piece: Piece[Any]) -> Path | None:
    """The last picture in ``samples/`` of a training; None: there is none."""
    from ..training.core.run import SAMPLES

    return max((plan.path(piece) / SAMPLES).glob("*.png"), default=None)
