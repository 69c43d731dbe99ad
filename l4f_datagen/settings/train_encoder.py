"""Settings of ``train-encoder``."""

from typing import Annotated, ClassVar

from pydantic import Field

from .base import Device, Generator, Metavar, Mirror, Precision, Rate, Seed, StageSettings, Weight, WorldImages
from .needing import a_world, beside


class TrainEncoderSettings(StageSettings):
    """Settings of ``train-encoder``. The defaults were found on the embedded 64 px networks."""

    SECTION: ClassVar = "train-encoder"

    NEEDS: ClassVar = {
        "world_images": a_world("images"),
        "mirror": beside("images", "--images"),
        "photographs": beside("images", "--images"),
        "prior": beside("images", "--images"),
    }

    generator: Generator = "vessels"
    images: Annotated[str | None, Metavar("FOLDER|TARS|world:NAME")] = Field(
        None, description="photographs that it learns to draw again, beside the generator's own samples"
    )
    world_images: WorldImages = 16000
    mirror: Mirror = False
    width: int = Field(32, gt=0, le=512, description="channels of the first stage")
    hidden: int = Field(512, gt=0, le=8192, description="numbers that codes are made of")
    iterations: int = Field(1500, gt=0, le=10**7, description="steps")
    batch_size: int = Field(32, gt=1, le=4096, description="samples per step, over all processes")
    photographs: int = Field(
        8, ge=0, le=4096, description="photographs, and samples beside them, that are drawn again per step"
    )
    learning_rate: Rate = Field(2e-3, description="Adam's highest rate")
    psi: float = Field(1.0, ge=0, le=1.5, description="truncation of the samples, in [0, 1.5]")
    mixed: float = Field(0.5, ge=0, le=1, description="share of the samples whose layers have two codes")
    code_weight: Weight = Field(1.0, description="weight of the codes' differences")
    image_weight: Weight = Field(1.0, description="weight of the reconstructions' differences")
    prior: Weight = Field(0.02, description="weight of the distance of photographs' codes from the mean code")
    ema_decay: float = Field(0.995, ge=0, lt=1, description="decay per step of the averaged network")
    validation_samples: int = Field(64, gt=1, le=10**5, description="samples, and photographs, that it is measured on")
    seed: Seed = 0
    precision: Precision = Field("float32", description="arithmetic of the encoder")
    device: Device = "auto"
    log_every: int = Field(20, gt=0, le=10**6, description="steps from one line of log.jsonl to the next")
    validate_every: int = Field(250, gt=0, le=10**6, description="steps from one measurement to the next")
    sheet_every: int = Field(500, gt=0, le=10**6, description="steps from one sheet in samples/ to the next")
    checkpoint_every: int = Field(250, gt=0, le=10**6, description="steps from one checkpoint to the next")
    keep_checkpoints: int = Field(2, gt=0, le=10**6, description="checkpoints that are kept, the newest")

    FREE: ClassVar = frozenset({"log_every", "sheet_every", "checkpoint_every", "keep_checkpoints"})
    """What a continued run may change: no weight depends on it."""
