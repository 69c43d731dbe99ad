"""Synthesis on a device: all three networks fused, the foreground alone, and the same one by one."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import torch
import torch.nn.functional as F

from l4f_datagen.networks.alpha import AlphaNetwork
from l4f_datagen.networks.fused.graphs import GraphedNetworks
from l4f_datagen.networks.fused.network import FusedNetworks, fuse
from l4f_datagen.networks.inference import InferenceGenerator, freeze
from l4f_datagen.networks.stylegan2 import Generator, GeneratorArchitecture

from .rows import Plan, Row, milliseconds

SIZES = {256: 32, 512: 16, 1024: 8}
"""Pixels, and samples in a batch."""


def architecture(size: int, plan: Plan) -> GeneratorArchitecture:
    """StyleGAN2's config-f, or a thin one to try."""
    levels = size.bit_length() - 2
    if plan.quick:
        return GeneratorArchitecture(channels=(8,) * levels, z_dim=16, w_dim=16, mapping_layers=2)
    return GeneratorArchitecture(channels=tuple(min(512, 32768 // (4 << level)) for level in range(levels)))


def made(size: int, plan: Plan) -> tuple[Generator, AlphaNetwork]:
    """A generator of random weights with noise, and an alpha network on its levels from 32 px on, or the last two."""
    torch.manual_seed(0)
    generator = Generator(architecture(size, plan)).requires_grad_(False).eval()
    for layer in generator.layers:
        torch.nn.init.constant_(layer.get_parameter("noise_strength"), 0.1)
    channels = generator.architecture.channels
    first = min(3, len(channels) - 2)
    return generator, AlphaNetwork(channels[first:]).requires_grad_(False).eval()


def bare(networks: FusedNetworks, count: int, device: torch.device) -> Callable[[], object]:
    """The fused networks' convolutions alone, on inputs that are there."""
    inputs = []
    for layer in networks.layers:
        height, width = (side // 2 for side in layer.size) if layer.up else layer.size
        x = torch.randn(count, layer.weight.shape[1], height, width, device=device, dtype=networks.dtype)
        inputs.append((x.contiguous(memory_format=torch.channels_last), layer.weight))
    return lambda: [F.conv2d(x, weight, padding=1) for x, weight in inputs]


def jobs(plan: Plan, sizes: Sequence[int]) -> dict[str, Callable[[], Iterator[Row]]]:
    """Milliseconds a sample, by size and arithmetic."""
    kinds = {"half": torch.float16, "float32": torch.float32, "one by one": None}
    return {f"networks {size} {name}": partial(_rows, plan, size, name, dtype)
            for size in sizes for name, dtype in kinds.items()}  # fmt: skip


def _rows(plan: Plan, size: int, name: str, dtype: torch.dtype | None) -> Iterator[Row]:
    count = 2 if plan.quick else SIZES.get(size, 8)
    generator, alpha = made(size, plan)
    frozen, alpha = freeze(generator, plan.device), alpha.to(plan.device)
    w = frozen.map(torch.randn(2 * count, frozen.architecture.z_dim, device=plan.device))
    with torch.inference_mode():
        if dtype is None:
            yield from _one_by_one(plan, size, count, frozen, alpha, w)
        else:
            yield from _fused(plan, size, count, frozen, alpha, w, name, dtype)
    if plan.device.type == "cuda":
        torch.cuda.empty_cache()


def _fused(
    plan: Plan, size: int, count: int, frozen: InferenceGenerator, alpha: AlphaNetwork, w: torch.Tensor, name: str,
    dtype: torch.dtype,
) -> Iterator[Row]:  # fmt: skip
    networks = fuse(frozen, alpha, dtype=dtype)
    graphed, scene = GraphedNetworks(networks), networks(w, count, "own")
    plain = frozen.synthesize(w[:1]).image
    error = float((scene.foreground[:1] - plain).norm() / plain.norm())
    note = f"batch {count}, error {error:.1e}" + ", OVERFLOWED" * int(scene.overflowed)
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, allow_tf32=False):
        floor = milliseconds(plan, bare(networks, 2 * count, plan.device)) / count
        eager = milliseconds(plan, lambda: networks(w, count, "own")) / count
    everything = milliseconds(plan, lambda: graphed(w, count, "own", "first_convolution")) / count
    alone = milliseconds(plan, lambda: graphed(w[:count], count, "own", "first_convolution")) / count
    yield Row("networks", size, f"all three, {name}", everything, 1000 / everything, floor, note)
    yield Row("networks", size, f"all three, {name}, no graph", eager, 1000 / eager, floor)
    yield Row("networks", size, f"foreground and alpha, {name}", alone, 1000 / alone, floor / 2)


def _one_by_one(
    plan: Plan, size: int, count: int, frozen: InferenceGenerator, alpha: AlphaNetwork, w: torch.Tensor
) -> Iterator[Row]:
    few = min(count, 8)

    def everything() -> None:
        alpha(frozen.synthesize(w[:few]).features)
        frozen.background(w[:few])

    for name, work in (("all three", everything), ("foreground", lambda: frozen.synthesize(w[:few]))):
        time = milliseconds(plan, work) / few
        yield Row("networks", size, f"{name}, one by one, float32 as torch has it", time, 1000 / time)
