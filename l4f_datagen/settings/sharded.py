"""What the settings of all stages have in common that write shards."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from ..mask_files import values as kinds
from .base import StageSettings

MOST_SHARDS = 10**6
"""The most shards of a data set: a folder of more files than that is of no use to anybody."""

SamplesPerShard = Annotated[int, Field(gt=0, le=10**6, description="samples per tar file")]
ImageFormat = Literal["jpg", "png", "webp"]
Quality = Annotated[int, Field(ge=1, le=100, description="quality of jpg and webp; 100 makes webp lossless")]

_NUMBERS = {1: "01", 255: "0255", 0o255: "0255"}
"""What YAML makes of 01 and of 0255, which it takes for numbers, with a leading 0 for octal ones."""


def _text(value: object) -> object:
    return _NUMBERS.get(value, value) if type(value) is int else value


MaskValues = Annotated[
    kinds.MaskValues,
    BeforeValidator(_text),
    Field(
        description="what mask files hold: 01, grey class indices 0 and 1, and 255 for ignored pixels; 0255, black and "
        "white for viewers; palette, class indices shown black and white"
    ),
]


def split_names(value: Any) -> Any:
    """Names from "foreground,w", each once, in one order, so that the order of naming changes nothing."""
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    names = isinstance(value, (list, tuple)) and all(isinstance(name, str) for name in value)
    return sorted(set(value)) if names else value


class Sharded(StageSettings):
    """How samples are divided into shards. The models themselves declare the fields, each in its own order."""

    FIRST: ClassVar[frozenset[str]] = frozenset()
    """The settings that the first data sets of this kind were made with. Any other one is younger than some data
    sets, and its default does what was done before there was such a setting, unless ``BEFORE`` names what did."""
    BEFORE: ClassVar[Mapping[str, Any]] = {kinds.SETTING: kinds.BEFORE}
    """The younger settings whose defaults do something new, with the values that do what was done before."""

    if TYPE_CHECKING:
        samples_per_shard: int

    def identity(self, without: Iterable[str] = ()) -> dict[str, Any]:
        """The settings by which data sets are told apart, as JSON values.

        Of the younger ones those are left out that do what was done before. A data set that was made before there was
        such a setting thus has the same fingerprint, which every shard holds, as one that is made like it.

        Args:
            without: settings that make no difference.
        """
        as_before = {name for name in self.defaults if name not in self.BEFORE}
        as_before |= {name for name, value in self.BEFORE.items() if getattr(self, name) == value}
        return super().identity(without={*without, *(as_before - self.FIRST)})

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
