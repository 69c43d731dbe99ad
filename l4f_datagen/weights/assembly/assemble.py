"""Named tensors → generators. The architecture follows from shapes; every tensor has to be there, and no other."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ...networks import ops
from ...networks.stylegan2 import Generator, GeneratorArchitecture
from ...seeding import normal
from ...short import short
from .errors import Misfit
from .images import check_images, constant_size

W_AVG_DRAWS = 4096
"""How many w the centre of truncation is the mean of, where a file does not hold it."""
_DRAWS_AT_ONCE = 512
_ALIGNMENT = 64
"""Bytes; torch's own tensors begin at multiples of it."""
MAX_WIDTH = 8192
MAX_LEVELS = 10
_MAX_DEPTH = 64
"""Layers of a mapping network; the published ones have 2 to 8."""
_MAX_MAPS = 1 << 28
"""Numbers in one layer's feature maps of one image; the largest published networks have 2²⁶."""


class Shapes(TorchFunctionMode):
    """While it is active, networks are made on the meta device, as shapes without values; a file's tensors fill them.

    ``torch.device("meta")`` would do so too. But it draws and scales in Python code of torch's whose first call imports
    torch's compiler, which takes seconds.
    """

    _MAKING = (torch.randn, torch.zeros, torch.ones, torch.empty)
    _SCALING = (Tensor.__truediv__, Tensor.div, Tensor.__mul__, Tensor.mul)

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if function in self._MAKING:
            return torch.empty(*args, **{**(kwargs or {}), "device": "meta"})
        if function in self._SCALING and args[0].is_meta:
            return args[0]
        return function(*args, **(kwargs or {}))


def settled(tensor: Tensor, name: str) -> Tensor:
    """A tensor as our networks keep it: float32, with filters in the memory order that convolutions on CPUs want.

    Readers settle each tensor as they meet it, so that a whole network never stands in memory twice, as the file has it
    and as we do.

    Args:
        name: what the file calls the tensor, for messages.

    Raises:
        Misfit: its numbers cannot be weights: whole numbers, say, whose scale lies elsewhere.
    """
    # A lone number may be whole: a noise strength of 0, say.
    if tensor.ndim and not tensor.is_floating_point():
        raise Misfit(f"tensor {short(name)} holds numbers of the type {str(tensor.dtype).removeprefix('torch.')}")
    layout = torch.channels_last if tensor.ndim == 4 else torch.contiguous_format
    tensor = tensor.detach().float().contiguous(memory_format=layout)
    # How sums are rounded depends on where in memory they begin. A tensor that is aligned as torch aligns its own gives
    # the same pixels whichever file it came from.
    return tensor.clone() if tensor.data_ptr() % _ALIGNMENT else tensor


def build_generator(tensors: Mapping[str, Tensor], *, conv_clamp: float | None = None) -> Generator:
    """A frozen generator from tensors by our names, those of ``Generator``'s state dict.

    Where "w_avg" is absent, it becomes the mean of 4096 w, drawn from a fixed seed.

    Args:
        conv_clamp: the limit of activations; None for no limit.

    Raises:
        Misfit: names or shapes are not those of a StyleGAN2 generator.
        Unsupported: its images are not RGB.
    """
    check_images(tensors)
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
            classes=tensors["mapping.biases.0"].shape[0] if tensors["mapping.biases.0"].ndim == 2 else 0,
            constant=constant_size(tensors),
        )
    except KeyError as error:
        raise Misfit(f"tensor {short(error)} is missing") from error
    except IndexError as error:
        raise Misfit("a tensor without a width, where one is needed") from error
    if not architecture.channels:
        raise Misfit("no ToRGB layer was found")
    widths = (architecture.z_dim, architecture.w_dim, *architecture.channels)
    if levels > MAX_LEVELS or not all(0 < width <= MAX_WIDTH for width in widths):
        raise Misfit(f"{levels} resolutions and widths up to {max(widths)} are not those of a StyleGAN2")
    if depth > _MAX_DEPTH:
        raise Misfit(f"{depth} layers of the mapping are not those of a StyleGAN2")
    height, width = architecture.constant
    if max(height * width * count << 2 * level for level, count in enumerate(architecture.channels)) > _MAX_MAPS:
        raise Misfit(
            f"widths of {short(architecture.channels)} from {min(height, width)} pixels up are not those of a StyleGAN2"
        )
    if conv_clamp is not None and not 0 < conv_clamp < math.inf:
        raise Misfit(f"a conv_clamp of {conv_clamp}")
    if not has_w_avg:
        tensors = {**tensors, "w_avg": torch.zeros(architecture.w_dim)}
    with Shapes():
        generator = Generator(architecture)
    fill(generator, tensors)
    if not has_w_avg:
        generator.w_avg.copy_(_mean_w(generator))
    return generator


def clamp_of(stated: object) -> float | None:
    """The limit of activations that a file states as ``conv_clamp``; None for no limit.

    Raises:
        Misfit: what it states is no number.
    """
    if stated is not None and (isinstance(stated, bool) or not isinstance(stated, (int, float))):
        raise Misfit(f"a conv_clamp of {short(stated, 20, quotes=True)}")
    return None if stated is None else float(stated)


def check_kernel(name: str, kernel: Tensor, *, gain: float) -> None:
    """Refuse a filter that differs from ours, since filters are rebuilt and not read: every image would change.

    Args:
        gain: the sum of the filter's numbers.

    Raises:
        Misfit: it is another.
    """
    expected = ops.fir_kernel(gain=gain).to(kernel)
    if kernel.shape != expected.shape or not kernel.allclose(expected, atol=1e-4):
        raise Misfit(f"filter {short(name)} is not the [1, 3, 3, 1] of StyleGAN2")


def _mean_w(generator: Generator) -> Tensor:
    a = generator.architecture
    total = torch.zeros(a.w_dim, dtype=torch.float64)
    with torch.inference_mode():
        for start in range(0, W_AVG_DRAWS, _DRAWS_AT_ONCE):
            numbers = range(start, start + _DRAWS_AT_ONCE)
            draws, classes = normal((a.z_dim,), 0, "w_avg", numbers), None
            if a.classes:  # each as often as the others
                classes = torch.arange(start, start + _DRAWS_AT_ONCE) % a.classes
            total += generator.mapping(draws, classes).sum(0, dtype=torch.float64)
    return total / W_AVG_DRAWS


def fill(network: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Give a network that was made with ``Shapes`` its tensors, and freeze it.

    Raises:
        Misfit: a tensor is missing, unknown or of another shape.
    """
    expected = network.state_dict()
    check_shapes(expected, tensors)
    # Counts stay whole numbers: those of batches that a normalisation has seen, say.
    placed = {
        name: settled(tensor, name) if expected[name].is_floating_point() else tensor.to(expected[name].dtype)
        for name, tensor in tensors.items()
    }
    network.load_state_dict(placed, assign=True)
    network.eval().requires_grad_(False)


def check_shapes(expected: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> None:
    """Refuse tensors that are not those of a network's state dict.

    Raises:
        Misfit: one is missing, unknown or of another shape.
    """
    for problem, names in (("is missing", expected.keys() - tensors), ("is not known", tensors.keys() - expected)):
        if names:
            raise Misfit(
                f"tensor {short(min(names))} {problem}" + (f", and {len(names) - 1} more" if len(names) > 1 else "")
            )
    for name, tensor in tensors.items():
        if tensor.shape != expected[name].shape:
            shapes = short(tensor.shape), short(expected[name].shape)
            raise Misfit(f"tensor {name} has shape {shapes[0]}, expected {shapes[1]}")


def first_not_finite(network: nn.Module) -> str | None:
    """The name of the first tensor that holds NaN or infinity; None if all numbers are finite."""
    for name, tensor in network.state_dict().items():
        # Finding the extremes takes one pass and no memory; NaN shows in both.
        if tensor.numel() and not torch.stack(tensor.aminmax()).isfinite().all():
            return name
    return None
