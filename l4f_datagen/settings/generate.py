"""Settings of ``generate``, and which of them make a data set another one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from .base import Alpha, Device, Generator, Metavar, Noise, Psi, Seed
from .classes import DrawnClasses
from .instances import AREA, SCORE, ObjectArea, ReferenceClasses, ReferenceScore
from .needing import LOSSY, beside
from .reject_list import Rejected
from .sharded import ImageFormat, MaskValues, Quality, SamplesPerShard, Sharded, split_names
from .switching import SwitchedOff

Extra = Literal["foreground", "background", "cutout", "w"]


@dataclass(frozen=True)
class Selection:
    """What a setting does to the samples, as a data set's card says it; ``{}`` stands for the setting's value."""

    card: str


class Rejects(Selection):
    """A filter: it rejects candidates. A rejected one counts under the first filter that it fails, in their order."""


class Changes(Selection):
    """It changes masks."""


_MAY_BE_NONE = (
    "min_area", "max_area", "max_components", "min_decisiveness", "min_stability", "ignore_band", "reference",
)  # fmt: skip
_OF_THE_REFERENCE = ("reference_score", "reference_classes", "object_area")
REFERENCE = ("reference", *_OF_THE_REFERENCE)
"""Settings of the reference; ``dataset.json`` has them where there is one."""


_DRAWN = beside("backgrounds", "--backgrounds generator", "generator")
ResolvedPrecision = Literal["float32", "tf32", "half"]


class GenerateSettings(Sharded):
    """Settings of ``generate``. What a data set contains depends on these alone."""

    SECTION: ClassVar = "generate"
    FIRST: ClassVar = frozenset((
        "n", "generator", "alpha", "seed", "psi", "background_psi", "threshold", "refine", "refine_epsilon", "blend",
        "switched_off", "noise", "backgrounds", "min_area", "max_area", "max_components", "reject_border",
        "min_decisiveness", "min_stability", "largest_component", "fill_holes", "ignore_band", "batch_size",
        "samples_per_shard", "image_format", "quality", "save", "device",
    ))  # fmt: skip

    NEEDS: ClassVar = {
        "refine_epsilon": beside("refine", "--refine PIXELS"),
        "background_psi": _DRAWN, "switched_off": _DRAWN, "quality": LOSSY,
    }  # fmt: skip
    RECOMMENDED: ClassVar = (
        "psi", "background_psi", "threshold", "refine", "refine_epsilon", "blend", "switched_off", "noise", "min_area",
        "max_area", "max_components", "reject_border", "min_decisiveness", "min_stability", "largest_component",
        "fill_holes", "ignore_band",
    )  # fmt: skip
    """Settings whose best values depend on the networks."""

    n: int = Field(1000, gt=0, le=10**9, description="number of samples")
    generator: Generator = "vessels"
    class_: DrawnClasses = None
    alpha: Alpha = None
    seed: Seed = 0
    psi: Psi = Field(0.7, description="truncation of the foreground, in [0, 1.5]")
    background_psi: Psi = Field(1.0, description="truncation of the background, in [0, 1.5]")
    threshold: float = Field(0.9, gt=0, le=1, description="alpha from which a pixel is foreground in the mask")
    refine: Annotated[
        int, Metavar("PIXELS"), Changes("outlines lie on edges of the image within {} pixels (guided filter)")
    ] = Field(0, ge=0, le=64, description="draw outlines to edges of the image within this many pixels; 0: leave them")
    refine_epsilon: float = Field(
        0.001, gt=0, le=1, description="variance of colours in [0, 1] below which refine sees no edge"
    )
    blend: Literal["alpha", "mask"] = Field("alpha", description="what the composite is blended with")
    switched_off: SwitchedOff = "first_convolution"
    noise: Noise = "const"
    backgrounds: Annotated[str, Metavar("generator|PATH")] = Field(
        "generator",
        description="generator, or images of yours: their path, or folder:, tars:, zip: or parquet: and their path",
    )
    min_area: Annotated[float | None, Rejects("masks cover at least {} of the image")] = Field(
        None, ge=0, le=1, description="reject masks that cover less of the image"
    )
    max_area: Annotated[float | None, Rejects("masks cover at most {} of the image")] = Field(
        None, ge=0, le=1, description="reject masks that cover more of the image"
    )
    max_components: Annotated[int | None, Rejects("masks have no more components than {}")] = Field(
        None, ge=1, le=10**6, description="reject masks of more components"
    )
    reject_border: Annotated[bool, Rejects("no mask touches the image's border")] = Field(
        False, description="reject masks that touch the image's border"
    )
    min_decisiveness: Annotated[float | None, Rejects("`decisiveness` is at least {}")] = Field(
        None, ge=0, le=1, description="reject alphas whose mean |2α − 1| is lower"
    )
    min_stability: Annotated[float | None, Rejects("`stability` is at least {}")] = Field(
        None, ge=0, le=1, description="reject masks whose IoU over the thresholds ± 0.1 is lower"
    )
    reject_list: Annotated[Rejected, Rejects("the candidates that a list of {} entries names are left out")] = Field(
        None, description="leave out the candidates that this file lists, as gallery saves it; others take their place"
    )
    reference: Annotated[str | None, Metavar("FILE.onnx")] = Field(
        None, description="reject samples in which this detector with masks finds no object, or several"
    )
    reference_score: ReferenceScore = SCORE
    reference_classes: ReferenceClasses = ()
    object_area: ObjectArea = AREA
    largest_component: Annotated[bool, Changes("only the largest component of each mask is kept")] = Field(
        False, description="keep the largest component of each mask only"
    )
    fill_holes: Annotated[bool, Changes("holes in the masks are filled")] = Field(
        False, description="make foreground of background that foreground encloses"
    )
    ignore_band: Annotated[
        tuple[float, float] | None, Metavar("LOW,HIGH"), Changes("where alpha is within {}, masks are 255")
    ] = Field(None, description="alphas from LOW to HIGH become 255 in the mask, which trainers ignore")
    batch_size: int = Field(8, gt=0, le=4096, description="samples per forward pass")
    samples_per_shard: SamplesPerShard = 1000
    image_format: ImageFormat = Field("jpg", description="format of the composites")
    quality: Quality = 95
    mask_values: MaskValues = "01"
    save: Annotated[tuple[Extra, ...], Metavar("foreground,background,cutout,w")] = Field(
        (), description="what to keep beside composite and masks"
    )
    device: Device = "auto"
    precision: Literal["auto", "float32", "tf32", "half"] = Field(
        "auto",
        description="arithmetic of the networks; auto: half on CUDA devices, float32 elsewhere; tf32: float32 whose "
        "convolutions have TensorFloat-32's digits",
    )

    @field_validator(*_MAY_BE_NONE, mode="before")
    @classmethod
    def _none(cls, value: Any) -> Any:
        """Accept "none": without the filter, though the checkpoint recommends one."""
        return None if isinstance(value, str) and value.strip().lower() == "none" else value

    @field_validator(*_OF_THE_REFERENCE)
    @classmethod
    def _of_a_reference(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse what says how a reference is asked where there is none: it would do nothing."""
        name = info.field_name or ""
        if info.data.get("reference", "") is None and value != cls.model_fields[name].default:
            raise ValueError("nothing without a reference, which --reference names")
        return value

    @field_validator("max_area")
    @classmethod
    def _above_min_area(cls, value: float | None, info: ValidationInfo) -> float | None:
        least = info.data.get("min_area")
        if value is not None and least is not None and value < least:
            raise ValueError(f"at least min_area, {least}")
        return value

    @field_validator("ignore_band", mode="before")
    @classmethod
    def _split_band(cls, value: Any) -> Any:
        """Accept "0.2,0.8"."""
        parts = tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else value
        if isinstance(parts, (list, tuple)) and len(parts) != 2:
            raise ValueError("two numbers, LOW,HIGH")
        return parts

    @field_validator("ignore_band")
    @classmethod
    def _band_within(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value is not None and not 0 < value[0] <= value[1] < 1:
            raise ValueError("0 < LOW ≤ HIGH < 1")
        return value

    @field_validator("mask_values")
    @classmethod
    def _not_ignored_and_white(cls, value: str, info: ValidationInfo) -> str:
        if value == "0255" and info.data.get("ignore_band") is not None:
            raise ValueError("01 or palette with an ignore_band: ignored pixels are 255, which is foreground in 0255")
        return value

    @field_validator("save", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        """Accept "foreground,w"."""
        return split_names(value)

    @property
    def filters(self) -> dict[str, Any]:
        """The filters that are set, with their bounds."""
        return {name: value for name in told(Rejects) if is_set(value := getattr(self, name))}


def identity(settings: GenerateSettings, checkpoints: Mapping[str, str], device: str) -> dict[str, Any]:
    """The settings on which the bytes of a data set's shards depend, names of checkpoints replaced by hashes.

    Args:
        checkpoints: SHA-256 of the generator's and the alpha network's tensors, by name.
        device: type of the resolved device, "cpu" or "cuda".

    ``n`` is not among them: a larger n extends a data set. Nor are the paths of the ``backgrounds`` and of the
    ``reference``: the engines add what tells them apart. The hash of a class's generator tells the class.
    """
    replaced = ("generator", "class", "alpha", "backgrounds", "reference")
    values = settings.identity(without=("n", *replaced, "device", "precision"))
    if (precision := resolved_precision(settings.precision, device)) != "float32":
        values["precision"] = precision  # a description without it is one of float32
    return values | {f"{name}_sha256": sha256 for name, sha256 in checkpoints.items()} | {"device": device}


def resolved_precision(precision: str, device: str) -> ResolvedPrecision:
    """What the setting ``precision`` comes to on a type of device, "cpu", "cuda" or "mps"."""
    if precision == "auto":
        return "half" if device == "cuda" else "float32"
    return "half" if precision == "half" else "tf32" if precision == "tf32" else "float32"


def told(kind: type[Selection] = Selection) -> dict[str, str]:
    """The settings that select samples or change masks, in their order, and what the card says of each."""
    fields = GenerateSettings.by_outer_name().items()
    return {name: one.card for name, field in fields for one in field.metadata if isinstance(one, kind)}


def is_set(value: Any) -> bool:
    """Whether a filter or a change is asked for. A bound of 0 is, though it equals False."""
    return value is not None and value is not False
