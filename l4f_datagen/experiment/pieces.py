"""What an experiment is to do: pieces of work in order, and what is known while the order is made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from ..errors import UserError
from ..settings import (
    EvaluationSettings,
    Pipeline,
    StageSettings,
    TrainAlphaSettings,
    TrainGeneratorSettings,
    validate,
)
from ..settings.pipeline import EVALUATE, evaluation_model

Settings = TypeVar("Settings", bound=StageSettings)
Other = TypeVar("Other", bound=StageSettings)


SEED = "seed"
"""In the labels of trainings that differ from another one by their seed alone."""


@dataclass(frozen=True, kw_only=True)
class Piece(Generic[Settings]):
    """One piece of work: a stage with settings, and the place of what it leaves."""

    kind: str
    """The stage's name, which is that of its command."""
    label: str = ""
    """What tells it from other pieces of its kind."""
    place: str
    """What it leaves: a folder, or the JSON file of an evaluation, relative to the experiment's folder."""
    settings: Settings
    supervised: bool = False
    """Whether a segmenter learns from exact masks, to compare others with."""
    looks_at: Mapping[str, str] = field(default_factory=dict)
    """What it needs beside its settings, by role: paths, or names such as world:vessels."""

    @property
    def name(self) -> str:
        """As the report, ``run.json`` and the lines of progress call it."""
        return f"{self.kind} {self.label}".strip()


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All pieces of an experiment, in order."""

    domain: str
    description: str
    quick: bool
    folder: Path
    pieces: tuple[Piece[Any], ...]
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Stages that the pipeline file lists and that are not done this time, by name, and why."""

    def of(self, *kinds: str) -> list[Piece[Any]]:
        """The pieces of some stages."""
        return [piece for piece in self.pieces if piece.kind in kinds]

    def path(self, piece: Piece[Any]) -> Path:
        """Where a piece leaves what it makes."""
        return self.folder / piece.place


@dataclass(kw_only=True)
class Draft:
    """A plan that is being made: each stage looks at what stages before it will make."""

    content: Pipeline
    folder: Path
    n: str | None
    """Number of samples to generate, instead of the file's."""
    quick: bool
    tell: Callable[[str], None] | None
    """Takes lines that a user should know of."""
    pieces: list[Piece[Any]] = field(default_factory=list)
    given: Mapping[str, str] = field(default_factory=dict)
    """What is there already, by the flag that gave it: ``generator``, ``alpha``, ``shards``, ``segmenter``."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Stages that are not done, by name, and why; a stage that finds that it cannot be adds itself."""

    def section(self, name: str) -> dict[str, Any] | None:
        """Settings that the pipeline file lists for a stage; None: it does not list the stage."""
        return self.content.section(name)

    def evaluation(self) -> EvaluationSettings:
        """The section ``evaluate`` itself.

        Raises:
            UserError: it is wrong, or lists a measurement that is none.
        """
        return validate(evaluation_model(), self.section(EVALUATE) or {}, EVALUATE)

    def untrained(self) -> dict[str, Any]:
        """Settings of a measurement by which what needs no training is measured too, where the file lists that."""
        return {"baselines": True} if "untrained" in self.content.baselines else {}

    def resolved(
        self, model: type[Other], section: Mapping[str, Any], where: str, quick: Mapping[str, int] | None = None
    ) -> Other:
        """Settings of a section, and with ``--quick`` no more of anything than ``quick`` says.

        Raises:
            UserError: the section is wrong; names ``where``.
        """
        settings = validate(model, section, where)
        if not self.quick or not quick:
            return settings
        values = {name: getattr(settings, name) for name in quick}
        less = {name: most if values[name] is None else min(values[name], most) for name, most in quick.items()}
        return settings.model_copy(update=less)

    def last(self, kind: str, model: type[Other]) -> Piece[Other] | None:
        """The last piece of a stage so far; None: there is none.

        Args:
            model: the stage's settings.
        """
        for piece in reversed(self.pieces):
            if piece.kind == kind:
                assert isinstance(piece.settings, model), "a stage has settings of one kind"
                return piece
        return None

    def path(self, piece: Piece[Any]) -> str:
        """Where a piece will leave what it makes."""
        return str(self.folder / piece.place)

    def networks(self, section: Mapping[str, Any], *wanted: str) -> dict[str, str]:
        """Paths of the networks ``wanted`` ("generator", "alpha") that are given or that stages so far make.

        Those of neither are not in it: the settings of ``section`` name them, or their default does.

        Raises:
            UserError: the stage that would make one is left out, and neither a flag nor the section names another.
        """
        found = {}
        if training := self.last("train-alpha", TrainAlphaSettings):
            found = {"generator": training.settings.generator, "alpha": f"{self.path(training)}/final"}
        if founding := self.last("train-generator", TrainGeneratorSettings):
            found["generator"] = f"{self.path(founding)}/final"
        found = {name: place for name, place in {**found, **self.given}.items() if name in wanted}
        for name in wanted:
            if f"train-{name}" in self.left_out and name not in {**section, **found}:
                raise UserError(
                    name, got=f"none, and train-{name} is left out", expected="what the stage would make",
                    remedy=f"give --{name} too",
                )  # fmt: skip
        return found


def nothing_made(what: str, lacking: str) -> UserError:
    """The refusal of a measurement of what no stage makes."""
    return UserError(
        what, got=f"a pipeline file with {lacking}", expected="one that makes what is measured",
        remedy="add it, or leave the measurement out",
    )  # fmt: skip
