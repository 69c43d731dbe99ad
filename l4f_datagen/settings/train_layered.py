"""Settings of ``train-layered``: a layered generator, PSeg, a baseline that learns without labels as well."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator

from .base import (
    ContentRows,
    Device,
    Fraction,
    Images,
    Metavar,
    Mirror,
    Precision,
    Rate,
    Seed,
    StageSettings,
    Weight,
    WorldImages,
)
from .needing import a_world, beside, unless
from .train_generator import CompleteGeneratorSettings, TrainGeneratorSettings, channels_of, power_of_two, with_preset


class TrainLayeredSettings(StageSettings):
    """Settings of ``train-layered``; None: as ``train-generator`` has it for the resolution."""

    SECTION: ClassVar = "train-layered"

    NEEDS: ClassVar = {
        "world_images": a_world("images"),
        "width": unless("channels", "no --channels"),
        "r1_every": unless("r1", "--r1 above 0", 0),
        "decided_after": beside("lambda_1", "--lambda-1 above 0"),
        "phi_1": beside("lambda_2", "--lambda-2 above 0"),
        "phi_2": beside("lambda_3", "--lambda-3 above 0"),
    }

    images: Images
    world_images: WorldImages = 16000
    mirror: Mirror = False
    content_rows: ContentRows = None
    resolution: Annotated[int, Metavar("INTEGER")] = Field(64, description="height and width, 8, 16, 32, …")
    preset: Literal["small", "full"] | None = Field(
        None, description="sizes of the networks as in train-generator; default: small up to 128 px"
    )
    channels: Annotated[tuple[int, ...] | None, Metavar("N,N,…")] = Field(
        None, description="channels of the foreground's resolutions 4, 8, …, and of the discriminator's"
    )
    width: float = Field(
        0.375, gt=0, le=2, description="where no channels are given, as a share of those of train-generator"
    )
    background_share: float = Field(
        0.5, gt=0, le=1, description="channels of the background's generator, as a share of the foreground's"
    )
    z_dim: int | None = Field(None, gt=0, le=4096, description="numbers of a latent z, and of a w")
    mapping_layers: int | None = Field(None, gt=0, le=16, description="layers of the mapping z → w")
    iterations: int = Field(2400, gt=0, le=10**7, description="steps")
    batch_size: int = Field(16, gt=0, le=4096, description="images per step, over all processes and parts")
    accumulate: int = Field(1, gt=0, le=1024, description="parts of a batch, one after the other, to save memory")
    learning_rate: Rate | None = Field(None, description="Adam's rate for all networks")
    r1: Weight | None = Field(None, description="weight γ of the R1 penalty")
    r1_every: int = Field(16, gt=0, le=10**4, description="steps from one R1 penalty to the next")
    shift: Fraction = Field(0.125, description="largest shift of the foreground and its mask, as a share of the image")
    contrast: Fraction = Field(0.3, description="by how much at most the background's contrast changes by chance")
    lambda_1: Weight = Field(2.0, description="weight of the binarisation loss B")
    decided_after: Fraction = Field(
        0.25, description="share of the run in which that weight rises; masks that decide at once are all foreground"
    )
    lambda_2: Weight = Field(2.0, description="weight of C, against masks that are almost empty")
    phi_1: Fraction = Field(0.25, description="C begins below this mean alpha")
    lambda_3: Weight = Field(2.0, description="weight of E, against masks that are almost full; not in the paper")
    phi_2: Fraction = Field(0.4, description="E begins below this mean of 1 − alpha")
    minibatch_group: int = Field(4, gt=0, le=64, description="images per minibatch standard deviation")
    seed: Seed = 0
    precision: Precision = Field("float32", description="arithmetic of all networks")
    device: Device = "auto"
    log_every: int = Field(10, gt=0, le=10**6, description="steps from one line of log.jsonl to the next")
    sheet_every: int = Field(500, gt=0, le=10**6, description="steps from one sheet in samples/ to the next")
    checkpoint_every: int = Field(500, gt=0, le=10**6, description="steps from one checkpoint to the next")
    keep_checkpoints: int = Field(2, gt=0, le=10**6, description="checkpoints that are kept, the newest")

    FREE: ClassVar = frozenset({"log_every", "sheet_every", "checkpoint_every", "keep_checkpoints"})
    """What a continued run may change: no weight depends on it."""

    _power_of_two = field_validator("resolution", mode="before")(power_of_two)
    _channels = field_validator("channels", mode="before")(channels_of)

    def of_generator(self, images: int) -> CompleteGeneratorSettings:
        """The settings of ``train-generator`` that the adversarial game goes by, for a number of images."""
        names = TrainGeneratorSettings.model_fields.keys() & type(self).model_fields.keys()
        values: dict[str, Any] = {name: getattr(self, name) for name in names}
        values |= {"kimg": -(-self.iterations * self.batch_size // 1000), "path_length": 0.0, "augment": "off"}
        complete = with_preset(TrainGeneratorSettings(**values), resolution=self.resolution, images=images)
        if self.channels is not None:
            return complete
        return complete.model_copy(update={"channels": tuple(max(1, round(self.width * c)) for c in complete.channels)})
