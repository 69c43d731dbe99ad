"""Settings of ``train-alpha``."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator

from .base import (
    ContentRows,
    Device,
    Fraction,
    Generator,
    Images,
    Metavar,
    Mirror,
    Noise,
    Precision,
    Psi,
    Rate,
    Seed,
    StageSettings,
    SwitchedOff,
    Weight,
    WorldImages,
)


class TrainAlphaSettings(StageSettings):
    """Settings of ``train-alpha``; the defaults are the paper's for FFHQ (3.3, 4.6), in its symbols."""

    SECTION: ClassVar = "train-alpha"

    generator: Generator = "vessels"
    images: Images = "world:vessels"
    world_images: WorldImages = 16000
    mirror: Mirror = False
    content_rows: ContentRows = None
    first_resolution: Annotated[int | Literal["auto"], Metavar("INTEGER|auto")] = Field(
        32, description="coarsest features that the alpha network looks at; auto: as analyze layers finds"
    )
    iterations: int = Field(1000, gt=0, le=10**7, description="steps of both networks")
    batch_size: int = Field(8, gt=0, le=4096, description="images per step, over all processes and parts")
    accumulate: int = Field(1, gt=0, le=1024, description="parts of a batch, one after the other, to save memory")
    alpha_learning_rate: Rate = Field(2e-4, description="Adam's rate for the alpha network")
    discriminator_learning_rate: Rate = Field(2e-4, description="Adam's rate for the discriminator")
    beta_1: float = Field(0.0, ge=0, lt=1, description="Adam's β1, both networks")
    alpha_beta_2: float = Field(0.99, ge=0, lt=1, description="Adam's β2 for the alpha network")
    discriminator_beta_2: float = Field(0.99, ge=0, lt=1, description="Adam's β2 for the discriminator")
    anneal: Fraction = Field(0.0, description="last share of the run in which both rates fall to 0, a half cosine")
    adversarial_weight: Weight = Field(0.1, description="weight of the alpha network's adversarial loss")
    lambda_1: Weight = Field(1.2, description="weight λ1 of B(M), against masks that are not decisive")
    lambda_2: Weight = Field(0.0, description="weight λ2 of C(M), against empty masks")
    phi_1: Fraction = Field(0.25, description="φ1: least share of foreground that C(M) asks for")
    lambda_3: Weight = Field(3.0, description="weight of E(M), against masks that are all foreground")
    phi_2: Fraction = Field(0.4, description="φ2: least share of background that E(M) asks for")
    lambda_4: Weight = Field(
        0.0, description="weight of S(M, G), against edges of the mask where the foreground has none"
    )
    edge_scale: float = Field(
        0.3, gt=0, le=100, description="colour difference, of images in [-1, 1], that counts as an edge in S(M, G)"
    )
    edge_ramp: Fraction = Field(0.7, description="first share of the run in which λ4 rises from 0, as a parabola")
    r1: Weight = Field(10.0, description="weight γ of the R1 penalty")
    r1_every: int = Field(16, gt=0, le=10**4, description="steps from one R1 penalty to the next")
    psi: Psi = Field(1.0, description="truncation of the foreground while training")
    background_psi: Psi = Field(1.0, description="truncation of the background while training")
    share_z: bool = Field(False, description="one z for foreground and background, as the published code does")
    reuse_samples: bool = Field(False, description="both networks learn from the same samples of a step: faster")
    switched_off: SwitchedOff = "first_convolution"
    noise: Noise = "random"
    ema_decay: float = Field(0.99778, ge=0, lt=1, description="decay per step of the averaged alpha network")
    discriminator_width: float = Field(1.0, gt=0, le=8, description="discriminator's channels over the generator's")
    minibatch_group: int = Field(4, gt=0, le=64, description="images per minibatch standard deviation")
    seed: Seed = 0
    precision: Precision = Field("float32", description="arithmetic of the discriminator")
    device: Device = "auto"
    log_every: int = Field(10, gt=0, le=10**6, description="steps from one line of log.jsonl to the next")
    sheet_every: int = Field(100, gt=0, le=10**6, description="steps from one sheet in samples/ to the next")
    checkpoint_every: int = Field(100, gt=0, le=10**6, description="steps from one checkpoint to the next")
    keep_checkpoints: int = Field(2, gt=0, le=10**6, description="checkpoints that are kept, the newest")

    FREE: ClassVar = frozenset({"log_every", "sheet_every", "checkpoint_every", "keep_checkpoints"})
    """What a continued run may change: no weight depends on it."""

    @field_validator("first_resolution", mode="before")
    @classmethod
    def _power_of_two(cls, value: Any) -> Any:
        if value == "auto":
            return value
        number = int(value) if isinstance(value, (int, str)) and str(value).isdigit() else 0
        if number < 8 or number & (number - 1):  # at 4 px there is one map of features, and a level has two
            raise ValueError("8, 16, 32, … or auto")
        return number
