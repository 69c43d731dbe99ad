"""Settings of ``generate --codes``: data sets of projected photographs."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator

from .base import Metavar
from .needing import LOSSY
from .sharded import ImageFormat, MaskValues, Quality, SamplesPerShard, Sharded, split_names


class CodesSettings(Sharded):
    """Settings of ``generate --codes``. What such a data set contains depends on these and on the folder of codes.

    Their names are those of ``generate``, but for ``codes`` and ``max_error``.
    """

    FIRST: ClassVar = frozenset((
        "codes", "n", "max_error", "threshold", "largest_component", "fill_holes", "samples_per_shard", "image_format",
        "quality", "save",
    ))  # fmt: skip

    NEEDS: ClassVar = {"quality": LOSSY}

    codes: Annotated[str, Metavar("FOLDER")] = Field(
        description="folder of l4f-datagen project: its photographs become the samples, with the alphas of their codes"
    )
    n: int | None = Field(None, gt=0, le=10**9, description="number of samples, the first ones; default: all")
    max_error: float | None = Field(
        None, gt=0, description="leave out photographs with a larger error than this, in grey levels of 0 to 255"
    )
    threshold: float | None = Field(
        None, gt=0, le=1, description="alpha from which a pixel is foreground; default: as project had it"
    )
    largest_component: bool | None = Field(None, description="keep the largest component of each mask only")
    fill_holes: bool | None = Field(None, description="make foreground of background that foreground encloses")
    samples_per_shard: SamplesPerShard = 1000
    image_format: ImageFormat = Field("jpg", description="format of the photographs")
    quality: Quality = 95
    mask_values: MaskValues = "01"
    save: Annotated[tuple[Literal["foreground", "cutout"], ...], Metavar("foreground,cutout")] = Field(
        (), description="foreground: keep the reconstructions too; cutout: the foregrounds of the photographs"
    )

    @field_validator("save", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return split_names(value)
