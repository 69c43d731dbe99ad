"""What the settings of all stages have in common that write shards."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from .base import StageSettings

MOST_SHARDS = 10**6
"""The most shards of a data set: a folder of more files than that is of no use to anybody."""

SamplesPerShard = Annotated[int, Field(gt=0, le=10**6, description="samples per tar file")]
ImageFormat = Literal["jpg", "png", "webp"]
Quality = Annotated[int, Field(ge=1, le=100, description="quality of jpg and webp; 100 makes webp lossless")]


class Sharded(StageSettings):
    """How samples are divided into shards. The models themselves declare the fields, each in its own order."""

    if TYPE_CHECKING:
        samples_per_shard: int

    @property
    def samples(self) -> int:
        """Number of samples of the data set."""
        n = getattr(self, "n")  # noqa: B009 - a field of the model
        assert isinstance(n, int), "the number of samples is known before shards are made"
        return n

    @property
    def shards(self) -> int:
        """Number of shards that all samples fill."""
        return -(-self.samples // self.samples_per_shard)

    def shard_indices(self, shard: int) -> range:
        """Global indices of one shard's samples."""
        start = shard * self.samples_per_shard
        return range(start, min(start + self.samples_per_shard, self.samples))

    @field_validator("samples_per_shard", check_fields=False)
    @classmethod
    def _not_too_many_shards(cls, value: int, info: ValidationInfo) -> int:
        n = info.data.get("n")
        if n is not None and -(-n // value) > MOST_SHARDS:
            least = -(-n // MOST_SHARDS)
            raise ValueError(f"at least {least} for {n} samples, so that there are no more than {MOST_SHARDS} shards")
        return value
