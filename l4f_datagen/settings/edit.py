"""Settings of ``edit``."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator

from .base import Alpha, Device, Generator, Metavar, Psi, StageSettings
from .needing import beside, unless
from .ranges import chosen_numbers

Layers = Annotated[
    str, Metavar("all|FIRST-LAST|…"), Field(description="layers of w+ that change: all, or 0-3, or 0-2,7")
]
MOST_LAYERS = 1000
"""More than any generator has: settings know their spelling, the generator then says how many it has."""
_MOST_STEPS = 1000


class EditSettings(StageSettings):
    """Settings of ``edit``."""

    SECTION: ClassVar = "edit"

    NEEDS: ClassVar = {
        "psi": unless("codes", "--seeds"),
        "keys": beside("codes", "--codes"),
        "inpaint": unless("inpaint_onnx", "no --inpaint-onnx"),
        "milliseconds": beside("gif", "--gif"),
    }

    direction: Annotated[str, Metavar("sefa:K|pca:K|FILE")] = Field(
        description="what changes: sefa:K or pca:K, the K-th direction found in the generator, from 0; or a .npy, .pt "
        "or .safetensors file (FILE#NAME: that tensor of it) of one direction or of a w+ per step"
    )
    generator: Generator = "vessels"
    alpha: Alpha = None
    seeds: Annotated[tuple[int, ...], Metavar("SEED,SEED,…")] = Field(
        (), description="samples to edit: those that generate draws first with these seeds; default: 0,1,2,3"
    )
    codes: Annotated[str | None, Metavar("FOLDER")] = Field(
        None, description="projected photographs to edit: a folder that project wrote"
    )
    keys: Annotated[tuple[str, ...], Metavar("KEY,KEY,…")] = Field(
        (), description="which of them; may be given several times; default: all"
    )
    layers: Layers = "all"
    strength: Annotated[float | None, Metavar("NUMBER")] = Field(
        None,
        ge=-1000,
        le=1000,
        description="steps go from -NUMBER to NUMBER, in standard deviations of w along the direction, for a "
        "direction from a file in its own length; for a list of w+ a factor  [default: 2, for a list 1]",
    )
    steps: int | None = Field(None, ge=1, le=_MOST_STEPS, description="number of steps  [default: 7]")
    strengths: Annotated[tuple[float, ...], Metavar("NUMBER,NUMBER,…")] = Field(
        (), description="the steps one by one, in place of strength and steps"
    )
    psi: Psi = Field(0.7, description="truncation of the samples of seeds, in [0, 1.5]")
    noise: Literal["const", "none"] = Field("const", description="noise inputs of the generator")
    threshold: float = Field(0.5, gt=0, le=1, description="alpha from which a pixel is foreground in the mask")
    margin: Annotated[int | None, Metavar("PIXELS")] = Field(
        None, ge=0, le=1024, description="pixels around a mask that may change too  [default: a 32nd of the side]"
    )
    inpaint: Literal["telea", "ns"] = Field(
        "telea", description="what completes the background where the foreground stood: OpenCV's two ways"
    )
    inpaint_onnx: Annotated[str | None, Metavar("FILE")] = Field(
        None, description="an ONNX model that completes it: an image and a mask → an image"
    )
    gif: bool = Field(False, description="also write KEY/edit.gif, plain edit and kept background side by side")
    milliseconds: int = Field(150, ge=20, le=10_000, description="how long the GIF shows a step")
    batch_size: int = Field(8, gt=0, le=4096, description="steps per forward pass")
    device: Device = "auto"

    FREE: ClassVar = frozenset({"seeds", "codes", "keys", "batch_size"})
    """What a continued folder may change: they say whose edits are made, each of which is in a folder of its own."""

    @field_validator("seeds", mode="before")
    @classmethod
    def _ranges(cls, value: Any) -> Any:
        """Accept "0-3,7", and for one seed 3."""
        if isinstance(value, str):
            return chosen_numbers(value, 10_000)
        return (value,) if isinstance(value, int) else value

    @field_validator("strengths", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        """Accept "3,7", and for one value 3."""
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return (value,) if isinstance(value, (int, float)) else value

    @field_validator("keys", mode="before")
    @classmethod
    def _one(cls, value: Any) -> Any:
        """Accept one text."""
        return (value,) if isinstance(value, str) else value

    @field_validator("seeds")
    @classmethod
    def _are_seeds(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if any(not 0 <= seed < 2**63 for seed in value) or len(set(value)) != len(value):
            raise ValueError("numbers of 0 or more, each once, such as 3,7 or 0-3")
        return value

    @field_validator("strengths")
    @classmethod
    def _not_too_many(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if len(value) > _MOST_STEPS or any(abs(strength) > 1000 for strength in value):
            raise ValueError(f"at most {_MOST_STEPS} numbers from -1000 to 1000")
        return value

    @field_validator("layers")
    @classmethod
    def _are_layers(cls, value: str) -> str:
        chosen_layers(value, MOST_LAYERS)
        return value


def chosen_layers(layers: str, count: int) -> tuple[int, ...]:
    """The layers that "all", "3" or "0-2,7" stand for, ascending.

    Args:
        count: layers that there are.

    Raises:
        ValueError: it is none of these, or there is no such layer.
    """
    if layers.strip() == "all":
        return tuple(range(count))
    try:
        chosen = sorted(set(chosen_numbers(layers, count)))
    except ValueError:
        raise ValueError(f"all, or ranges of the layers 0 to {count - 1} such as 0-3 or 0-2,7") from None
    if chosen[-1] >= count:
        raise ValueError(f"layers from 0 to {count - 1}")
    return tuple(chosen)
