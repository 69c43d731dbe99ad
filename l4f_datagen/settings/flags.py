"""What flags of ``run`` give: values that a pipeline file has a place for, and what its stages would make."""

from typing import Annotated

from pydantic import Field

from .base import Metavar, StageSettings


class PipelineFlags(StageSettings):
    """Values for the places ``${images}``, ``${resolution}`` and so on of a pipeline file, as they were typed.

    A file lists in its section ``flags`` which of them it has a place for. The settings that they end up in say what is
    wrong with a value.
    """

    images: Annotated[str | None, Metavar("FOLDER|TARS")] = Field(
        None, description="photographs to learn from: folder, tars, zip or Parquet files"
    )
    resolution: Annotated[str | None, Metavar("INTEGER")] = Field(None, description="height and width of all images")
    from_: Annotated[str | None, Metavar("PATH|NAME")] = Field(
        None, description="StyleGAN2 that the generator's training goes on from, at its own resolution"
    )
    mirror: bool | None = Field(None, description="show photographs mirrored too")
    kimg: Annotated[str | None, Metavar("INTEGER")] = Field(
        None, description="thousands of images that the generator's training sees"
    )
    precision: Annotated[str | None, Metavar("float32|bf16|fp16")] = Field(
        None, description="arithmetic of the trainings"
    )
    device: Annotated[str | None, Metavar("DEVICE")] = Field(None, description="device of all stages")
    photographs: Annotated[str | None, Metavar("FOLDER|TARS")] = Field(
        None, description="photographs that segmenters label themselves and learn from, in rounds (self-training)"
    )
    backgrounds: Annotated[str | None, Metavar("FOLDER|TARS")] = Field(
        None, description="photographs of such scenes without the thing, which foregrounds are put on"
    )
    project: Annotated[str | None, Metavar("FOLDER|TARS")] = Field(
        None, description="photographs to find codes of, for masks by projection and for edits"
    )
    instances: Annotated[str | None, Metavar("FILE.onnx")] = Field(
        None, description="detector with masks: generated samples of no or several objects are rejected (Table 2)"
    )
    test_images: Annotated[str | None, Metavar("FOLDER")] = Field(
        None, description="labelled images to measure the segmenters on; nothing learns from them"
    )
    test_masks: Annotated[str | None, Metavar("FOLDER")] = Field(
        None, description="their masks, in files of the same names"
    )


class GivenSettings(StageSettings):
    """What is there already: the stage that would make it, and those that come before that one, are left out."""

    generator: Annotated[str | None, Metavar("PATH|NAME")] = Field(
        None, description="this generator instead of training one"
    )
    alpha: Annotated[str | None, Metavar("PATH|NAME")] = Field(
        None, description="this alpha network instead of training one"
    )
    shards: Annotated[str | None, Metavar("FOLDER")] = Field(
        None, description="this data set instead of generating one"
    )
    segmenter: Annotated[str | None, Metavar("PATH")] = Field(
        None, description="this segmenter instead of training any"
    )
