"""NVIDIA's TensorFlow pickles of 2019 and 2020: those of StyleGAN2, and the first of StyleGAN2-ADA."""

import re
from collections.abc import Iterator, Mapping
from itertools import chain

from torch import Tensor

from ...networks.stylegan2 import Generator
from ...networks.stylegan2 import Mapping as MappingNetwork
from ...short import short
from ..assembly.assemble import W_AVG_DRAWS, build_generator, clamp_of, settled
from ..assembly.errors import Misfit, Unsupported
from ..assembly.images import check_channels, in_rgb
from ..pickle.machine import Record
from ..pickle.tensors import load_tensor
from .layout import Layout

TENSORFLOW_NETWORK = "dnnlib.tflib.network.Network"
OLD_TENSORFLOW_NETWORK = "tfutil.Network"
_FIRST_VERSION = 4
"""The version that StyleGAN2's pickles begin with; StyleGAN's have smaller ones."""
_USUAL = {
    "architecture": "skip",
    "label_size": 0,
    "mapping_lrmul": MappingNetwork.LR_MUL,
    "mapping_nonlinearity": "lrelu",
    "nonlinearity": "lrelu",
    "normalize_latents": True,
    "use_noise": True,
}
"""Options of a network, and the values that they have to have: with others it is another network."""


def recognises(data: object) -> bool:
    """Whether the content of a file holds networks in this layout."""
    return _networks(data) is not None


def read(data: object) -> tuple[Generator, tuple[str, ...]]:
    """The averaged generator in the content of a file, and what had to be decided on the way.

    Raises:
        Misfit: names or shapes are not those of a StyleGAN2 generator.
        Unsupported: it is another network; says which.
    """
    networks = _networks(data)
    if networks is None:
        raise Misfit("its networks are not there")
    notes = []
    if len(networks) != 3:
        notes.append("the file is no triple (G, D, Gs); its last network is used")
    state = _state(networks[-1])
    components = state.get("components")
    if not isinstance(components, Mapping) or not {"mapping", "synthesis"} <= components.keys():
        raise Misfit("a mapping or a synthesis network is missing")
    mapping, synthesis = _state(components["mapping"]), _state(components["synthesis"])
    options = {}
    for part in (state, mapping, synthesis):
        if isinstance(part.get("static_kwargs"), Mapping):
            options |= part["static_kwargs"]
    _check_options(options)
    own, maps, draws = (_variables(part) for part in (state, mapping, synthesis))
    _check_names(maps, draws)
    tensors = {name: settled(tensor, name) for name, tensor in chain(_mapping_tensors(maps), _synthesis_tensors(draws))}
    if "dlatent_avg" in own:
        tensors["w_avg"] = load_tensor(own["dlatent_avg"])
    else:
        notes.append(f"the file has no dlatent_avg; the centre of truncation is the mean w of {W_AVG_DRAWS} draws")
    tensors, colours = in_rgb(tensors)
    notes += colours
    return build_generator(tensors, conv_clamp=clamp_of(options.get("conv_clamp"))), tuple(notes)


def _networks(data: object) -> list[Record] | None:
    items = list(data) if isinstance(data, (tuple, list)) else [data]
    records = [item for item in items if isinstance(item, Record)]
    kinds = (TENSORFLOW_NETWORK, OLD_TENSORFLOW_NETWORK)
    whole = records and len(records) == len(items) and all(record.kind in kinds for record in records)
    return records if whole else None


def _state(network: object) -> Mapping:
    state = getattr(network, "state", None)
    if not isinstance(network, Record) or not isinstance(state, Mapping):
        raise Misfit("a network without a state")
    version = state.get("version")
    if network.kind == OLD_TENSORFLOW_NETWORK or type(version) is not int:
        raise Unsupported("a TensorFlow network from before StyleGAN (Progressive GAN)")
    if version < _FIRST_VERSION:
        raise Unsupported(
            f"a StyleGAN1 network (TensorFlow pickle of version {short(version)}; StyleGAN2's begin at 4)"
        )
    return state


def _check_options(options: Mapping) -> None:
    for name, usual in _USUAL.items():
        found = options.get(name, usual)
        # Only plain values are compared: comparing containers that a file nests in themselves may never end.
        plain = found is None or isinstance(found, (bool, int, float, str))
        if (plain and found == usual) or (name == "label_size" and plain and not found):
            continue
        if name == "label_size":
            raise Unsupported(f"a class-conditional StyleGAN2 generator (label_size {short(found, 20)})")
        told = short(found, 20, quotes=True)
        raise Unsupported(f"a StyleGAN2 generator of another kind ({name} {told}; read is {usual!r})")
    check_channels(options.get("num_channels", 3))
    kernel = options.get("resample_kernel")
    usual = isinstance(kernel, (list, tuple)) and len(kernel) == 4 and all(isinstance(k, (int, float)) for k in kernel)
    if kernel is not None and not (usual and list(kernel) == [1, 3, 3, 1]):
        raise Unsupported("a StyleGAN2 generator with another resampling filter than [1, 3, 3, 1]")


def _variables(state: Mapping) -> dict[str, object]:
    found = state.get("variables")
    if not isinstance(found, (list, tuple)):
        raise Misfit("a network without variables")
    pairs = [entry for entry in found if isinstance(entry, (list, tuple)) and len(entry) == 2]
    if len(pairs) != len(found):
        raise Misfit("a network with variables of an unknown form")
    return {name: value for name, value in pairs if isinstance(name, str)}


def _check_names(mapping: Mapping, synthesis: Mapping) -> None:
    """Refuse by the names of variables what the options, left to their defaults, do not say."""
    if any("ToRGB_lod" in name for name in synthesis):
        raise Unsupported("a StyleGAN2 generator of the architecture orig")
    if any("/Skip/" in name for name in synthesis):
        raise Unsupported("a StyleGAN2 generator of the architecture resnet")
    if any(name.startswith("LabelConcat") for name in mapping):
        raise Unsupported("a class-conditional StyleGAN2 generator (its mapping embeds labels)")


def _mapping_tensors(variables: Mapping) -> Iterator[tuple[str, Tensor]]:
    depth = sum(re.fullmatch(r"Dense[0-9]{1,5}/weight", name) is not None for name in variables)
    for index in range(depth):
        yield f"mapping.weights.{index}", _tensor(variables, f"Dense{index}/weight", 2).t()
        yield f"mapping.biases.{index}", _tensor(variables, f"Dense{index}/bias", 1)


def _synthesis_tensors(variables: Mapping) -> Iterator[tuple[str, Tensor]]:
    levels = sum(re.fullmatch(r"[0-9]{1,5}x[0-9]{1,5}/ToRGB/weight", name) is not None for name in variables)
    yield "constant", _tensor(variables, "4x4/Const/const", 4)[0]
    index = 0
    for level in range(levels):
        block = f"{4 << level}x{4 << level}"
        for layer in ("Conv",) if level == 0 else ("Conv0_up", "Conv1"):
            weight = _tensor(variables, f"{block}/{layer}/weight", 4).permute(3, 2, 0, 1)
            # TensorFlow's transposed convolution takes the kernel turned round.
            yield f"layers.{index}.weight", weight.flip((2, 3)) if layer == "Conv0_up" else weight
            yield f"layers.{index}.bias", _tensor(variables, f"{block}/{layer}/bias", 1)
            yield f"layers.{index}.noise_strength", _tensor(variables, f"{block}/{layer}/noise_strength", 0)
            yield f"layers.{index}.noise", _tensor(variables, f"noise{index}", 4)[0, 0]
            yield from _affine(variables, f"{block}/{layer}", f"layers.{index}")
            index += 1
        rgb = _tensor(variables, f"{block}/ToRGB/weight", 4)
        if rgb.shape[:2] != (1, 1):
            raise Misfit(f"variable {block}/ToRGB/weight has shape {short(rgb.shape)}, expected (1, 1, C, 3)")
        yield f"to_rgb.{level}.weight", rgb[0, 0].t()
        yield f"to_rgb.{level}.bias", _tensor(variables, f"{block}/ToRGB/bias", 1)
        yield from _affine(variables, f"{block}/ToRGB", f"to_rgb.{level}")


def _affine(variables: Mapping, theirs: str, ours: str) -> Iterator[tuple[str, Tensor]]:
    yield f"{ours}.affine_weight", _tensor(variables, f"{theirs}/mod_weight", 2).t()
    yield f"{ours}.affine_bias", _tensor(variables, f"{theirs}/mod_bias", 1) + 1


def _tensor(variables: Mapping, name: str, dimensions: int) -> Tensor:
    if name not in variables:
        raise Misfit(f"variable {name} is missing")
    tensor = load_tensor(variables[name])
    if tensor.ndim != dimensions or 0 in tensor.shape:
        raise Misfit(f"variable {name} has shape {short(tensor.shape)}, expected {dimensions} dimensions")
    return tensor


LAYOUT = Layout(
    name="tensorflow",
    kind="generator",
    held="a network in NVIDIA's TensorFlow layout",
    asked="NVIDIA's of TensorFlow (G, D, Gs)",
    signs="(G, D, Gs), networks of dnnlib.tflib with 4x4/Const/const",
    recognises=recognises,
    read=read,
    parts={"Gs": "the averaged generator"},
    records=(TENSORFLOW_NETWORK, OLD_TENSORFLOW_NETWORK),
    rank=3,
)
