"""Encoders of pSp, e4e and ReStyle, told by the names and shapes of their tensors. They cannot be used here.

Their files hold the generator too (``decoder``), which can.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from .assembly.names import State, find

REMEDY = (
    "name a run of l4f-datagen train-encoder, which trains one for any generator, or leave --encoder out and let "
    "project search; a generator in such a file can be used"
)
"""What to do where such an encoder was given."""
_IR_STYLES = ("input_layer.0.weight", "body.0.res_layer.0.weight", "styles.0.convs.0.weight")
_IR_LINEAR = ("input_layer.0.weight", "body.0.res_layer.0.weight", "linear.weight")
_RESNET_STYLES = ("conv1.weight", "bn1.weight", "styles.0.convs.0.weight")
_CUT = ("encoder.input_layer.0.weight",)
_FAMILIES = {
    "Encoder4Editing": "e4e", "ProgressiveBackboneEncoder": "ReStyle", "ResNetProgressiveBackboneEncoder": "ReStyle",
    "BackboneEncoder": "ReStyle", "ResNetBackboneEncoder": "ReStyle", "GradualStyleEncoder": "pSp",
    "BackboneEncoderUsingLastLayerIntoW": "pSp", "BackboneEncoderUsingLastLayerIntoWPlus": "pSp",
}  # fmt: skip
"""Families by the ``encoder_type`` among the options of a training; one that is trained in turns is ReStyle's."""
_TURNS = "n_iters_per_batch"
_RGB, _MOST_CODES = 3, 18


@dataclass(frozen=True)
class ForeignEncoder:
    """What is known of one."""

    family: str
    """"pSp", "e4e", "ReStyle", or "pSp or e4e", whose tensors have the same names."""
    codes: int | None
    """Codes that it gives for an image, one per layer of the generator; None: the tensors do not say."""

    def __str__(self) -> str:
        """Ends the phrase "got …"."""
        article = "an" if self.family.startswith("e4e") else "a"
        size = f" for {4 << (self.codes - 2) // 2} px" if self.codes and self.codes % 2 == 0 else ""
        return f"{article} {self.family} encoder{size}"


def find_encoder(data: object) -> ForeignEncoder | None:
    """The encoder of one of these families in the content of a file; None if there is none."""
    found = find(data, _IR_STYLES, _IR_LINEAR, _RESNET_STYLES, _CUT)
    if found is None:
        return None
    heads = {name.split(".")[1] for name in found.tensors if name.startswith("styles.")}
    count = len(heads) if 2 <= len(heads) <= _MOST_CODES else None
    return ForeignEncoder(_family(found), count)


def _family(found: State) -> str:
    options = found.beside("opts")
    options = getattr(options, "state", None) or options  # a pickled argparse.Namespace
    if isinstance(options, Mapping):
        if _TURNS in options:
            return "ReStyle"
        if family := _FAMILIES.get(str(options.get("encoder_type"))):
            return family
    first = found.tensors.get("input_layer.0.weight", found.tensors.get("encoder.input_layer.0.weight"))
    shape = getattr(first, "shape", None)
    if shape is None or (len(shape) == 4 and shape[1] == 2 * _RGB):
        return "ReStyle"  # it looks at the image and at its last answer; or has another trunk
    if "styles.0.convs.0.weight" in found.tensors:
        # One head looks at a map of its own size in pSp and e4e, at the coarsest one in ReStyle.
        return "pSp or e4e" if "latlayer1.weight" in found.tensors else "ReStyle"
    return "pSp" if "linear.weight" in found.tensors else "pSp or e4e"
