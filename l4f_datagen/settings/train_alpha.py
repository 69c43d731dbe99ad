"""Settings of ``train-alpha``."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from .base import (
    ContentRows,
    Device,
    Fraction,
    Generator,
    Graphs,
    Images,
    Metavar,
    Mirror,
    Noise,
    Precision,
    Psi,
    Rate,
    Seed,
    StageSettings,
    Weight,
    WorldImages,
)
from .needing import Needs, beside, unless
from .switching import AUTO, LAYERS, Crops, SwitchedOff

PAPER: Mapping[str, Any] = {
    "first_resolution": 32, "iterations": 1000, "alpha_learning_rate": 2e-4, "discriminator_learning_rate": 2e-4,
    "adversarial_weight": 0.1, "lambda_1": 1.2, "lambda_2": 0.0, "phi_1": 0.25, "lambda_3": 3.0, "phi_2": 0.4,
    "r1": 10.0, "ema_decay": 0.99778, "discriminator_width": 1.0,
    "phi_2_heads": (), "choosing_iterations": 0, "patience": 0, "cut_rounds": 0, "cut_samples": 0,
    "teaching_iterations": 0,
}  # fmt: skip
"""What ``preset: paper`` puts in place of what is not given: the paper's numbers for FFHQ (3.3, 4.6), a plain loop."""


def _numbers(value: Any) -> Any:
    """Text like "0.1,0.3" → its parts; anything else stays."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _of_a_world(settings: Any) -> bool:
    """Whether a world gives real images or backgrounds."""
    return any(place.startswith("world:") for place in (settings.images, settings.backgrounds))


FirstResolution = Annotated[int | Literal["auto"], Metavar("INTEGER|auto")]
Phis = Annotated[tuple[Fraction, ...], BeforeValidator(_numbers), Metavar("N,N,…")]
Momentum = Annotated[float, Field(ge=0, lt=1)]


class TrainAlphaSettings(StageSettings):
    """Settings of ``train-alpha`` in the paper's symbols; None: as the preset says, see ``alpha_preset``.

    ``preset: paper`` is filled in at once, ``preset: auto`` when the generator is known.
    """

    SECTION: ClassVar = "train-alpha"

    NEEDS: ClassVar = {
        "world_images": Needs("images", _of_a_world, "world:NAME as images or backgrounds"),
        "background_psi": beside("backgrounds", "--backgrounds generator", "generator"),
        "edge_scale": beside("lambda_4", "--lambda-4 above 0"),
        "edge_ramp": beside("lambda_4", "--lambda-4 above 0"),
        "phi_1": unless("lambda_2", "--lambda-2 above 0", 0),
        "phi_2": unless("lambda_3", "--lambda-3 above 0", 0),
        "r1_every": unless("r1", "--r1 above 0", 0),
        "crops": unless("switched_off", "--switched-off channels:SHARE", *LAYERS, AUTO),
        "channels_of": beside("switched_off", f"--switched-off {AUTO}", AUTO),
        "cut_samples": unless("cut_rounds", "--cut-rounds above 0", 0),
        "teaching_iterations": unless("cut_rounds", "--cut-rounds above 0", 0),
    }

    generator: Generator = "vessels"
    images: Images = "world:vessels"
    world_images: WorldImages = 16000
    mirror: Mirror = False
    content_rows: ContentRows = None
    preset: Literal["auto", "paper"] = Field(
        "auto",
        description="where what is not given comes from; auto: chosen for the generator, in phases; paper: as for FFHQ",
    )
    first_resolution: FirstResolution | None = Field(
        None, description="coarsest features that the alpha network looks at; auto: as analyze layers finds; paper: 32"
    )
    iterations: int | None = Field(
        None, gt=0, le=10**7, description="steps of both networks; preset auto: at most, unless given; paper: 1000"
    )
    batch_size: int = Field(8, gt=0, le=4096, description="images per step, over all processes and parts")
    accumulate: int = Field(1, gt=0, le=1024, description="parts of a batch, one after the other, to save memory")
    alpha_learning_rate: Rate | None = Field(None, description="Adam's rate for the alpha network; paper: 0.0002")
    discriminator_learning_rate: Rate | None = Field(
        None, description="Adam's rate for the discriminator; paper: 0.0002"
    )
    beta_1: float = Field(0.0, ge=0, lt=1, description="Adam's β1, both networks")
    alpha_beta_2: float = Field(0.99, ge=0, lt=1, description="Adam's β2 for the alpha network")
    discriminator_beta_2: float = Field(0.99, ge=0, lt=1, description="Adam's β2 for the discriminator")
    anneal: Fraction = Field(0.0, description="last share of the run in which both rates fall to 0, a half cosine")
    adversarial_weight: Weight | None = Field(
        None, description="weight of the alpha network's adversarial loss; paper: 0.1"
    )
    lambda_1: Weight | None = Field(
        None, description="weight λ1 of B(M), against masks that are not decisive; paper: 1.2"
    )
    lambda_2: Weight | None = Field(None, description="weight λ2 of C(M), against empty masks; paper: 0")
    phi_1: Fraction | None = Field(None, description="φ1: least share of foreground that C(M) asks for; paper: 0.25")
    lambda_3: Weight | None = Field(None, description="weight of E(M), against masks that are all foreground; paper: 3")
    phi_2: Fraction | None = Field(None, description="φ2: least share of background that E(M) asks for; paper: 0.4")
    lambda_4: Weight = Field(
        0.0, description="weight of S(M, G), against edges of the mask where the foreground has none"
    )
    edge_scale: float = Field(
        0.3, gt=0, le=100, description="colour difference, of images in [-1, 1], that counts as an edge in S(M, G)"
    )
    edge_ramp: Fraction = Field(0.7, description="first share of the run in which λ4 rises from 0, as a parabola")
    r1: Weight | None = Field(None, description="weight γ of the R1 penalty; paper: 10")
    r1_every: int = Field(16, gt=0, le=10**4, description="steps from one R1 penalty to the next")
    psi: Psi = Field(1.0, description="truncation of the foreground while training")
    background_psi: Psi = Field(1.0, description="truncation of the background while training")
    backgrounds: Annotated[str, Metavar("generator|PATH|world:NAME")] = Field(
        "generator",
        description="what foregrounds are put on; generator: what it draws with something switched off; or images of "
        "such scenes without the object: their path, as --images has it",
    )
    share_z: bool = Field(False, description="one z for foreground and background, as the published code does")
    reuse_samples: bool = Field(False, description="both networks learn from the same samples of a step: faster")
    switched_off: SwitchedOff = "first_convolution"
    crops: Crops = "auto"
    channels_of: Annotated[str | None, Metavar("PATH")] = Field(
        None,
        description="alpha checkpoint that keeps the channels of channels:auto, as analyze backgrounds --images "
        "writes it",
    )
    noise: Noise = "random"
    ema_decay: Momentum | None = Field(None, description="decay per step of the averaged alpha network; paper: 0.99778")
    discriminator_width: float | None = Field(
        None, gt=0, le=8, description="discriminator's channels over the generator's; paper: 1"
    )
    minibatch_group: int = Field(4, gt=0, le=64, description="images per minibatch standard deviation")
    phi_2_heads: Phis | None = Field(
        None,
        description="preset auto: φ2 of each alpha network that is tried; default: around phi_2 if that is not given",
    )
    choosing_iterations: int | None = Field(
        None, ge=0, le=10**6, description="preset auto: steps in which the alpha networks are tried side by side"
    )
    patience: int | None = Field(
        None, ge=0, le=10**4,
        description="preset auto: measurements without better masks after which iterations end; 0: never",
    )  # fmt: skip
    cut_rounds: int | None = Field(
        None, ge=0, le=100, description="preset auto: rounds in which an alpha network learns from colour cuts; 0: off"
    )
    cut_samples: int | None = Field(
        None, ge=0, le=10**6, description="preset auto: generated samples that are cut and learned from in a round"
    )
    teaching_iterations: int | None = Field(
        None, ge=0, le=10**6, description="preset auto: steps in which an alpha network learns a round's cuts"
    )
    seed: Seed = 0
    precision: Precision = Field("float32", description="arithmetic of the discriminator")
    device: Device = "auto"
    graphs: Graphs = None
    log_every: int = Field(10, gt=0, le=10**6, description="steps from one line of log.jsonl to the next")
    sheet_every: int = Field(100, gt=0, le=10**6, description="steps from one sheet in samples/ to the next")
    checkpoint_every: int = Field(100, gt=0, le=10**6, description="steps from one checkpoint to the next")
    keep_checkpoints: int = Field(2, gt=0, le=10**6, description="checkpoints that are kept, the newest")

    FREE: ClassVar = frozenset({"log_every", "sheet_every", "checkpoint_every", "keep_checkpoints", "graphs"})
    """What a continued run may change: no weight depends on it."""

    @model_validator(mode="after")
    def _backgrounds_have_codes(self) -> Self:
        if self.share_z and self.backgrounds != "generator":
            raise ValueError("share_z wants backgrounds that the generator draws, and images are given")
        return self

    @model_validator(mode="before")
    @classmethod
    def _as_in_the_paper(cls, values: Any) -> Any:
        """Fill in what ``preset: paper`` says, which depends on nothing."""
        if not isinstance(values, Mapping) or values.get("preset") != "paper":
            return values
        return {**PAPER, **{name: value for name, value in values.items() if value is not None or name not in PAPER}}

    @field_validator("first_resolution", mode="before")
    @classmethod
    def _power_of_two(cls, value: Any) -> Any:
        if value is None or value == "auto":
            return value
        number = int(value) if isinstance(value, (int, str)) and str(value).isdigit() else 0
        if number < 8 or number & (number - 1):  # at 4 px there is one map of features, and a level has two
            raise ValueError("8, 16, 32, … or auto")
        return number


class CompleteAlphaSettings(TrainAlphaSettings):
    """Settings of ``train-alpha`` in which nothing is left to a preset; ``with_alpha_preset`` makes them."""

    first_resolution: int
    iterations: int
    alpha_learning_rate: Rate
    discriminator_learning_rate: Rate
    adversarial_weight: Weight
    lambda_1: Weight
    lambda_2: Weight
    phi_1: Fraction
    lambda_3: Weight
    phi_2: Fraction
    r1: Weight
    ema_decay: Momentum
    discriminator_width: float
    phi_2_heads: Phis
    choosing_iterations: int
    patience: int
    cut_rounds: int
    cut_samples: int
    teaching_iterations: int
