"""Named tensors → networks: architecture from shapes, strict loading."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ...networks.alpha import AlphaNetwork
from ...networks.segmenter import Segmenter
from ...networks.segmenters import architectures
from ...networks.stylegan2 import Generator, GeneratorArchitecture
from ...seeding import normal
from ...short import short

W_AVG_DRAWS = 4096
"""Draws that the centre of truncation is averaged over where a file does not hold it."""
_ALIGNMENT = 64
_DRAWS_AT_ONCE = 512
_MAX_WIDTH = 8192
_MAX_LEVELS = 10
_MAX_DEPTH = 64
"""Layers of a mapping; the published ones have 2 to 8."""
_MAX_CLASSES = 1 << 16
_MAX_MAPS = 1 << 28
"""Numbers in the feature maps of one layer, of one image; the largest published networks have 2²⁶."""
_COLOURS = {1: "grey", 2: "grey with transparency", 4: "RGBA"}


class Misfit(ValueError):
    """Tensors that do not make the network they claim to be."""


class Unsupported(ValueError):
    """A network that we know, but not one that can be used here; the message is its name."""


class _Shapes(TorchFunctionMode):
    """Networks are made as shapes alone, on the meta device: their values are replaced at once.

    torch.device("meta") would do it too, but there torch's drawing and scaling are written in Python, and the first
    call imports torch's compiler: seconds.
    """

    _MAKING = (torch.randn, torch.zeros, torch.ones, torch.empty)
    _SCALING = (Tensor.__truediv__, Tensor.div, Tensor.__mul__, Tensor.mul)

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function in self._MAKING:
            return torch.empty(*args, **{**(kwargs or {}), "device": "meta"})
        if function in self._SCALING and args[0].is_meta:
            return args[0]
        return function(*args, **(kwargs or {}))


def settled(tensor: Tensor, name: str) -> Tensor:
    """A tensor as our networks keep it: float32, filters in the layout that convolutions on CPU want.

    Readers settle each tensor as they meet it, so that a file's layout and ours never stand in memory side by side.

    Raises:
        Misfit: its numbers are none that weights are made of: whole ones, say, whose scale lies elsewhere.
    """
    # A lone number may be a whole one, a strength of 0, say.
    if tensor.ndim and not tensor.is_floating_point():
        raise Misfit(f"tensor {short(name)} holds numbers of the type {str(tensor.dtype).removeprefix('torch.')}")
    layout = torch.channels_last if tensor.ndim == 4 else torch.contiguous_format
    tensor = tensor.detach().float().contiguous(memory_format=layout)
    # Vector units round by where in memory a sum begins: aligned as torch aligns its own, the same weights give the
    # same pixels from whichever file they came.
    return tensor.clone() if tensor.data_ptr() % _ALIGNMENT else tensor


def build_generator(tensors: Mapping[str, Tensor], *, conv_clamp: float | None = None) -> Generator:
    """A frozen generator from tensors in our names (``Generator``'s state dict).

    Where "w_avg" is absent, it becomes the mean w of 4096 fixed draws.

    Raises:
        Misfit: names or shapes are not those of a StyleGAN2 generator.
        Unsupported: of one whose images are not square RGB.
    """
    _check_images(tensors)
    has_w_avg = "w_avg" in tensors
    try:
        levels = sum(name.startswith("to_rgb.") and name.endswith(".bias") for name in tensors)
        depth = sum(name.startswith("mapping.biases.") for name in tensors)
        architecture = GeneratorArchitecture(
            channels=tuple(tensors[f"layers.{2 * level}.weight"].shape[0] for level in range(levels)),
            z_dim=tensors["mapping.weights.0"].shape[1],
            w_dim=tensors["mapping.weights.0"].shape[0],
            mapping_layers=depth,
            conv_clamp=conv_clamp,
        )
    except KeyError as error:
        raise Misfit(f"tensor {short(error)} is missing") from error
    except IndexError as error:
        raise Misfit("a tensor without a width, where one is needed") from error
    if not architecture.channels:
        raise Misfit("no ToRGB layer was found")
    widths = (architecture.z_dim, architecture.w_dim, *architecture.channels)
    if levels > _MAX_LEVELS or not all(0 < width <= _MAX_WIDTH for width in widths):
        raise Misfit(f"{levels} resolutions and widths up to {max(widths)} are not those of a StyleGAN2")
    if depth > _MAX_DEPTH:
        raise Misfit(f"{depth} layers of the mapping are not those of a StyleGAN2")
    if max(width << 2 * (level + 2) for level, width in enumerate(architecture.channels)) > _MAX_MAPS:
        raise Misfit(f"widths of {short(architecture.channels)} from 4 pixels up are not those of a StyleGAN2")
    if conv_clamp is not None and not 0 < conv_clamp < math.inf:
        raise Misfit(f"a conv_clamp of {conv_clamp}")
    if not has_w_avg:
        tensors = {**tensors, "w_avg": torch.zeros(architecture.w_dim)}
    with _Shapes():
        generator = Generator(architecture)
    _load(generator, tensors)
    if not has_w_avg:
        generator.w_avg.copy_(_mean_w(generator))
    return generator


def of_channels(count: object) -> Unsupported:
    """What a generator of another number of image channels than three is called."""
    plural = "" if type(count) is int and count == 1 else "s"
    colour = f" ({_COLOURS[count]})" if isinstance(count, int) and count in _COLOURS else ""
    return Unsupported(f"a StyleGAN2 generator of {short(count, 20)} image channel{plural}{colour}")


def _check_images(tensors: Mapping[str, Tensor]) -> None:
    """Refuse by name what is a StyleGAN2, but not one of square RGB images; generators of every layout pass here."""
    rgb, constant = tensors.get("to_rgb.0.weight"), tensors.get("constant")
    if rgb is not None and rgb.ndim == 2 and rgb.shape[0] != 3:
        raise of_channels(rgb.shape[0])
    if constant is not None and constant.ndim == 3 and constant.shape[1] != constant.shape[2]:
        height, width = constant.shape[1:]
        raise Unsupported(f"a StyleGAN2 generator of rectangular images (its coarsest is {height}×{width} pixels)")


def clamp_of(stated: object) -> float | None:
    """What a file states as conv_clamp, None for no clamp.

    Raises:
        Misfit: it is no number.
    """
    if stated is not None and (isinstance(stated, bool) or not isinstance(stated, (int, float))):
        raise Misfit(f"a conv_clamp of {short(stated, 20, quotes=True)}")
    return None if stated is None else float(stated)


def _mean_w(generator: Generator) -> Tensor:
    total = torch.zeros(generator.architecture.w_dim, dtype=torch.float64)
    with torch.inference_mode():
        for start in range(0, W_AVG_DRAWS, _DRAWS_AT_ONCE):
            draws = normal((generator.architecture.z_dim,), 0, "w_avg", range(start, start + _DRAWS_AT_ONCE))
            total += generator.map(draws).sum(0, dtype=torch.float64)
    return total / W_AVG_DRAWS


def build_alpha(tensors: Mapping[str, Tensor]) -> AlphaNetwork:
    """A frozen alpha network from tensors in our names (``AlphaNetwork``'s state dict).

    Raises:
        Misfit: names or shapes are not those of an alpha network.
    """
    levels = sum(name.startswith("reduce_first.") and name.endswith(".weight") for name in tensors)
    try:
        channels = [tensors[f"reduce_first.{k}.weight"].shape[1] for k in range(levels)]
        if levels > _MAX_LEVELS or not all(0 < count <= _MAX_WIDTH for count in channels):
            raise Misfit(f"{levels} levels of widths {short(channels)} are not those of an alpha network")
        with _Shapes():
            network = AlphaNetwork(channels)
    except KeyError as error:
        raise Misfit(f"tensor {short(error)} is missing") from error
    except (IndexError, ValueError) as error:
        raise Misfit(short(error, 160)) from error
    _load(network, tensors)
    return network


def build_segmenter(
    tensors: Mapping[str, Tensor],
    *,
    stated: Mapping[str, object] | None = None,
    foreground: Sequence[int] | None = None,
    size: int | None = None,
) -> Segmenter:
    """A frozen segmenter from tensors in our names (a ``Segmenter``'s state dict).

    Args:
        stated: what is known beyond the shapes, such as BiSeNet's stem; what is not takes its usual value.
        foreground, size: as the networks take them.

    Raises:
        Misfit: names or shapes are those of no segmenter, or what is stated is nothing that it could be.
    """
    kind = next((kind for kind in architectures().values() if all(sign in tensors for sign in kind.signs)), None)
    if kind is None:
        raise Misfit(f"its tensors are of no segmenter that is known ({', '.join(architectures())})")
    try:
        described = kind.of_shapes({name: tuple(tensor.shape) for name, tensor in tensors.items()})
        counts = [value for value in described.values() if type(value) is int]
        if not all(0 < count <= _MAX_WIDTH for count in counts if count != described["classes"]):
            raise Misfit(f"a {kind.title} of {short(described, 80)}")
        if not 0 < described["classes"] <= _MAX_CLASSES or described["width"] << described.get("depth", 0) > _MAX_WIDTH:
            raise Misfit(f"a {kind.title} of {short(described, 80)}")
        described |= {name: _as_stated(name, usual, stated or {}) for name, usual in kind.unsaid.items()}
        with _Shapes():
            network = kind(foreground=foreground, size=size, **described)
    except KeyError as error:
        raise Misfit(f"tensor {short(error)} is missing") from error
    except (IndexError, ValueError) as error:
        raise Misfit(short(error, 160)) from error
    _load(network, tensors)
    return network


def _as_stated(name: str, usual: int | bool, stated: Mapping[str, object]) -> int | bool:
    """One of the things that shapes do not tell. Raises Misfit where something of another type is stated."""
    found = stated.get(name)
    if found is None:
        return usual
    if type(found) is not type(usual) or not (isinstance(found, (int, bool)) and 0 <= found < 1 << 16):
        raise Misfit(f"{name} {short(found, 40, quotes=True)}")
    return found


def _load(network: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    expected = network.state_dict()
    for problem, names in (("is missing", expected.keys() - tensors), ("is not known", tensors.keys() - expected)):
        if names:
            raise Misfit(
                f"tensor {short(min(names))} {problem}" + (f", and {len(names) - 1} more" if len(names) > 1 else "")
            )
    for name, tensor in tensors.items():
        if tensor.shape != expected[name].shape:
            shapes = short(tensor.shape), short(expected[name].shape)
            raise Misfit(f"tensor {name} has shape {shapes[0]}, expected {shapes[1]}")
    # Counts, of batches say, stay whole numbers.
    placed = {
        name: settled(tensor, name) if expected[name].is_floating_point() else tensor.to(expected[name].dtype)
        for name, tensor in tensors.items()
    }
    network.load_state_dict(placed, assign=True)
    network.eval().requires_grad_(False)


def first_not_finite(network: nn.Module) -> str | None:
    """Name of the first tensor that holds NaN or infinity, None if all numbers are finite."""
    for name, tensor in network.state_dict().items():
        # The extremes take one pass and no memory; NaN shows in both.
        if tensor.numel() and not torch.stack(tensor.aminmax()).isfinite().all():
            return name
    return None
