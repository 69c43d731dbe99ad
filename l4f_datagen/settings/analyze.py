"""Settings of ``analyze``."""

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, field_validator

from .base import Alpha, Device, Fraction, Generator, Metavar, Psi, Seed, StageSettings
from .edit import MOST_LAYERS, Layers, chosen_layers
from .needing import beside
from .sharded import split_names
from .switching import Crops


class AnalyzeSettings(StageSettings):
    """Settings of ``analyze``."""

    generator: Generator = "vessels"
    n: int = Field(64, gt=0, le=10**6, description="samples that numbers are means over")
    psi: Psi = Field(1.0, description="truncation, in [0, 1.5]")
    seed: Seed = 0
    batch_size: int = Field(8, gt=0, le=4096, description="samples per forward pass")
    device: Device = "auto"


class AnalyzeBackgroundsSettings(AnalyzeSettings):
    """Settings of ``analyze backgrounds``."""

    NEEDS: ClassVar = {"alpha": beside("images", "--images")}

    crops: Crops = "auto"
    shares: Annotated[tuple[Fraction, ...], BeforeValidator(split_names), Metavar("N,N,…")] = Field(
        (0.1, 0.3, 0.5, 0.7, 0.9), description="shares of the first layers' channels that are zeroed by way of trial"
    )
    segmenter: Annotated[str | None, Metavar("PATH")] = Field(
        None, description="segmenter that looks for traces of foreground in the backgrounds"
    )
    images: Annotated[str | None, Metavar("FOLDER|TARS|world:NAME")] = Field(
        None,
        description="real images, as train-alpha takes them: channels:auto is tried too, whose backgrounds have "
        "their grain; it takes some minutes",
    )
    alpha: Alpha = Field(
        None,
        description="alpha checkpoint that tells channels:auto where objects are; default: the one beside the "
        "generator",
    )


class AnalyzeDirectionsSettings(StageSettings):
    """Settings of ``analyze directions``."""

    generator: Generator = "vessels"
    how: Literal["sefa", "pca"] = Field("sefa", description="how directions are found, as edit has it")
    layers: Layers = "all"
    count: int = Field(8, ge=1, le=64, description="directions, from the first one on")
    strength: float = Field(2.0, gt=0, le=1000, description="how far to go, in standard deviations of w")
    n: int = Field(3, ge=1, le=16, description="samples that they are shown with")
    psi: Psi = Field(0.7, description="truncation of the samples, in [0, 1.5]")
    seed: Seed = 0
    batch_size: int = Field(8, gt=0, le=4096, description="samples per forward pass")
    device: Device = "auto"

    @field_validator("layers")
    @classmethod
    def _are_layers(cls, value: str) -> str:
        chosen_layers(value, MOST_LAYERS)
        return value
