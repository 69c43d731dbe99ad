"""Settings of ``export``."""

import math
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator

from ..kinds import Kinds
from ..mask_files.values import MaskValues
from .base import Metavar, StageSettings
from .needing import unless
from .reject_list import Rejected

FORMATS = Kinds("export.formats")


class ExportSettings(StageSettings):
    """Settings of ``export``."""

    NEEDS: ClassVar = {"image_set": unless("split", "no --split")}

    format: Annotated[str, FORMATS] = Field(
        description="what to write; annotators take label-studio, or coco and voc in CVAT"
    )
    mask_values: MaskValues | None = Field(
        None, description="what mask files hold: 0 and 1, 0 and 255, or 0 and 1 with a palette; default: the format's"
    )
    split: Annotated[tuple[float, ...] | None, Metavar("0.9/0.1")] = Field(
        None, description="shares of train/val or train/val/test, 0.9/0.1 say; a sample's key decides where it goes"
    )
    image_set: Literal["train", "val", "test", "default"] = Field(
        "train", description="name of the one image set without --split; CVAT's own is default"
    )
    without: Rejected = Field(None, description="leave out the samples that this file lists, as gallery saves it")
    class_name: str = Field("foreground", min_length=1, description="name of class 1 where the format has names")
    image_prefix: Annotated[str | None, Metavar("TEXT")] = Field(
        None, description="of label-studio: what stands before images/… in tasks; default: /data/local-files/?d="
    )

    @field_validator("class_name")
    @classmethod
    def _is_a_name(cls, value: str) -> str:
        if not value.strip() or not value.isprintable():
            raise ValueError("a name of one line, which is more than blanks")
        return value

    @field_validator("split", mode="before")
    @classmethod
    def _shares(cls, value: Any) -> Any:
        """Accept "0.9/0.1"; two or three positive shares that sum to 1."""
        if value is None:
            return None
        try:
            shares = tuple(float(part) for part in (value.split("/") if isinstance(value, str) else value))
        except (TypeError, ValueError):
            shares = ()
        if len(shares) not in (2, 3) or not all(share > 0 for share in shares) or not math.isclose(sum(shares), 1):
            raise ValueError("two or three positive shares that sum to 1, such as 0.9/0.1 or 0.8/0.1/0.1")
        return shares
