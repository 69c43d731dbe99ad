"""Settings of ``import``."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator

from .base import Metavar
from .needing import LOSSY
from .sharded import ImageFormat, MaskValues, SamplesPerShard, Sharded


class ImportSettings(Sharded):
    """Settings of ``import``. What an imported data set contains depends on these and on the source's files."""

    FIRST: ClassVar = frozenset((
        "source", "format", "images", "masks", "alphas", "foreground_values", "values", "allow_empty", "categories",
        "skip_unmatched", "n", "size", "licence", "samples_per_shard", "image_format", "quality",
    ))  # fmt: skip

    NEEDS: ClassVar = {"quality": LOSSY}

    source: str = Field(description="images and masks, a file of COCO, Label Studio or CVAT, tars, Parquet, a data set")
    format: Literal["auto", "coco", "label-studio", "cvat", "folder", "tars", "parquet", "shards"] = Field(
        "auto", description="what the source is"
    )
    images: Annotated[str | None, Metavar("FOLDER")] = Field(
        None, description="folder of the images, inside the source or elsewhere"
    )
    masks: Annotated[str | None, Metavar("FOLDER")] = Field(
        None, description="folder of the masks; same names as the images but for the suffix"
    )
    alphas: Annotated[str | None, Metavar("FOLDER")] = Field(
        None, description="folder of soft masks, 0 to 255; default: alphas/ if it is there"
    )
    foreground_values: Annotated[tuple[str, ...] | None, Metavar("1,15")] = Field(
        None, description="mask values that are foreground, 1,15 or #ff0000 say; default: found, where it is clear"
    )
    values: Literal["auto", "index", "grey"] = Field(
        "auto", description="what grey mask files hold: class indices, or black and white"
    )
    allow_empty: bool = Field(False, description="take masks of which none holds any foreground")
    categories: Annotated[tuple[str, ...] | None, Metavar("NAME,NAME")] = Field(
        None, description="categories of COCO, or labels of Label Studio or CVAT, that are foreground; default: all"
    )
    skip_unmatched: bool = Field(False, description="leave out images without a mask, and masks without an image")
    n: int | None = Field(None, gt=0, le=10**9, description="number of samples, the first ones; default: all")
    size: Annotated[int | Literal["keep"], Metavar("INTEGER|keep")] = Field(
        "keep", description="height and width to shrink and crop to, or keep"
    )
    licence: str = Field("unknown", min_length=1, description="licence of the images, for the card")
    samples_per_shard: SamplesPerShard = 1000
    image_format: ImageFormat = Field("jpg", description="format of the images; such are copied")
    quality: int = Field(95, ge=1, le=100, description="quality of jpg and webp that are encoded anew")
    mask_values: MaskValues = "01"

    @field_validator("foreground_values", "categories", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        """Accept "1,15"."""
        if isinstance(value, str):
            value = [part.strip() for part in value.split(",") if part.strip()]
            if not value:
                raise ValueError("at least one, separated by commas")
        return value

    @field_validator("size", mode="before")
    @classmethod
    def _pixels(cls, value: Any) -> Any:
        if value == "keep":
            return value
        number = int(value) if isinstance(value, (int, str)) and str(value).isdigit() else 0
        if not 4 <= number <= 8192:
            raise ValueError("4 to 8192 pixels, or keep")
        return number
