"""Settings of ``render``."""

from typing import ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from .base import StageSettings
from .generate import MOST_SHARDS, GenerateSettings, at_most


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

    # Exact masks are cut and nothing else.
    largest_component: ClassVar = False
    fill_holes: ClassVar = False
    ignore_band: ClassVar = None

    # Every stage that writes shards divides its samples alike.
    shards, shard_indices = GenerateSettings.shards, GenerateSettings.shard_indices

    @field_validator("samples_per_shard")
    @classmethod
    def _not_too_many_shards(cls, value: int, info: ValidationInfo) -> int:
        return at_most(MOST_SHARDS, value, info)
