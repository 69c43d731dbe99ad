"""Settings of ``render``."""

from typing import ClassVar, Literal

from pydantic import Field

from .base import Seed
from .needing import LOSSY, unless
from .sharded import ImageFormat, MaskValues, Quality, SamplesPerShard, Sharded


class RenderSettings(Sharded):
    """Settings of ``render``. What a rendered data set contains depends on these alone."""

    FIRST: ClassVar = frozenset(
        ("n", "world", "size", "split", "seed", "threshold", "samples_per_shard", "image_format", "quality")
    )

    NEEDS: ClassVar = {
        "quality": LOSSY,
        "threshold": unless("backgrounds_only", "no --backgrounds-only"),
    }

    n: int = Field(1000, gt=0, le=10**9, description="number of samples")
    world: str = Field("vessels", description="what to render: vessels or garden")
    size: int = Field(64, ge=4, le=4096, description="height and width in pixels")
    split: Literal["train", "test"] = Field("train", description="which pictures; the splits share none")
    seed: Seed = 0
    threshold: float = Field(0.5, gt=0, le=1, description="coverage from which a pixel is foreground in the mask")
    backgrounds_only: bool = Field(False, description="the same scenes without their foreground; all masks are empty")
    samples_per_shard: SamplesPerShard = 1000
    image_format: ImageFormat = Field("jpg", description="format of the images")
    quality: Quality = 95
    mask_values: MaskValues = "01"
