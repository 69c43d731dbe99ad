"""Encoders of pSp, e4e and ReStyle: told by the names and shapes of their tensors, and those of the first two read.

Their files hold the generator too (``decoder``), whose codes they give.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ..networks.encoders.style_encoder import StyleEncoder
from ..short import short
from .assembly.assemble import MAX_WIDTH, Shapes, fill
from .assembly.errors import Misfit
from .assembly.names import State, find, found_in
from .assembly.other_networks import with_counts
from .pickle.tensors import load_tensor

REMEDY = (
    "name a run of l4f-datagen train-encoder, which trains one for any generator, or leave --encoder out and let "
    "project search; a generator in such a file can be used"
)
"""What to do where such an encoder was given."""
ENCODERS = {True: "which project --encoder takes", False: "which cannot be used here"}
"""What is said of one beside the generator in its file, by whether it is ``usable``."""
_IR_STYLES = ("input_layer.0.weight", "body.0.res_layer.0.weight", "styles.0.convs.0.weight")
_IR_LINEAR = ("input_layer.0.weight", "body.0.res_layer.0.weight", "linear.weight")
_RESNET_STYLES = ("conv1.weight", "bn1.weight", "styles.0.convs.0.weight")
_CUT = ("encoder.input_layer.0.weight",)
_READ = (_IR_STYLES, _IR_LINEAR)
_FAMILIES = {
    "Encoder4Editing": "e4e", "ProgressiveBackboneEncoder": "ReStyle", "ResNetProgressiveBackboneEncoder": "ReStyle",
    "BackboneEncoder": "ReStyle", "ResNetBackboneEncoder": "ReStyle", "GradualStyleEncoder": "pSp",
    "BackboneEncoderUsingLastLayerIntoW": "pSp", "BackboneEncoderUsingLastLayerIntoWPlus": "pSp",
}  # fmt: skip
"""Families by the ``encoder_type`` among the options of a training; one that is trained in turns is ReStyle's."""
_TURNS = "n_iters_per_batch"
_RGB, _MOST_CODES = 3, 18
_CENTRE = "latent_avg"
_MOST_NUMBERS = MAX_WIDTH * _MOST_CODES
"""Numbers that one dimension of a tensor may have: codes of all layers together."""


@dataclass(frozen=True)
class ForeignEncoder:
    """What is known of one."""

    family: str
    """"pSp", "e4e", "ReStyle", or "pSp or e4e", whose tensors have the same names."""
    codes: int | None
    """Codes that it gives for an image, one per layer of the generator; None: the tensors do not say."""
    usable: bool = False
    """Whether ``read_foreign_encoder`` reads it."""

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
    family = _family(found)
    return ForeignEncoder(family, count, usable=family in ("pSp", "e4e") and find(data, *_READ) is not None)


def read_foreign_encoder(data: object) -> tuple[StyleEncoder, tuple[str, ...]]:
    """The encoder in the content of a file of pSp or e4e, frozen, and what had to be decided on the way.

    To be called for a ``usable`` one, while the file is open.

    Raises:
        Misfit: names or shapes are not those of such an encoder.
    """
    found = found_in(data, *_READ)
    tensors = with_counts({name: load_tensor(value) for name, value in found.tensors.items() if name != _CENTRE})
    try:
        with Shapes():
            shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
            if max((max(shape, default=0) for shape in shapes.values()), default=0) > _MOST_NUMBERS:
                raise Misfit(f"widths up to {max(map(max, filter(None, shapes.values())))}")
            network = StyleEncoder.of_shapes(shapes, offsets=_family(found) == "e4e")
    except KeyError as error:
        raise Misfit(f"tensor {short(error)} is missing") from error
    except (ArithmeticError, IndexError, ValueError) as error:
        raise Misfit(short(error, 160)) from error
    centre, notes = _centre(found, network)
    fill(network, {**tensors, _CENTRE: centre})
    return network, tuple(notes)


def _centre(found: State, network: StyleEncoder) -> tuple[Tensor, list[str]]:
    """What the encoder's answers are differences from, (num_ws, w_dim)."""
    zeros = torch.zeros(network.num_ws, network.w_dim)
    options, stored = _options(found), found.beside(_CENTRE)
    stated = options.get("start_from_latent_avg")
    if stated is not None and not stated:
        return zeros, []
    if stored is None:
        if stated:
            raise Misfit(f"its answers are differences from {_CENTRE}, which is missing")
        return zeros, [f"the file has no {_CENTRE}; the encoder's answers are taken for whole codes"]
    centre = load_tensor(stored).float()
    if centre.ndim == 1:
        centre = centre[None]
    if centre.ndim != 2 or centre.shape[1] != network.w_dim or len(centre) not in (1, network.num_ws):
        if centre.ndim != 2 or network.num_ws != 1 or centre.shape[1] != network.w_dim:
            raise Misfit(f"tensor {_CENTRE} has shape {short(tuple(centre.shape))}")
        centre = centre.mean(0, keepdim=True)  # repeated for every layer
    return centre.expand(network.num_ws, -1).contiguous(), []


def _options(found: State) -> Mapping:
    """The options of a training, as a dictionary or as a pickled argparse.Namespace; empty where there are none."""
    options = found.beside("opts")
    options = getattr(options, "state", None) or options
    return options if isinstance(options, Mapping) else {}


def _family(found: State) -> str:
    if options := _options(found):
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
