"""Settings of ``generate``, and which of them make a data set another one."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from ..devices import NAMES
from .base import Device, Psi, StageSettings

Extra = Literal["foreground", "background", "w"]
MOST_SHARDS = 10**6
"""Of a data set: a folder of more files than that is of no use to anybody."""


class GenerateSettings(StageSettings):
    """Settings of ``generate``. What a data set contains depends on these alone."""

    n: int = Field(1000, gt=0, le=10**9, description="number of samples")
    generator: str = Field("vessels", description="generator checkpoint: a path or an embedded name")
    alpha: str | None = Field(None, description="alpha checkpoint; default: the one beside the generator")
    seed: int = Field(0, ge=0, lt=2**63, description="seed of all random numbers")
    psi: Psi = Field(0.7, description="truncation of the foreground, in [0, 1.5]")
    background_psi: Psi = Field(1.0, description="truncation of the background, in [0, 1.5]")
    threshold: float = Field(0.9, gt=0, le=1, description="alpha from which a pixel is foreground in the mask")
    refine: int = Field(
        0,
        ge=0,
        le=64,
        description="draw outlines to edges of the image within this many pixels; 0: leave them",
    )
    refine_epsilon: float = Field(
        0.001, gt=0, le=1, description="variance of colours in [0, 1] below which refine sees no edge"
    )
    blend: Literal["alpha", "mask"] = Field("alpha", description="what the composite is blended with")
    switched_off: Literal["first_convolution", "constant"] = Field(
        "first_convolution", description="layer that is zeroed for backgrounds"
    )
    noise: Literal["const", "none", "random"] = Field("const", description="noise inputs of the generator")
    backgrounds: str = Field(
        "generator",
        description="generator, or images of yours: their path, or folder:, tars:, zip: or parquet: and their path",
    )
    min_area: float | None = Field(None, ge=0, le=1, description="reject masks that cover less of the image")
    max_area: float | None = Field(None, ge=0, le=1, description="reject masks that cover more of the image")
    max_components: int | None = Field(None, ge=1, le=10**6, description="reject masks of more components")
    reject_border: bool = Field(False, description="reject masks that touch the image's border")
    min_decisiveness: float | None = Field(None, ge=0, le=1, description="reject alphas whose mean |2α − 1| is lower")
    min_stability: float | None = Field(
        None, ge=0, le=1, description="reject masks whose IoU over the thresholds ± 0.1 is lower"
    )
    largest_component: bool = Field(False, description="keep the largest component of each mask only")
    fill_holes: bool = Field(False, description="make foreground of background that foreground encloses")
    ignore_band: tuple[float, float] | None = Field(
        None, description="alphas from LOW to HIGH become 255 in the mask, which trainers ignore"
    )
    batch_size: int = Field(8, gt=0, le=4096, description="samples per forward pass")
    samples_per_shard: int = Field(1000, gt=0, le=10**6, description="samples per tar file")
    image_format: Literal["jpg", "png", "webp"] = Field("jpg", description="format of the composites")
    quality: int = Field(95, ge=1, le=100, description="quality of jpg and webp; 100 makes webp lossless")
    save: tuple[Extra, ...] = Field((), description="what to keep beside composite and masks")
    device: Device = Field("auto", description=NAMES)

    FILTERS: ClassVar = (
        "min_area", "max_area", "max_components", "reject_border", "min_decisiveness", "min_stability",
    )  # fmt: skip
    """What rejects candidates; a rejected one counts under the first of these that it fails."""
    MASK_CHANGES: ClassVar = ("largest_component", "fill_holes", "ignore_band")

    @field_validator("samples_per_shard")
    @classmethod
    def _not_too_many_shards(cls, value: int, info: ValidationInfo) -> int:
        return at_most(MOST_SHARDS, value, info)

    @field_validator("max_area")
    @classmethod
    def _above_min_area(cls, value: float | None, info: ValidationInfo) -> float | None:
        least = info.data.get("min_area")
        if value is not None and least is not None and value < least:
            raise ValueError(f"at least min_area, {least}")
        return value

    @field_validator("ignore_band", mode="before")
    @classmethod
    def _split_band(cls, value: Any) -> Any:
        """Accept "0.2,0.8"."""
        parts = tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else value
        if isinstance(parts, (list, tuple)) and len(parts) != 2:
            raise ValueError("two numbers, LOW,HIGH")
        return parts

    @field_validator("ignore_band")
    @classmethod
    def _band_within(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value is not None and not 0 < value[0] <= value[1] < 1:
            raise ValueError("0 < LOW ≤ HIGH < 1")
        return value

    @field_validator("save", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        """Accept "foreground,w"; keep one order, so that the order of naming changes nothing."""
        if isinstance(value, str):
            value = [part.strip() for part in value.split(",") if part.strip()]
        return sorted(set(value)) if isinstance(value, (list, tuple)) and all(map(_is_str, value)) else value

    @property
    def filters(self) -> dict[str, Any]:
        """The filters that are set, with their bounds."""
        values = {name: getattr(self, name) for name in self.FILTERS}
        # A bound of 0 is set, though it equals False.
        return {name: value for name, value in values.items() if value is not None and value is not False}

    @property
    def shards(self) -> int:
        """Number of shards that n samples fill."""
        return -(-self.n // self.samples_per_shard)

    def shard_indices(self, shard: int) -> range:
        """Global indices of one shard's samples."""
        start = shard * self.samples_per_shard
        return range(start, min(start + self.samples_per_shard, self.n))


def at_most(shards: int, per_shard: int, info: ValidationInfo) -> int:
    """``per_shard``, if n samples fill no more than so many shards."""
    if (n := info.data.get("n")) is not None and -(-n // per_shard) > shards:
        raise ValueError(f"at least {-(-n // shards)} for {n} samples, so that there are no more than {shards} shards")
    return per_shard


def identity(settings: GenerateSettings, checkpoints: Mapping[str, str], device: str) -> dict[str, Any]:
    """The settings on which the bytes of a data set's shards depend, names of checkpoints replaced by hashes.

    Args:
        checkpoints: SHA-256 of the generator's and the alpha network's tensors, by name.
        device: type of the resolved device, "cpu" or "cuda".

    ``n`` is not among them: a larger n extends a data set. Nor is the path of the ``backgrounds``: the
    engines add what tells images apart.
    """
    values = settings.model_dump(mode="json", exclude={"n", "generator", "alpha", "backgrounds", "device"})
    return values | {f"{name}_sha256": sha256 for name, sha256 in checkpoints.items()} | {"device": device}


def _is_str(value: object) -> bool:
    return isinstance(value, str)
