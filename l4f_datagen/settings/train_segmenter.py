"""Settings of ``train-segmenter``."""

from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import Field, field_validator

from ..kinds import Kinds
from .base import Device, Fraction, Graphs, Metavar, Precision, Rate, Seed, StageSettings, Weight, WorldImages
from .needing import Needs, beside, unless
from .reject_list import Rejected

ARCHITECTURES = Kinds("networks.segmenters", families="weights.families")


class WeightedSource(NamedTuple):
    """Where labelled images lie, and how often they are drawn beside others."""

    place: str
    weight: float


def _is_drawn(place: str) -> bool:
    """Whether it is a generator, which has no samples of which a share could be held out."""
    return place.startswith("generator:")


class TrainSegmenterSettings(StageSettings):
    """Settings of ``train-segmenter``. The defaults were found on the embedded 64 px networks."""

    SECTION: ClassVar = "train-segmenter"

    NEEDS: ClassVar = {
        "world_images": Needs(
            "shards", lambda s: any(place.startswith("world:") for place in s.shards), "--shards world:NAME"
        ),
        "validation": Needs(
            "shards", lambda s: not (s.held_out and s.shards) or not all(map(_is_drawn, s.shards)),
            "a data set folder or world:NAME in --shards, of which it would be a share,",
        ),
        "rounds": beside("photographs", "--photographs"),
        "students": beside("photographs", "--photographs"),
        "agreement": beside("photographs", "--photographs"),
        "validation_images": Needs("validation", lambda s: s.held_out != 0, "--validation above 0"),
        "depth": unless("arch", "--arch unet", "bisenet", "unet-resnet18"),
        "stem": unless("arch", "--arch bisenet or unet-resnet18", "unet"),
        "auxiliary_weight": unless("arch", "--arch bisenet", "unet", "unet-resnet18"),
        "scaled": beside("scale", "--scale above 0"),
    }  # fmt: skip

    shards: Annotated[tuple[str, ...], Metavar("FOLDER|world:NAME|generator:PATH[:WEIGHT]")] = Field(
        (),
        description="data set folders, world:NAME, or generator:PATH, whose samples are drawn as they are needed, "
        "each perhaps with :WEIGHT",
    )
    world_images: WorldImages = 16000
    sample_weights: Annotated[str, Metavar("FILE.csv")] = Field(
        "", description="table of keys and weights (key,weight) of samples in the loss; all others weigh 1"
    )
    without: Rejected = Field(
        None, description="leave out the samples of the data set that this file lists, as gallery saves it"
    )
    photographs: Annotated[str, Metavar("FOLDER|TARS")] = Field(
        "", description="unlabelled photographs, which segmenters label themselves and learn from, round by round"
    )
    rounds: int = Field(2, gt=0, le=20, description="most rounds of labelling the photographs and learning anew")
    students: int = Field(2, gt=0, le=16, description="segmenters that label the photographs together")
    agreement: float = Field(
        0.85, gt=0, le=1, description="mIoU of the segmenters' masks of a photograph from which its label is taken"
    )
    validation: Annotated[str, Metavar("SHARE|FOLDER|world:NAME|generator:PATH")] = Field(
        "0.05", description="data set folder, world:NAME or generator:PATH (its test split) or share of the shards"
    )
    validation_images: int = Field(500, gt=0, le=10**6, description="most images that are validated on")
    arch: Annotated[str, ARCHITECTURES] = Field(
        "unet", description="network; hf:segformer-b0 or hf:FOLDER of transformers, smp:Unet/resnet34 of that library"
    )
    encoder: Annotated[str, Metavar("FILE")] = Field(
        "", description="weights of a classifier of ImageNet that the encoder begins with: a state dict of torchvision"
    )
    classes: int = Field(2, ge=2, le=255, description="classes of the masks; beyond two, masks are taken as stored")
    width: int = Field(16, gt=0, le=512, description="channels of the first layer; ResNet-18 as published: 64")
    depth: int = Field(3, gt=0, le=8, description="halvings of a UNet")
    stem: Annotated[int | Literal["auto"], Metavar("1|2|4|auto")] = Field(
        "auto", description="reduction before ResNet-18's first stage: 1, 2, 4 (as published); auto: by the size"
    )
    size: int | None = Field(
        None, ge=8, le=4096, description="side of the training crops in pixels; default: shorter side of the images"
    )
    loss: Literal["cross_entropy", "soft"] = Field(
        "cross_entropy", description="against the mask, or against the alpha as a soft label"
    )
    threshold: float | None = Field(
        None, gt=0, le=1, description="alpha from which a generated sample is foreground; default: masks as stored"
    )
    foregrounds: Fraction | None = Field(
        None, description="share of plain foregrounds beside composites; default: 0.5 where the shards hold them"
    )
    auxiliary_weight: Weight = Field(1.0, description="weight of the loss of BiSeNet's two auxiliary heads")
    flip: Fraction = Field(0.5, description="chance to mirror an image")
    scale: float = Field(0.1, ge=0, le=4, description="images are scaled by a factor of up to 1 + this, or its inverse")
    scaled: Fraction = Field(0.5, description="chance to scale an image; others keep their pixels, which scaling blurs")
    crop: float = Field(0.1, ge=0, le=1, description="crops are moved by up to this share of their side")
    colour: Fraction = Field(0.15, description="most change of brightness, contrast, saturation and tint")
    blur: Fraction = Field(0.1, description="chance to blur an image, by a deviation of up to a pixel")
    jpeg: Fraction = Field(0.1, description="chance to compress an image as a JPEG of quality 30 to 95")
    iterations: int = Field(1000, gt=0, le=10**7, description="steps")
    batch_size: int = Field(32, gt=0, le=4096, description="images per step, over all processes")
    learning_rate: Rate = Field(3e-3, description="AdamW's highest rate")
    weight_decay: float = Field(1e-4, ge=0, le=1, description="AdamW's weight decay")
    schedule: Literal["one-cycle", "cosine"] = Field(
        "one-cycle", description="rate: a half cosine up and down, or a straight warm-up and a half cosine down"
    )
    warm_up: Fraction = Field(0.15, description="share of the run in which the rate rises")
    ema_decay: float = Field(0.99, ge=0, lt=1, description="decay per step of the averaged network")
    keep: Literal["best", "last"] = Field("best", description="which averaged network final/ holds, by mIoU")
    seed: Seed = 0
    precision: Precision = Field("float32", description="arithmetic of the network")
    device: Device = "auto"
    graphs: Graphs = None
    memory: float = Field(2.0, ge=0, le=4096, description="GiB of decoded images that may be kept in memory")
    workers: int | None = Field(
        None, ge=0, le=256, description="threads that read and augment; default: 2 beside a GPU, none beside a CPU"
    )
    validate_every: int = Field(100, gt=0, le=10**6, description="steps from one validation to the next")
    log_every: int = Field(10, gt=0, le=10**6, description="steps from one line of log.jsonl to the next")
    sheet_every: int = Field(500, gt=0, le=10**6, description="steps from one sheet in samples/ to the next")
    checkpoint_every: int = Field(100, gt=0, le=10**6, description="steps from one checkpoint to the next")
    keep_checkpoints: int = Field(2, gt=0, le=10**6, description="checkpoints that are kept, the newest")

    FREE: ClassVar = frozenset(
        {"memory", "workers", "log_every", "sheet_every", "checkpoint_every", "keep_checkpoints", "graphs"}
    )
    """What a continued run may change: no weight depends on it."""
    OF_ROUNDS: ClassVar = frozenset({"photographs", "rounds", "students", "agreement"})
    """What concerns a run with photographs alone."""

    @field_validator("shards", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        """Accept one place, or several between commas."""
        if isinstance(value, str):
            value = [value]
        if isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value):
            return tuple(part.strip() for item in value for part in item.split(",") if part.strip())
        return value

    @field_validator("shards")
    @classmethod
    def _weighted(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for item in value:
            if not 0 < parse_source(item).weight <= 1e6:
                raise ValueError("weights above 0, PATH:0.5 say")
        return value

    @field_validator("stem", mode="before")
    @classmethod
    def _stem(cls, value: Any) -> Any:
        if str(value) not in ("1", "2", "4", "auto"):
            raise ValueError("1, 2, 4 or auto")
        return value if value == "auto" else int(value)

    @field_validator("threshold", "foregrounds", "size", mode="before")
    @classmethod
    def _none(cls, value: Any) -> Any:
        return None if value == "none" else value

    @property
    def sources(self) -> tuple[WeightedSource, ...]:
        """The places of ``shards`` and their weights."""
        return tuple(map(parse_source, self.shards))

    @property
    def held_out(self) -> float | None:
        """The share of the shards that is validated on; None if ``validation`` is a place."""
        try:
            return float(self.validation)
        except ValueError:
            return None

    @field_validator("validation", mode="before")
    @classmethod
    def _share(cls, value: Any) -> Any:
        """A share below 1, or a place."""
        text = str(value) if isinstance(value, (int, float)) else value
        try:
            share = float(text)
        except (TypeError, ValueError):
            return text
        if not 0 <= share < 1:
            raise ValueError("a share of at least 0 and below 1, or a place")
        return text


def parse_source(text: str) -> WeightedSource:
    """PATH, world:NAME or generator:PATH, each perhaps with :WEIGHT."""
    place, _, weight = text.rpartition(":")
    try:
        return WeightedSource(place, float(weight)) if place else WeightedSource(text, 1.0)
    except ValueError:
        return WeightedSource(text, 1.0)
