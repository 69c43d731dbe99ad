"""Settings of ``project``."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from .base import Alpha, Device, Generator, Images, Metavar, Rate, Seed, StageSettings, Weight
from .needing import a_world, beside


class ProjectSettings(StageSettings):
    """Settings of ``project``. The defaults were found on the embedded 64 px networks."""

    SECTION: ClassVar = "project"

    NEEDS: ClassVar = {
        "world_images": a_world("images"),
        "w_steps": beside("how", "--how optimise", "optimise"),
        "steps": beside("how", "--how optimise", "optimise"),
        "refine_steps": beside("how", "--how encoder", "encoder"),
        "noise_weight": beside("noise_maps", "--noise-maps optimise", "optimise"),
        "feature_weight": beside("features", "--features"),
        "refine_epsilon": beside("refine", "--refine PIXELS"),
    }
    RECOMMENDED: ClassVar = ("threshold", "refine", "refine_epsilon", "largest_component", "fill_holes")

    images: Images = ""
    world_images: int = Field(100, gt=0, le=10**6, description="pictures of a world:NAME, of its test split")
    generator: Generator = "vessels"
    alpha: Alpha = None
    how: Literal["optimise", "encoder"] = Field(
        "optimise", description="search for codes from the mean code on, or from what an encoder answers"
    )
    encoder: Annotated[str | None, Metavar("PATH")] = Field(
        None, description="run of train-encoder on this generator, for how encoder"
    )
    space: Literal["w", "w+"] = Field("w+", description="one code for all layers, or one for each")
    w_steps: int = Field(150, ge=0, le=10**6, description="steps of optimise in w, from the mean code on")
    steps: int = Field(350, ge=0, le=10**6, description="steps of optimise in w+ that follow")
    refine_steps: int = Field(50, ge=0, le=10**6, description="steps from the encoder's answer on; 0: its answer")
    learning_rate: Rate = Field(0.1, description="Adam's highest rate, in standard deviations of codes")
    prior: Weight = Field(0.02, description="weight of the codes' distance from the mean code")
    noise_maps: Literal["const", "none", "optimise"] = Field(
        "const", description="noise of the reconstruction: the checkpoint's, none, or optimised with the code"
    )
    noise_weight: Weight = Field(10.0, description="weight of the correlations of optimised noise with itself")
    features: Annotated[str | None, Metavar("PATH")] = Field(
        None,
        description="network by whose features pictures are compared beside their pixels: a run of train-generator "
        "(its discriminator), a segmenter, or a file with the weights of LPIPS (VGG-16)",
    )
    feature_weight: Weight = Field(1.0, description="weight of the features' distance")
    threshold: float = Field(0.5, gt=0, le=1, description="alpha from which a pixel is foreground in the mask")
    refine: Annotated[int, Metavar("PIXELS")] = Field(
        0, ge=0, le=64, description="draw outlines to edges of the photograph within this many pixels; 0: leave them"
    )
    refine_epsilon: float = Field(
        0.001, gt=0, le=1, description="variance of colours in [0, 1] below which refine sees no edge"
    )
    largest_component: bool = Field(False, description="keep the largest component of each mask only")
    fill_holes: bool = Field(False, description="make foreground of background that foreground encloses")
    batch_size: int = Field(16, gt=0, le=4096, description="photographs that are projected at once")
    seed: Seed = 0
    device: Device = "auto"

    FREE: ClassVar = frozenset({"images", "world_images", "batch_size"})
    """What a continued folder may change: no code depends on it, but for rounding."""

    @property
    def ignore_band(self) -> None:
        """Masks of photographs have no ignored pixels."""
        return None

    @model_validator(mode="after")
    def _has_encoder(self) -> "ProjectSettings":
        if (self.encoder is not None) != (self.how == "encoder"):
            raise ValueError("an encoder with how encoder, and none without it")
        return self
