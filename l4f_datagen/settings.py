"""Settings of every stage: frozen, validated, with their defaults (contract 5 of the design)."""

import difflib
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from . import resources
from .errors import UserError

Psi = Annotated[float, Field(ge=0, le=1.5)]
Extra = Literal["foreground", "background", "w"]


class StageSettings(BaseModel):
    """What all stages have in common: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class GenerateSettings(StageSettings):
    """Settings of ``generate``. What a data set contains depends on these alone."""

    n: int = Field(1000, gt=0, le=10**9, description="number of samples")
    generator: str = Field("vessels", description="generator checkpoint: a path or an embedded name")
    alpha: str | None = Field(None, description="alpha checkpoint; default: the one beside the generator")
    seed: int = Field(0, ge=0, lt=2**63, description="seed of all random numbers")
    psi: Psi = Field(0.7, description="truncation of the foreground, in [0, 1.5]")
    background_psi: Psi = Field(1.0, description="truncation of the background, in [0, 1.5]")
    threshold: float = Field(0.9, gt=0, le=1, description="alpha from which a pixel is foreground in the mask")
    blend: Literal["alpha", "mask"] = Field("alpha", description="what the composite is blended with")
    switched_off: Literal["first_convolution", "constant"] = Field(
        "first_convolution", description="layer that is zeroed for backgrounds"
    )
    noise: Literal["const", "none", "random"] = Field("const", description="noise inputs of the generator")
    batch_size: int = Field(8, gt=0, le=4096, description="samples per forward pass")
    samples_per_shard: int = Field(1000, gt=0, le=10**6, description="samples per tar file")
    image_format: Literal["jpg", "png", "webp"] = Field("jpg", description="format of the composites")
    quality: int = Field(95, ge=1, le=100, description="quality of jpg and webp; 100 makes webp lossless")
    save: tuple[Extra, ...] = Field((), description="what to keep beside composite and masks")
    device: str = Field("auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$", description="auto, cpu, cuda or cuda:N")

    @field_validator("save", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        """Accept "foreground,w"; keep one order, so that the order of naming changes nothing."""
        if isinstance(value, str):
            value = [part.strip() for part in value.split(",") if part.strip()]
        return sorted(set(value)) if isinstance(value, (list, tuple)) and all(map(_is_str, value)) else value

    @property
    def shards(self) -> int:
        """Number of shards that n samples fill."""
        return -(-self.n // self.samples_per_shard)

    def shard_indices(self, shard: int) -> range:
        """Global indices of one shard's samples."""
        start = shard * self.samples_per_shard
        return range(start, min(start + self.samples_per_shard, self.n))


class Pipeline(StageSettings):
    """A pipeline file: one section per stage, each with settings that differ from the defaults."""

    domain: str = ""
    description: str = ""
    generate: dict[str, Any] = {}


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
    try:
        content = yaml.safe_load(found.read_text()) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(
            str(path), got=f"no YAML ({error})", expected="a pipeline file", remedy="mend the line that is named"
        ) from error
    if not isinstance(content, Mapping):
        raise UserError(str(path), got="no mapping", expected="sections such as generate:", remedy="see pipelines/")
    return validate(Pipeline, content, str(path))


def resolve(model: type[StageSettings], section: Mapping[str, Any], flags: Mapping[str, Any]) -> StageSettings:
    """Flag > pipeline file > default. Flags that are None were not given."""
    return validate(model, {**section, **{key: value for key, value in flags.items() if value is not None}})


def validate(model: type[StageSettings], values: Mapping[str, Any], where: str = "") -> Any:
    """Settings from plain values.

    Raises:
        UserError: the first thing that is wrong; an unknown key names the nearest known one.
    """
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise _explain(model, first, where) from None


def identity(settings: GenerateSettings, checkpoints: Mapping[str, str], device: str) -> dict[str, Any]:
    """The settings on which the bytes of a data set's shards depend, names of checkpoints replaced by hashes.

    Args:
        checkpoints: SHA-256 of the generator's and the alpha network's tensors, by name.
        device: type of the resolved device, "cpu" or "cuda".

    ``n`` is not among them: a larger n extends a data set.
    """
    values = settings.model_dump(mode="json", exclude={"n", "generator", "alpha", "device"})
    return values | {f"{name}_sha256": sha256 for name, sha256 in checkpoints.items()} | {"device": device}


def fingerprint(values: Mapping[str, Any]) -> str:
    """SHA-256 of settings, whatever the order of their keys."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _explain(model: type[StageSettings], problem: Mapping[str, Any], where: str) -> UserError:
    location = [str(part) for part in problem["loc"]]
    name = location[0] if location else where
    prefix = f"{where}: " if where and location else ""
    if problem["type"] == "extra_forbidden":
        known = list(model.model_fields)
        nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        return UserError(
            f"{prefix}{name}",
            got="an unknown key",
            expected=f"one of {', '.join(known)}",
            remedy=f"did you mean {nearest[0]}?" if nearest else "remove it",
        )
    expected = problem["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    meaning = model.model_fields[name].description if name in model.model_fields else None
    flag = name if where else f"--{name.replace('_', '-')}"
    return UserError(
        f"{prefix}{name}",
        got=_short(problem["input"]),
        expected=expected,
        remedy=f"change {flag}" + (f" ({meaning})" if meaning else ""),
    )


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) < 80 else text[:77] + "…"


def _is_str(value: object) -> bool:
    return isinstance(value, str)


class RenderSettings(StageSettings):
    """Settings of ``render``. What a rendered data set contains depends on these alone."""

    n: int = Field(1000, gt=0, le=10**9, description="number of samples")
    world: str = Field("vessels", description="what to render")
    size: int = Field(64, ge=4, le=4096, description="height and width in pixels")
    split: Literal["train", "test"] = Field("train", description="which pictures; the splits share none")
    seed: int = Field(0, ge=0, lt=2**63, description="seed of all random numbers")
    threshold: float = Field(0.5, gt=0, le=1, description="coverage from which a pixel is foreground in the mask")
    samples_per_shard: int = Field(1000, gt=0, le=10**6, description="samples per tar file")
    image_format: Literal["jpg", "png", "webp"] = Field("jpg", description="format of the images")
    quality: int = Field(95, ge=1, le=100, description="quality of jpg and webp; 100 makes webp lossless")

    # Every stage that writes shards divides its samples alike.
    shards, shard_indices = GenerateSettings.shards, GenerateSettings.shard_indices


class AnalyzeSettings(StageSettings):
    """Settings of ``analyze``."""

    generator: str = Field("vessels", description="generator checkpoint: a path or an embedded name")
    n: int = Field(64, gt=0, le=10**6, description="samples that numbers are means over")
    psi: Psi = Field(1.0, description="truncation, in [0, 1.5]")
    seed: int = Field(0, ge=0, lt=2**63, description="seed of all random numbers")
    batch_size: int = Field(8, gt=0, le=4096, description="samples per forward pass")
    device: str = Field("auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$", description="auto, cpu, cuda or cuda:N")
