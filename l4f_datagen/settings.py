"""Settings of every stage: frozen, validated, with their defaults (contract 5 of the design)."""

import difflib
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from . import resources
from .errors import UserError

Psi = Annotated[float, Field(ge=0, le=1.5)]
Weight = Annotated[float, Field(ge=0, le=1e6)]
Rate = Annotated[float, Field(gt=0, le=1)]
Fraction = Annotated[float, Field(ge=0, le=1)]
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


class TrainAlphaSettings(StageSettings):
    """Settings of ``train-alpha``; the defaults are the paper's for FFHQ (3.3, 4.6), in its symbols."""

    generator: str = Field("vessels", description="generator checkpoint: a path or an embedded name")
    images: str = Field("world:vessels", description="real images: folder, tars, Parquet folder or world:NAME")
    world_images: int = Field(16000, gt=0, le=10**6, description="images drawn of a world, from index 0")
    mirror: bool = Field(False, description="mirror every other image, by chance")
    content_rows: int | None = Field(
        None, gt=0, le=4096, description="rows that hold the picture, black ones around them (LSUN-Car: 384)"
    )
    first_resolution: int | Literal["auto"] = Field(
        32, description="coarsest features that the alpha network looks at; auto: as analyze layers finds"
    )
    iterations: int = Field(1000, gt=0, le=10**7, description="steps of both networks")
    batch_size: int = Field(8, gt=0, le=4096, description="images per step, over all processes and parts")
    accumulate: int = Field(1, gt=0, le=1024, description="parts of a batch, one after the other, to save memory")
    alpha_learning_rate: Rate = Field(2e-4, description="Adam's rate for the alpha network")
    discriminator_learning_rate: Rate = Field(2e-4, description="Adam's rate for the discriminator")
    beta_1: float = Field(0.0, ge=0, lt=1, description="Adam's β1, both networks")
    alpha_beta_2: float = Field(0.99, ge=0, lt=1, description="Adam's β2 for the alpha network")
    discriminator_beta_2: float = Field(0.99, ge=0, lt=1, description="Adam's β2 for the discriminator")
    anneal: Fraction = Field(0.0, description="last share of the run in which both rates fall to 0, a half cosine")
    adversarial_weight: Weight = Field(0.1, description="weight of the alpha network's adversarial loss")
    lambda_1: Weight = Field(1.2, description="weight λ1 of B(M), against masks that are not decisive")
    lambda_2: Weight = Field(0.0, description="weight λ2 of C(M), against empty masks")
    phi_1: Fraction = Field(0.25, description="φ1: least share of foreground that C(M) asks for")
    lambda_3: Weight = Field(3.0, description="weight of E(M), against masks that are all foreground")
    phi_2: Fraction = Field(0.4, description="φ2: least share of background that E(M) asks for")
    r1: Weight = Field(10.0, description="weight γ of the R1 penalty")
    r1_every: int = Field(16, gt=0, le=10**4, description="steps from one R1 penalty to the next")
    psi: Psi = Field(1.0, description="truncation of the foreground while training")
    background_psi: Psi = Field(1.0, description="truncation of the background while training")
    share_z: bool = Field(False, description="one z for foreground and background, as the published code does")
    reuse_samples: bool = Field(False, description="both networks learn from the same samples of a step: faster")
    switched_off: Literal["first_convolution", "constant"] = Field(
        "first_convolution", description="layer that is zeroed for backgrounds"
    )
    noise: Literal["const", "none", "random"] = Field("random", description="noise inputs of the generator")
    ema_decay: float = Field(0.99778, ge=0, lt=1, description="decay per step of the averaged alpha network")
    discriminator_width: float = Field(1.0, gt=0, le=8, description="discriminator's channels over the generator's")
    minibatch_group: int = Field(4, gt=0, le=64, description="images per minibatch standard deviation")
    seed: int = Field(0, ge=0, lt=2**63, description="seed of all random numbers")
    precision: Literal["float32", "bf16", "fp16"] = Field("float32", description="arithmetic of the discriminator")
    device: str = Field("auto", pattern=r"^(auto|cpu|cuda)$", description="auto, cpu or cuda")
    log_every: int = Field(10, gt=0, le=10**6, description="steps from one line of log.jsonl to the next")
    sheet_every: int = Field(100, gt=0, le=10**6, description="steps from one sheet in samples/ to the next")
    checkpoint_every: int = Field(100, gt=0, le=10**6, description="steps from one checkpoint to the next")
    keep_checkpoints: int = Field(2, gt=0, le=10**6, description="checkpoints that are kept, the newest")

    FREE: ClassVar = frozenset({"log_every", "sheet_every", "checkpoint_every", "keep_checkpoints"})
    """What a continued run may change: no weight depends on it."""

    @field_validator("first_resolution", mode="before")
    @classmethod
    def _power_of_two(cls, value: Any) -> Any:
        if value == "auto":
            return value
        number = int(value) if isinstance(value, (int, str)) and str(value).isdigit() else 0
        if number < 4 or number & (number - 1):
            raise ValueError("4, 8, 16, … or auto")
        return number


class Pipeline(StageSettings):
    """A pipeline file: one section per stage, each with settings that differ from the defaults."""

    model_config = ConfigDict(populate_by_name=True)

    domain: str = ""
    description: str = ""
    train_alpha: dict[str, Any] = Field({}, alias="train-alpha")
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
        known = [field.alias or key for key, field in model.model_fields.items()]
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
