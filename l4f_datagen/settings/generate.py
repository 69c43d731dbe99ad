"""Settings of ``generate``, and which of them make a data set another one."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, field_validator

from .base import Psi, StageSettings

Extra = Literal["foreground", "background", "w"]


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


def identity(settings: GenerateSettings, checkpoints: Mapping[str, str], device: str) -> dict[str, Any]:
    """The settings on which the bytes of a data set's shards depend, names of checkpoints replaced by hashes.

    Args:
        checkpoints: SHA-256 of the generator's and the alpha network's tensors, by name.
        device: type of the resolved device, "cpu" or "cuda".

    ``n`` is not among them: a larger n extends a data set.
    """
    values = settings.model_dump(mode="json", exclude={"n", "generator", "alpha", "device"})
    return values | {f"{name}_sha256": sha256 for name, sha256 in checkpoints.items()} | {"device": device}


def _is_str(value: object) -> bool:
    return isinstance(value, str)
