"""Settings of a whole experiment: which segmenters are trained side by side, what is measured at the end."""

from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field, field_validator

from .base import StageSettings
from .train_segmenter import ARCHITECTURES

SUPERVISED = "supervised"
_OF_THE_EXPERIMENT = ("arch", "shards", "seed")


class SegmentersSettings(StageSettings):
    """Section ``segmenters`` of a pipeline file. What all of them have in common is in ``train-segmenter``."""

    SECTION: ClassVar = "segmenters"

    archs: dict[Annotated[str, ARCHITECTURES], dict[str, Any] | None] = Field(
        min_length=1, description="architectures, each with settings that differ from train-segmenter's"
    )
    supervised: str | None = Field(
        None, description="where exact masks are, world:vessels say: each segmenter gets a counterpart trained on them"
    )
    seeds: int = Field(
        1, gt=0, le=100, description="how often each is trained, with train-segmenter's seed and the next"
    )

    @field_validator("archs")
    @classmethod
    def _differs(cls, value: dict[str, dict[str, Any] | None]) -> dict[str, dict[str, Any] | None]:
        for changes in value.values():
            if taken := [name for name in _OF_THE_EXPERIMENT if name in (changes or {})]:
                raise ValueError(f"settings other than {taken[0]}, which the experiment sets itself")
        return value


class EvaluationSettings(StageSettings):
    """Section ``evaluate`` of a pipeline file, which holds the sections of the measurements, ``alpha`` say.

    A measurement whose section is not there is not made. Networks and images of the experiment are filled in:
    generator and alpha network, segmenters, for distances the generator against the images of train-alpha, by the
    features of the supervised segmenter.
    """

    model_config = ConfigDict(populate_by_name=True)
    SECTION: ClassVar = "evaluate"

    reference: str = Field(
        SUPERVISED, description="what alpha is held to: the first supervised segmenter, or as --reference of evaluate"
    )
    instances: str | None = Field(
        None,
        description="a detector with masks, FILE.onnx, or its list of detections: alpha is held to it too, and samples "
        "of no or several objects are rejected (Table 2)",
    )
