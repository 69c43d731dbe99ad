"""Pipeline files: one YAML per domain."""

from pathlib import Path
from types import NoneType
from typing import Any

from pydantic import ConfigDict, Field

from .. import documents, resources
from ..errors import UserError
from .base import StageSettings
from .validation import validate


class Pipeline(StageSettings):
    """A pipeline file: one section per stage, each with settings that differ from the defaults."""

    model_config = ConfigDict(populate_by_name=True)

    domain: str = ""
    description: str = ""
    train_generator: dict[str, Any] = Field({}, alias="train-generator")
    train_alpha: dict[str, Any] = Field({}, alias="train-alpha")
    generate: dict[str, Any] = Field({})
    train_segmenter: dict[str, Any] = Field({}, alias="train-segmenter")
    segmenters: dict[str, Any] = Field({})
    evaluate: dict[str, Any] = Field({})


def load_pipeline(path: str) -> Pipeline:
    """Read a pipeline file; ``path`` may be the name of one that comes with the package.

    Raises:
        UserError: no such file, no YAML mapping, or an unknown section.
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
    return validate(Pipeline, content or {}, str(path))
