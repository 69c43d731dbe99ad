"""Settings of ``train-generator``, and the presets that fill what is not given."""

from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import Field, field_validator

from .base import (
    ContentRows,
    Device,
    Fraction,
    Graphs,
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
from .needing import Needs, a_world, beside, unless


def power_of_two(value: Any) -> Any:
    """A resolution that blocks of twice the size make, as a number or as text; None stays.

    Raises:
        ValueError: it is none.
    """
    if value is None:
        return value
    number = int(value) if isinstance(value, (int, str)) and str(value).isdigit() else 0
    if not 8 <= number <= 4096 or number & (number - 1):
        raise ValueError("a power of two, 8, 16, 32, … 4096")
    return number


def channels_of(value: Any) -> Any:
    """Channels by resolution, from text with commas or a list; None stays.

    Raises:
        ValueError: there are none such.
    """
    if value is None:
        return value
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, (list, tuple)) or len(parts) < 2 or not all(str(p).strip().isdigit() for p in parts):
        raise ValueError("numbers with commas between them, one per resolution from 4 up")
    numbers = tuple(int(p) for p in parts)
    if not all(0 < n <= 4096 for n in numbers):
        raise ValueError("numbers from 1 to 4096")
    return numbers


SMALL_UP_TO = 128
"""Pixels up to which the small preset is the default."""


def _has_path_lengths(settings: Any) -> bool:
    """Whether the penalty is taken, or may be: the preset small has none, and the checkpoint may decide the preset."""
    if settings.path_length is not None:
        return settings.path_length > 0
    small = settings.resolution is not None and settings.resolution <= SMALL_UP_TO
    return settings.preset == "full" or (settings.preset is None and not small)


_PATH_LENGTHS = Needs("path_length", _has_path_lengths, "--path-length above 0")


class TrainGeneratorSettings(StageSettings):
    """Settings of ``train-generator``; None: as the preset says, see ``with_preset``."""

    SECTION: ClassVar = "train-generator"

    NEEDS: ClassVar = {
        "world_images": a_world("images"),
        "r1_every": unless("r1", "--r1 above 0", 0),
        **dict.fromkeys(("path_length_every", "path_length_decay", "path_length_share"), _PATH_LENGTHS),
        "noise_strength": unless("noise", "--noise random or frozen", "none"),
        "augment_p": unless("augment", "--augment ada or fixed", "off"),
        **dict.fromkeys(("ada_target", "ada_kimg", "ada_every"), unless("augment", "--augment ada", "off", "fixed")),
        "frechet_images": beside("frechet_every", "--frechet-every"),
    }

    images: Images
    world_images: WorldImages = 16000
    mirror: Mirror = False
    content_rows: ContentRows = None
    resolution: Annotated[int | None, Metavar("INTEGER")] = Field(
        None, description="height and width, 8, 16, 32, …; with grow_from twice as before"
    )
    grow_from: Annotated[str | None, Metavar("PATH")] = Field(
        None, description="run or generator checkpoint whose resolution is doubled; its weights are kept"
    )
    from_: Annotated[str | None, Metavar("PATH|NAME")] = Field(
        None, description="StyleGAN2 to go on from (transfer learning): its weights, resolution and channels"
    )
    preset: Literal["small", "full"] | None = Field(
        None, description="small: for CPUs; full: as published; default: small up to 128 px"
    )
    kimg: int | None = Field(None, gt=0, le=10**6, description="thousands of images to see, then stop")
    hours: float | None = Field(None, gt=0, le=10**5, description="hours of training, then stop, if that is sooner")
    plateau: int | None = Field(
        None, gt=0, le=10**6, description="thousands of images without a better Fréchet distance, then stop"
    )
    channels: Annotated[tuple[int, ...] | None, Metavar("N,N,…")] = Field(
        None, description="channels of the resolutions 4, 8, …, as 128,128,64"
    )
    z_dim: int | None = Field(None, gt=0, le=4096, description="numbers of a latent z, and of a w")
    mapping_layers: int | None = Field(None, gt=0, le=16, description="layers of the mapping z → w")
    batch_size: int | None = Field(None, gt=0, le=4096, description="images per step, over all processes and parts")
    accumulate: int = Field(1, gt=0, le=1024, description="parts of a batch, one after the other, to save memory")
    learning_rate: Rate | None = Field(None, description="Adam's rate for both networks")
    beta_2: float = Field(0.99, ge=0, lt=1, description="Adam's β2; β1 is 0")
    r1: Weight | None = Field(None, description="weight γ of the R1 penalty")
    r1_every: int = Field(16, gt=0, le=10**4, description="steps from one R1 penalty to the next")
    path_length: Weight | None = Field(None, description="weight of the path-length penalty")
    path_length_every: int = Field(4, gt=0, le=10**4, description="steps from one path-length penalty to the next")
    path_length_decay: float = Field(0.01, gt=0, le=1, description="how fast the target length follows the lengths")
    path_length_share: float = Field(0.5, gt=0, le=1, description="share of a batch that the penalty is taken of")
    style_mixing: Fraction | None = Field(None, description="share of samples that mix two codes while training")
    noise: Literal["random", "frozen", "none"] = Field(
        "random",
        description="noise inputs while training; frozen: drawn, but their strengths do not learn; none: not drawn",
    )
    noise_strength: float = Field(0.0, ge=0, le=1, description="strength of the noise inputs of new layers at first")
    ema_kimg: float | None = Field(None, ge=0, le=10**5, description="half-life of the averaged generator, in kimg")
    ema_ramp: float | None = Field(
        None, ge=0, le=10, description="half-life at most this share of the images seen; 0: no ramp"
    )
    augment: Literal["ada", "fixed", "off"] | None = Field(
        None, description="discriminator augmentation; ada: its probability follows the discriminator"
    )
    augment_p: float = Field(0.0, ge=0, le=1, description="probability of augmentation; ada: at the start")
    ada_target: float = Field(0.6, ge=-1, le=1, description="mean sign of real scores that ada steers to")
    ada_kimg: float | None = Field(None, gt=0, le=10**5, description="kimg in which ada can move from 0 to 1")
    ada_every: int = Field(4, gt=0, le=10**4, description="steps from one adjustment of ada to the next")
    minibatch_group: int = Field(4, gt=0, le=64, description="images per minibatch standard deviation")
    seed: Seed = 0
    precision: Precision = Field("float32", description="arithmetic of both networks")
    device: Device = "auto"
    graphs: Graphs = None
    frechet_every: int | None = Field(None, gt=0, le=10**7, description="steps between Fréchet distances")
    frechet_features: Annotated[str | None, Metavar("PATH")] = Field(
        None, description="network of their features, as in evaluate frechet"
    )
    frechet_images: int = Field(2000, gt=1, le=10**7, description="images per set of a Fréchet distance")
    log_every: int = Field(10, gt=0, le=10**6, description="steps from one line of log.jsonl to the next")
    sheet_every: int = Field(500, gt=0, le=10**6, description="steps from one sheet in samples/ to the next")
    checkpoint_every: int = Field(500, gt=0, le=10**6, description="steps from one checkpoint to the next")
    keep_checkpoints: int = Field(2, gt=0, le=10**6, description="checkpoints that are kept, the newest")

    FREE: ClassVar = frozenset(
        {"kimg", "hours", "plateau", "frechet_every", "frechet_features", "frechet_images"}
        | {"log_every", "sheet_every", "checkpoint_every", "keep_checkpoints", "graphs"}
    )
    """What a continued run may change: no weight depends on it."""

    _power_of_two = field_validator("resolution", mode="before")(power_of_two)
    _channels = field_validator("channels", mode="before")(channels_of)

    @property
    def iterations(self) -> int:
        """Steps of a run that nothing ends earlier; of settings that a preset filled."""
        assert self.kimg is not None and self.batch_size is not None, "a preset fills them"
        return -(-1000 * self.kimg // self.batch_size)


class CompleteGeneratorSettings(TrainGeneratorSettings):
    """Settings of ``train-generator`` in which nothing is left to a preset; ``with_preset`` makes them."""

    preset: Literal["small", "full"]
    resolution: int
    kimg: int
    channels: tuple[int, ...]
    z_dim: int
    mapping_layers: int
    batch_size: int
    learning_rate: Rate
    r1: Weight
    path_length: Weight
    style_mixing: Fraction
    ema_kimg: float
    ema_ramp: float
    augment: Literal["ada", "fixed", "off"]
    ada_kimg: float


class Preset(NamedTuple):
    """What a resolution decides; the images seen, batch and half-lives that go with it."""

    channels: tuple[int, ...]
    z_dim: int
    mapping_layers: int
    batch_size: int
    learning_rate: float
    r1: float
    ema_kimg: float
    kimg: int
    path_length: float
    style_mixing: float


SMALL_CHANNELS = (128, 128, 96, 64, 32, 16)
"""Channels at 4, 8, … 128 px; from 256 px on they halve no further. Those up to 128 px are the embedded vessels'."""
ENOUGH_IMAGES = 100_000
"""From here on there is none by default: ADA alone did not improve 140 000 images of FFHQ (StyleGAN2-ADA, Fig. 7)."""
TRAINED_ADA_KIMG = 100.0
ADA_KIMG = 500.0
"""As published: 500; 100 where training goes on from a network that is trained."""
EMA_RAMP = 0.05


def preset(name: str, resolution: int) -> Preset:
    """The values of a preset.

    | value | full | small |
    |---|---|---|
    | channels at r | min(512, 16384/r), from 512 px 32768/r: "auto" of StyleGAN2-ADA | the embedded vessels' |
    | z, w; mapping | 512; 2 layers: "auto" | 128; 4: the embedded vessels' |
    | batch | min(32, 4096/resolution): "auto", one GPU | 8 |
    | learning rate | 0.0025, 0.002 from 1024 px: "auto" | 0.0025 |
    | γ | 0.0002 · resolution² / batch: "auto", a heuristic | three times that |
    | half-life | 10 kimg · batch / 32: "auto" | the same |
    | path lengths, mixing | 2, 0.9: as published | none |
    | kimg | 25 000: as published | 1000, what two CPU cores do over night at 64 px |

    Where "small" has no source it was found on vessels of 64 px: after 32 000 images the Fréchet distance is a quarter
    of what batches of 16 with path lengths and mixing reach, in two thirds of the time.
    """
    levels = [4 << level for level in range(resolution.bit_length() - 2)]
    if name == "full":
        base = 32768 if resolution >= 512 else 16384
        channels = tuple(min(512, base // size) for size in levels)
        z_dim, mapping, kimg = 512, 2, 25_000
        batch = max(4, min(32, 4096 // resolution))
        rate = 0.002 if resolution >= 1024 else 0.0025
        path_length, style_mixing = 2.0, 0.9
    else:
        channels = tuple(SMALL_CHANNELS[min(level, len(SMALL_CHANNELS) - 1)] for level in range(len(levels)))
        z_dim, mapping, kimg = 128, 4, 1000
        batch, rate = 8, 0.0025
        path_length, style_mixing = 0.0, 0.0
    return Preset(
        channels, z_dim, mapping, batch, rate, r1=_gamma(name, resolution, batch), ema_kimg=_half_life(batch),
        kimg=kimg, path_length=path_length, style_mixing=style_mixing,
    )  # fmt: skip


def _gamma(name: str, resolution: int, batch: int) -> float:
    return {"full": 0.0002, "small": 0.0006}[name] * resolution**2 / batch


def _half_life(batch: int) -> float:
    return 10 * batch / 32


def with_preset(settings: TrainGeneratorSettings, *, resolution: int, images: int) -> CompleteGeneratorSettings:
    """Settings without None: what is not given is the preset's, for a resolution and a number of images."""
    name = settings.preset or ("small" if resolution <= SMALL_UP_TO else "full")
    batch = settings.batch_size
    chosen = preset(name, resolution)
    if batch is not None:  # γ and the half-life follow the batch that is used
        chosen = chosen._replace(r1=_gamma(name, resolution, batch), ema_kimg=_half_life(batch))
    trained = settings.grow_from is not None or settings.from_ is not None
    values = chosen._asdict() | {
        "preset": name,
        "resolution": resolution,
        "augment": "off" if images >= ENOUGH_IMAGES else "ada",
        "ada_kimg": TRAINED_ADA_KIMG if trained else ADA_KIMG,
        "ema_ramp": 0.0 if trained else EMA_RAMP,
    }
    given = {name: value for name, value in settings if value is not None}
    return CompleteGeneratorSettings(**(dict(settings) | values | given))
