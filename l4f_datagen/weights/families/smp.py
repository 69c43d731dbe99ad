"""Segmenters of segmentation_models_pytorch: ``smp:Unet/resnet34``."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from ...errors import UserError
from ...networks.wrapped import Wrapped
from ...short import short
from ..family import Family, library

_ENCODER = re.compile(r"[\w.-]+")
"""Names of encoders. With a colon, one would be fetched from elsewhere."""


class OfModelsPytorch(Wrapped):
    """A network of segmentation_models_pytorch, with random weights unless a file gives its encoder others."""

    @property
    def pretrainable(self) -> nn.Module:
        encoder = self.model.encoder
        assert isinstance(encoder, nn.Module), "every model of the library has an encoder"
        return encoder

    def ask(self, image: Tensor) -> Tensor:
        return self.model(image)

    def ask_deepest(self, image: Tensor) -> Tensor:
        return self.pretrainable(image)[-1]


class ModelsPytorch(Family):
    """Decoders of that library on its encoders, those of timm (``tu-…``) among them."""

    forms = "DECODER/ENCODER of segmentation_models_pytorch, Unet/resnet34 say"

    def begin(self, what: str, *, classes: int, size: int) -> tuple[Wrapped, tuple[str, ...]]:
        known = library(f"arch smp:{what}", "segmentation_models_pytorch", "smp")
        decoders = sorted(cls.__name__ for cls in known.MODEL_ARCHITECTURES_MAPPING.values())
        decoder, _, encoder = what.partition("/")
        if decoder.lower() not in known.MODEL_ARCHITECTURES_MAPPING or not _ENCODER.fullmatch(encoder):
            raise UserError(
                "arch", got=f"smp:{short(what)}", expected=f"smp:DECODER/ENCODER with one of {', '.join(decoders)}",
                remedy="smp:Unet/resnet34 is one",
            )  # fmt: skip
        try:
            return self.again({"name": f"smp:{what}", "classes": classes}, foreground=None, size=size), ()
        except (KeyError, ValueError, RuntimeError) as error:  # the library's and timm's own
            raise UserError(
                "arch", got=f"smp:{short(what)}, which the library cannot make ({short(error, 200)})",
                expected=self.forms, remedy="choose another encoder, resnet34 say",
            ) from error  # fmt: skip

    def again(
        self, architecture: Mapping[str, Any], *, foreground: Sequence[int] | None, size: int | None
    ) -> OfModelsPytorch:
        name, classes = str(architecture["name"]), int(architecture["classes"])
        known = library(f"the segmenter {short(name)}", "segmentation_models_pytorch", "smp")
        decoder, _, encoder = name.partition(":")[2].partition("/")
        if not _ENCODER.fullmatch(encoder):
            raise ValueError(f"an encoder {short(encoder)}")
        model = known.create_model(decoder, encoder_name=encoder, encoder_weights=None, classes=classes)
        looks = {key: architecture[key] for key in ("mean", "std") if key in architecture}
        return OfModelsPytorch(
            model, name=f"smp:{type(model).__name__}/{encoder}", title=f"{type(model).__name__} on {encoder}",
            classes=classes, configuration={}, foreground=foreground, size=size, **looks,
        )  # fmt: skip
