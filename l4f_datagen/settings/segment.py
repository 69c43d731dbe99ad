"""Settings of ``segment``."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator

from .base import Device, Metavar, StageSettings
from .needing import beside, unless
from .sharded import MaskValues, split_names


class SegmentSettings(StageSettings):
    """Settings of ``segment``."""

    NEEDS: ClassVar = {
        "overlap": beside("tile", "--tile"),
        "video_format": unless("video", "--video mask, overlay or foreground", ("frames",)),
    }

    segmenter: Annotated[str, Metavar("PATH")] = Field(
        "", description="run of train-segmenter, native folder, or face-parsing weights"
    )
    foreground: Annotated[tuple[int, ...] | None, Metavar("CLASSES")] = Field(
        None, description="classes that are foreground, 1,2,3 say; default: the checkpoint's own"
    )
    threshold: float | None = Field(
        None, gt=0, le=1, description="probability from which a pixel is foreground; default: its likeliest class says"
    )
    size: int | None = Field(
        None, ge=1, le=16384, description="shorter side that images are resized to; default: as in training"
    )
    tile: int | None = Field(None, ge=8, le=16384, description="side of tiles that cover images at their own size")
    overlap: float = Field(0.25, ge=0, lt=1, description="share of a tile's side that its neighbours cover too")
    batch_size: int = Field(16, gt=0, le=4096, description="images or tiles per forward pass")
    mask_values: MaskValues = "01"
    alpha: bool = Field(False, description="also write KEY.alpha.png, the foreground's probability")
    cutout: bool = Field(
        False,
        description="also write KEY.cutout.png, the foreground with transparency and its own colours in soft edges",
    )
    overlay: bool = Field(False, description="also write KEY.overlay.jpg, the foreground tinted and outlined")
    classes: bool = Field(False, description="also write KEY.classes.png, the index of each pixel's likeliest class")
    video: Annotated[tuple[Literal["foreground", "frames", "mask", "overlay"], ...], Metavar("frames,mask,…")] = Field(
        ("frames",),
        description="what videos become: frames, a folder KEY.frames with the results of each frame; mask, overlay or "
        "foreground (before black), each a video",
    )
    video_format: Literal["mp4", "avi"] = Field(
        "mp4", description="format of videos that are written: mp4 (MPEG-4) or avi (Motion JPEG)"
    )
    names: Literal["stem", "full"] = Field(
        "stem",
        description="KEY is the path below what was named, without extension; full: the whole path, which tells "
        "a.jpg from a.png and one folder from another",
    )
    device: Device = "auto"

    @field_validator("video", mode="before")
    @classmethod
    def _kinds(cls, value: Any) -> Any:
        """Accept "frames,mask"."""
        return split_names(value)

    @field_validator("video")
    @classmethod
    def _some(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("at least one of frames, mask, overlay and foreground")
        return value

    @field_validator("foreground", mode="before")
    @classmethod
    def _numbers(cls, value: Any) -> Any:
        """Accept "1,2,3"."""
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value
