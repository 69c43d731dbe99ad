"""Settings of ``evaluate``."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from .base import Alpha, Device, Generator, Metavar, Noise, Psi, Seed, StageSettings
from .instances import AREA, SCORE, ObjectArea, ReferenceClasses, ReferenceScore
from .needing import a_world, beside, unless
from .switching import LAYERS, SwitchedOff


def _split(value: Any) -> Any:
    """Text like "0.7,1.0" → its parts; anything else stays."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


Threshold = Annotated[float, Field(gt=0, le=1)]
Class = Annotated[int, Field(ge=0, le=254)]
Psis = Annotated[tuple[Psi, ...], BeforeValidator(_split), Field(min_length=1)]
Thresholds = Annotated[tuple[Threshold, ...], BeforeValidator(_split), Field(min_length=1)]
Classes = Annotated[tuple[Class, ...], BeforeValidator(_split)]
Colour = Annotated[tuple[float, float, float], BeforeValidator(_split)]
Positive = Annotated[float, Field(gt=0)]
Spread = Annotated[tuple[Positive, Positive, Positive], BeforeValidator(_split)]
Reasons = Annotated[tuple[Literal["empty", "several"], ...], BeforeValidator(_split)]


class _Counting(StageSettings):
    """How counts become a table."""

    resamples: int = Field(1000, ge=0, le=10**6, description="bootstrap resamples of the images for 95 % intervals")
    worst: int = Field(5, ge=0, le=10**6, description="images with the lowest mIoU to list")
    seed: Seed = 0


class InstanceSettings(StageSettings):
    """Which detections of an instance reference count."""

    reference_score: ReferenceScore = SCORE
    reference_classes: ReferenceClasses = ()
    reference_images: Annotated[str | None, Metavar("FILE|index")] = Field(
        None,
        description="the COCO file that numbers the images of a list of detections; index: its numbers are samples'",
    )


class JudgingSettings(InstanceSettings):
    """How a reference that gives instances judges samples that are there."""

    object_area: ObjectArea = AREA
    device: Device = "auto"


class SegmentingSettings(_Counting, InstanceSettings):
    """How a network that is not ours is asked, and what of its answer is foreground."""

    foreground_classes: Classes = Field(
        (), description="classes of the segmenters that are foreground; default: all but 0"
    )
    onnx_layout: Literal["auto", "nchw", "nhwc"] = Field("auto", description="order of an ONNX model's input axes")
    onnx_mean: Colour | None = Field(
        None,
        description="subtracted from the ONNX model's input in [0, 1]; default: as its metadata says, else ImageNet's",
    )
    onnx_std: Spread | None = Field(None, description="what it is then divided by; default: likewise")
    onnx_size: int | None = Field(None, gt=0, le=8192, description="input side of an ONNX model; default: as it says")
    onnx_output: str | None = Field(None, description="name of the ONNX output with the scores; default: the first")
    onnx_logits: bool = Field(False, description="whether a single-channel ONNX output lacks its sigmoid")
    reference_threshold: Threshold | None = Field(
        None,
        description="value of an ONNX model's single channel or instance, after a sigmoid, from which a pixel counts; "
        "default: as its metadata says, else 0.5",
    )
    batch_size: int = Field(8, gt=0, le=4096, description="images per forward pass")
    device: Device = "auto"
    resize: bool = Field(False, description="whether a folder's masks are resized to the images")
    baselines: bool = Field(
        False,
        description="whether to measure what needs no training too: GrabCut, k-means, spectral clustering, differences "
        "to a background; of generated images also latent directions that part brightness",
    )


class _Reading(StageSettings):
    """How mask files are read."""

    values: Literal["auto", "index", "grey"] = Field(
        "auto", description="what grey mask files hold: class indices, or black and white"
    )


class MasksSettings(_Counting, _Reading):
    """How masks of two sides are compared."""

    resize: bool = Field(False, description="whether predictions of another size are resized to the truth's")
    prediction_classes: Classes = Field((), description="class indices that are foreground there; default: 1 of two")
    truth_classes: Classes = Field((), description="class indices that are foreground there; default: 1 of two")
    allow_missing: bool = Field(False, description="whether masks without a partner are left out instead of refused")


class EvaluateMasksSettings(MasksSettings, JudgingSettings):
    """Settings of ``evaluate masks``."""


class HandMasksSettings(MasksSettings):
    """Settings of the stage ``evaluate masks``, which holds an experiment's data set against masks by hand."""

    SECTION: ClassVar = "evaluate masks"

    truth: Annotated[str, Metavar("FOLDER")] = Field(
        description="masks by hand of some samples, by their keys: 000000012.png, or a data set"
    )
    allow_missing: bool = Field(True, description="whether only some samples are masked by hand, as is usual")


class EvaluateAlphaSettings(SegmentingSettings):
    """Settings of ``evaluate alpha``."""

    SECTION: ClassVar = "evaluate alpha"
    NEEDS: ClassVar = {
        "refine_epsilon": beside("refine", "--refine PIXELS"),
        "switched_off": beside("baselines", "--baselines"),
        "object_area": beside("reject", "--reject empty or several"),
    }
    RECOMMENDED: ClassVar = ("threshold", "refine", "refine_epsilon", "switched_off", "noise")
    """The values of ψ that are measured at are the paper's, whatever is best."""

    n: int = Field(1000, gt=0, le=10**6, description="samples per psi")
    generator: Generator = "vessels"
    alpha: Alpha = None
    psi: Psis = Field((0.7, 1.0), description="truncations, each a table row")
    threshold: Thresholds = Field((0.9,), description="alphas from which a pixel is foreground, each a table row")
    refine: int = Field(0, ge=0, le=64, description="as in generate: draw outlines to edges within this many pixels")
    refine_epsilon: float = Field(0.001, gt=0, le=1, description="as in generate: variance of colours that is no edge")
    noise: Noise = "const"
    switched_off: SwitchedOff = Field(
        "first_convolution", description="layer that is zeroed for the background of the difference baseline"
    )
    reject: Reasons = Field(
        ("empty", "several"), description="samples to reject: the reference sees nothing, or several objects"
    )
    object_area: ObjectArea = Field(
        AREA, description="share of the pixels from which an instance, or a part of the reference's mask, is an object"
    )


class EvaluateSegmenterSettings(SegmentingSettings, _Reading):
    """Settings of ``evaluate segmenter``."""

    SECTION: ClassVar = "evaluate segmenter"
    NEEDS: ClassVar = {"size": a_world("images")}

    images: Annotated[str, Metavar("FOLDER|PATH|world:NAME|generator:PATH")] = Field(
        description="labelled images: a folder (perhaps with --masks), a data set folder, a COCO file, tars, Parquet "
        "files, world:NAME or generator:PATH, whose samples are drawn"
    )
    masks: Annotated[str | None, Metavar("FOLDER")] = Field(
        None, description="folder of the true masks, for a folder of images"
    )
    mask_classes: Classes = Field((), description="class indices of those that are foreground; default: 1 of two")
    allow_empty: bool = Field(False, description="whether to take true masks of which none holds any foreground")
    n: int | None = Field(
        None, gt=0, le=10**9, description="images, the first ones; default: all, 1000 of a world or a generator"
    )
    size: int = Field(64, ge=4, le=4096, description="height and width of a world's images in pixels")
    supervised: Annotated[str | None, Metavar("PATH")] = Field(
        None, description="segmenter trained on real masks, which the others are held to"
    )


class EvaluateProjectionSettings(EvaluateSegmenterSettings):
    """Settings of ``evaluate projection``: those of ``evaluate segmenter``, whose images are the photographs here."""

    SECTION: ClassVar = "evaluate projection"


class EvaluateFrechetSettings(StageSettings):
    """Settings of ``evaluate frechet``."""

    SECTION: ClassVar = "evaluate frechet"
    NEEDS: ClassVar = {"alpha": unless("switched_off", "--switched-off channels:SHARE", *LAYERS)}

    features: Annotated[str, Metavar("PATH")] = Field(
        description="network of the features: NVIDIA's inception-2015-12-05.pt, another TorchScript file, or a "
        "segmenter for its encoder"
    )
    trust_features: bool = Field(
        False, description="whether to run a TorchScript file that is not the known Inception file"
    )
    n: int | None = Field(None, gt=1, le=10**7, description="images per set, the first ones; default: all, 10000 drawn")
    size: int | None = Field(None, ge=4, le=8192, description="side to crop and resize images to; default: as they are")
    psi: Psi = Field(1.0, description="truncation of a generator:PATH and of backgrounds:PATH")
    noise: Noise = Field("const", description="noise inputs of a generator:PATH and of backgrounds:PATH")
    switched_off: SwitchedOff = "first_convolution"
    alpha: Alpha = Field(
        None,
        description="alpha checkpoint that keeps the channels of channels:SHARE for backgrounds:PATH; default: they "
        "are found as train-alpha finds them",
    )
    kid_subsets: int = Field(100, gt=0, le=10**5, description="subsets that KID is the mean over")
    kid_subset_size: int = Field(1000, gt=1, le=10**6, description="images per subset; all of a smaller set")
    seed: Seed = 0
    batch_size: int = Field(32, gt=0, le=4096, description="images per forward pass")
    device: Device = "auto"
