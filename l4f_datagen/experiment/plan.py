"""A pipeline file → its stages in order, each with resolved settings and the networks it looks at."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..settings import (
    EvaluateAlphaSettings,
    EvaluateFrechetSettings,
    EvaluateSegmenterSettings,
    EvaluationSettings,
    GenerateSettings,
    Pipeline,
    SegmentersSettings,
    StageSettings,
    TrainAlphaSettings,
    TrainGeneratorSettings,
    TrainSegmenterSettings,
    quickened,
    resolve,
    validate,
)
from ..settings.experiment import SUPERVISED

TRAIN_GENERATOR, TRAIN_ALPHA = "train-generator", "train-alpha"
GENERATE, TRAIN_SEGMENTER = "generate", "train-segmenter"
EVALUATE_ALPHA, EVALUATE_SEGMENTER, EVALUATE_FRECHET = "evaluate alpha", "evaluate segmenter", "evaluate frechet"
BASELINES = "baselines"
_GENERATOR, _ALPHA, _SHARDS = "generator", "alpha", "shards"
_SEGMENTER, _SEGMENTERS, _EVALUATION = "segmenter", "segmenters", "evaluation"


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One piece of work."""

    kind: str
    """The command that does it."""
    label: str = ""
    """What tells it from others of its kind."""
    place: str
    """What it leaves: a folder, or the JSON file of an evaluation, relative to the experiment's folder."""
    settings: StageSettings
    supervised: bool = False
    """Whether a segmenter learns from exact masks, to compare others with."""
    looks_at: Mapping[str, str] = field(default_factory=dict)
    """What it needs beside its settings, by role: paths, or names such as world:vessels."""

    @property
    def name(self) -> str:
        return f"{self.kind} {self.label}".strip()


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All stages of an experiment, in order."""

    domain: str
    description: str
    quick: bool
    folder: Path
    stages: tuple[Stage, ...]

    def of(self, *kinds: str) -> list[Stage]:
        """The stages of some kinds."""
        return [stage for stage in self.stages if stage.kind in kinds]


def make_plan(
    content: Pipeline,
    folder: Path,
    *,
    n: str | None = None,
    quick: bool = False,
    tell: Callable[[str], None] | None = None,
) -> Plan:
    """The stages that a pipeline file lists, resolved.

    Where it lists several, each takes what the one before it made: the generator, the alpha network, the shards,
    the segmenters. The images of train-generator are those of train-alpha too, unless it names others.

    Args:
        n: number of samples to generate, instead of the file's.
        quick: less of everything, as ``settings.quick`` says.
        tell: gets a line that says what the checkpoint recommended for ``generate``, where it is there already.

    Raises:
        UserError: a section is wrong, or it wants what no other makes.
    """
    stages: list[Stage] = []
    listed = content.model_fields_set

    training = generating = None
    seen, made = {}, {}
    if "train_generator" in listed:
        founding = _settings(TRAIN_GENERATOR, TrainGeneratorSettings, content.train_generator, quick)
        stages.append(Stage(kind=TRAIN_GENERATOR, place=_GENERATOR, settings=founding))
        seen = {name: getattr(founding, name) for name in ("images", "world_images", "mirror", "content_rows")}
        made = {"generator": str(folder / _GENERATOR / "final")}
    if "train_alpha" in listed:
        training = _settings(TRAIN_ALPHA, TrainAlphaSettings, {**seen, **content.train_alpha, **made}, quick)
        stages.append(Stage(kind=TRAIN_ALPHA, place=_ALPHA, settings=training))
    if "generate" in listed:
        trained = {"generator": training.generator, "alpha": str(folder / _ALPHA / "final")} if training else made
        generating = _settings(GENERATE, GenerateSettings, {**content.generate, **trained}, quick)
        if n is not None:
            generating = resolve(GenerateSettings, generating.model_dump(exclude_unset=True), {"n": n})
        if not trained:
            # Imported here: weights take seconds, and most mistakes are told at once.
            from ..generation.recommended import with_recommended

            generating = with_recommended(generating, tell=tell)
        stages.append(Stage(kind=GENERATE, place=_SHARDS, settings=generating))
    segmenters = _segmenters(content, folder, generating is not None, quick)
    stages += segmenters
    if "evaluate" in listed:
        evaluating = validate(EvaluationSettings, content.evaluate, "evaluate")
        stages += _Evaluations(evaluating, folder, training, generating, segmenters, quick).stages()
    return Plan(
        domain=content.domain, description=content.description, quick=quick, folder=folder, stages=tuple(stages)
    )


def _settings(kind: str, model: type[StageSettings], section: Mapping[str, Any], quick: bool) -> Any:
    settings = validate(model, section, kind)
    return quickened(kind, settings) if quick else settings


def _segmenters(content: Pipeline, folder: Path, generates: bool, quick: bool) -> list[Stage]:
    """One, or where the file has a section ``segmenters`` each architecture with its counterpart, seed by seed."""
    listed, common = content.model_fields_set, content.train_segmenter
    if not {"train_segmenter", "segmenters"} & listed:
        return []
    if generates and "shards" not in common:
        common = {**common, "shards": (str(folder / _SHARDS),)}
    if "segmenters" not in listed:
        settings = _settings(TRAIN_SEGMENTER, TrainSegmenterSettings, common, quick)
        return [Stage(kind=TRAIN_SEGMENTER, place=_SEGMENTER, settings=settings)]
    several = validate(SegmentersSettings, content.segmenters, "segmenters")
    several = quickened("segmenters", several) if quick else several
    stages = []
    for arch, changes in several.archs.items():
        ours = _settings(TRAIN_SEGMENTER, TrainSegmenterSettings, {**common, **(changes or {}), "arch": arch}, quick)
        for number in range(several.seeds):
            seed = {"seed": ours.seed + number}
            stages.append(_segmenter(arch, number, ours.model_copy(update=seed)))
            if several.supervised:
                truth = resolve(TrainSegmenterSettings, ours.model_dump(), {"shards": several.supervised, **seed})
                stages.append(_segmenter(arch, number, truth, supervised=True))
    return stages


def _segmenter(arch: str, number: int, settings: TrainSegmenterSettings, *, supervised: bool = False) -> Stage:
    label = "-".join(part for part in (arch, SUPERVISED * supervised, f"seed{number}" * bool(number)) if part)
    place = f"{_SEGMENTERS}/{label}"
    return Stage(kind=TRAIN_SEGMENTER, label=label, place=place, settings=settings, supervised=supervised)


@dataclass(frozen=True)
class _Evaluations:
    """What is measured, of what the other stages make."""

    section: EvaluationSettings
    folder: Path
    training: TrainAlphaSettings | None
    generating: GenerateSettings | None
    segmenters: list[Stage]
    quick: bool

    def stages(self) -> Iterator[Stage]:
        if self.section.alpha is not None:
            yield self._alpha(self.section.alpha)
        if self.section.segmenter is not None:
            yield from self._segmenter(self.section.segmenter)
        if self.section.frechet is not None:
            yield self._frechet(self.section.frechet)

    def _alpha(self, section: Mapping[str, Any]) -> Stage:
        made = self._generated(EVALUATE_ALPHA)
        same = ("generator", "alpha", "switched_off", "noise", "refine", "refine_epsilon")
        common = {name: getattr(made, name) for name in same if name in made.model_fields_set}
        settings = _settings(EVALUATE_ALPHA, EvaluateAlphaSettings, {**common, **section}, self.quick)
        reference = self.section.reference
        reference = self._supervised("reference") if reference == SUPERVISED else reference
        looks_at = {"generator": settings.generator, "alpha": settings.alpha or "", "reference": reference}
        return _measurement(EVALUATE_ALPHA, "", settings, looks_at)

    def _segmenter(self, section: Mapping[str, Any]) -> Iterator[Stage]:
        if not self.segmenters:
            raise _nothing("evaluate: segmenter", "no section train-segmenter")
        settings = _settings(EVALUATE_SEGMENTER, EvaluateSegmenterSettings, section, self.quick)
        places = {stage.label: self._path(stage) for stage in self.segmenters}
        truth = {"images": settings.images, "masks": settings.masks or ""}
        for stage in self.segmenters:
            if stage.supervised:
                continue
            arch, _, seed = stage.label.partition("-")
            counterpart = places.get("-".join(part for part in (arch, SUPERVISED, seed) if part))
            theirs = settings.model_copy(update={"baselines": False, "supervised": counterpart or settings.supervised})
            looks_at = {"segmenter": self._path(stage), "supervised": theirs.supervised or "", **truth}
            yield _measurement(EVALUATE_SEGMENTER, stage.label, theirs, looks_at)
        if settings.baselines:
            yield _measurement(EVALUATE_SEGMENTER, BASELINES, settings.model_copy(update={"supervised": None}), truth)

    def _frechet(self, section: Mapping[str, Any]) -> Stage:
        if self.training is None:
            raise _nothing("evaluate: frechet", "no section train-alpha, whose images are the real ones")
        features = {} if "features" in section else {"features": self._supervised("frechet: features")}
        settings = _settings(EVALUATE_FRECHET, EvaluateFrechetSettings, {**section, **features}, self.quick)
        generator = f"generator:{self.training.generator}"
        looks_at = {"a": generator, "b": self.training.images, "features": settings.features}
        return _measurement(EVALUATE_FRECHET, "", settings, looks_at)

    def _path(self, stage: Stage) -> str:
        return str(self.folder / stage.place)

    def _generated(self, what: str) -> GenerateSettings | TrainAlphaSettings:
        if self.generating is None:
            raise _nothing(what, "no section generate")
        return self.generating

    def _supervised(self, what: str) -> str:
        for stage in self.segmenters:
            if stage.supervised:
                return self._path(stage)
        raise _nothing(f"evaluate: {what}", "no supervised segmenter")


def _measurement(kind: str, label: str, settings: StageSettings, looks_at: Mapping[str, str]) -> Stage:
    name = "-".join(part for part in (kind.partition(" ")[2], label) if part)
    found = {role: path for role, path in looks_at.items() if path}
    return Stage(kind=kind, label=label, place=f"{_EVALUATION}/{name}.json", settings=settings, looks_at=found)


def _nothing(what: str, lacking: str) -> UserError:
    return UserError(
        what, got=f"a pipeline file with {lacking}", expected="one that makes what is measured",
        remedy="add it, or leave the measurement out",
    )  # fmt: skip
