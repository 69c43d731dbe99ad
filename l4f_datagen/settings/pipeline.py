"""Pipeline files: one YAML per domain, a section for every stage whose settings differ from the defaults."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import NoneType
from typing import Any, Literal

from pydantic import Field, PrivateAttr, create_model

from .. import documents, resources
from ..errors import UserError
from ..kinds import Kinds, classes
from .base import StageSettings
from .experiment import EvaluationSettings
from .flags import GivenSettings, PipelineFlags
from .placeholders import fill
from .validation import validate

EVALUATE = EvaluationSettings.SECTION
_FILES = Kinds("settings")


class Pipeline(StageSettings):
    """A pipeline file. Its sections are those that settings name as theirs, in ``SECTION``."""

    domain: str = ""
    description: str = ""
    flags: dict[str, Any] = Field(default_factory=dict)
    gpu: dict[str, Any] = Field(default_factory=dict)
    paper: dict[str, Any] = Field(default_factory=dict)
    baselines: tuple[Literal["layered", "untrained"], ...] = ()
    """What an experiment is compared with: PSeg, which ``train-layered`` trains; what needs no training, measured
    wherever masks are."""
    _left_out: dict[str, str] = PrivateAttr(default_factory=dict)

    @property
    def left_out(self) -> Mapping[str, str]:
        """Sections that the file has and that are left out this time, by name, and why."""
        return self._left_out

    def section(self, name: str) -> dict[str, Any] | None:
        """Settings of a section, such as ``train-alpha`` or ``evaluate alpha``; None: the file does not list it."""
        outer, _, inner = name.partition(" ")
        field = _field(outer)
        if field not in self.model_fields_set:
            return None
        values = getattr(self, field)
        return values if not inner else values.get(_field(inner), values.get(inner))


@cache
def sections() -> tuple[str, ...]:
    """The names of all sections; those within another one have its name before theirs."""
    models = (model for name in _FILES.names for model in classes(_FILES.module(name), StageSettings))
    return tuple(sorted({model.SECTION for model in models if model.SECTION}))


@cache
def pipeline_model() -> type[Pipeline]:
    """``Pipeline`` with a field for each section."""
    fields: dict[str, Any] = {
        _field(name): (dict[str, Any], Field({}, alias=name)) for name in sections() if " " not in name
    }
    return create_model("Pipeline", __base__=Pipeline, **fields)


@cache
def evaluation_model() -> type[EvaluationSettings]:
    """``EvaluationSettings`` with a field for each measurement: its settings, or None."""
    inner = [name.partition(" ")[2] for name in sections() if name.startswith(f"{EVALUATE} ")]
    fields: dict[str, Any] = {
        _field(name): (dict[str, Any] | None, Field(None, alias=name, description=f"settings of evaluate {name}"))
        for name in inner
    }
    return create_model("EvaluationSettings", __base__=EvaluationSettings, **fields)


def load_pipeline(
    path: str,
    flags: PipelineFlags | None = None,
    *,
    without: Mapping[str, str] | None = None,
    paper: bool = False,
) -> Any:
    """Read a pipeline file; ``path`` may be the name of one that comes with the package.

    Returns a ``Pipeline``, which has an attribute for each section, such as ``train_alpha``.

    Args:
        flags: values for the places of the file; None: those of required flags stay unfilled, and ``validate`` refuses
            settings that have one.
        without: sections to leave out, and why.
        paper: whether what the file adds for the paper's whole experiment is wanted.

    Raises:
        UserError: no such file, no YAML mapping, an unknown section, or flags that are not those of the file.
    """
    found = Path(path).expanduser()
    if not found.is_file():
        found = resources.folder("pipelines") / f"{path}.yaml"
    if not found.is_file():
        names = ", ".join(resources.embedded("pipelines", ".yaml"))
        raise UserError(
            "config",
            got=f"{path}, which is no file",
            expected=f"a YAML file or one of: {names}",
            remedy="check the path",
        )
    content = documents.load_yaml(found, str(path))
    if not isinstance(content, (dict, NoneType)):
        raise UserError(str(path), got="no mapping", expected="sections such as generate:", remedy="see pipelines/")
    known = {name: one.description or "" for name, one in PipelineFlags.by_outer_name().items()}
    given = None if flags is None else flags.model_dump(exclude_none=True)
    made = tuple(GivenSettings.by_outer_name())
    sections, left_out = fill(content or {}, known, made, given, without or {}, str(path), paper=paper)
    pipeline = validate(pipeline_model(), sections, str(path))
    pipeline._left_out = left_out
    return pipeline


def section_of(config: str | None, model: type[StageSettings]) -> dict[str, Any]:
    """What a pipeline file says of a stage; {} where no file is named.

    Args:
        config: as for ``load_pipeline``.
        model: the stage's settings.

    Raises:
        UserError: as ``load_pipeline``, or the file says nothing of the stage, so that it would do nothing.
    """
    if config is None:
        return {}
    pipeline = load_pipeline(config)
    section = pipeline.section(model.SECTION)
    if section is None:
        there = ", ".join(name for name in sections() if pipeline.section(name) is not None)
        raise UserError(
            "--config", got=f"{config}, which says nothing of {model.SECTION}",
            expected=f"a pipeline file with a section {model.SECTION}; this one has {there or 'none'}",
            remedy="add the section, or leave --config out",
        )  # fmt: skip
    return section


def _field(section: str) -> str:
    return section.replace("-", "_")
