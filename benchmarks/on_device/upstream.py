"""The published implementations beside ours, from checkouts of theirs; their kernels are compiled on first use."""

import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from .networks import SIZES
from .rows import Plan, Row, milliseconds

NVIDIA, ROSINALITY = "stylegan3", "stylegan2-pytorch"
"""Folders of the two checkouts."""


def jobs(plan: Plan, folder: Path, sizes: Sequence[int]) -> dict[str, Callable[[], Iterator[Row]]]:
    """Milliseconds of one foreground; ours beside them are "foreground and alpha"."""
    both = {NVIDIA: _nvidia, ROSINALITY: _rosinality}
    return {f"upstream {name}": partial(_rows, plan, folder / name, measured, sizes) for name, measured in both.items()}


def _rows(
    plan: Plan, checkout: Path, measured: Callable[[Plan, int], Iterator[Row]], sizes: Sequence[int]
) -> Iterator[Row]:
    if not checkout.is_dir():
        yield Row("upstream", 0, checkout.name, None, note=f"no checkout in {checkout}")
        return
    sys.path.insert(0, str(checkout))
    try:
        for size in sizes:
            yield from measured(plan, size)
    finally:
        sys.path.remove(str(checkout))


def _nvidia(plan: Plan, size: int) -> Iterator[Row]:
    from training.networks_stylegan2 import Generator  # type: ignore[import-not-found] - of the checkout

    for name, options, force in (
        ("fp16", {"num_fp16_res": 4, "conv_clamp": 256}, False),
        ("float32", {}, True),
    ):
        network: Any = Generator(512, 0, 512, size, 3, channel_base=32768, channel_max=512, **options)
        network = network.eval().requires_grad_(False).to(plan.device)
        count = _count(plan, size)
        w = network.mapping(torch.randn(count, 512, device=plan.device), None)

        def draw(network: Any = network, w: torch.Tensor = w, force: bool = force) -> object:
            return network.synthesis(w, noise_mode="const", force_fp32=force, fused_modconv=False)

        yield _row(plan, size, f"NVIDIA, {name}, foreground", draw, count)


def _rosinality(plan: Plan, size: int) -> Iterator[Row]:
    from model import Generator  # type: ignore[import-not-found] - of the checkout

    network: Any = Generator(size, 512, 8, channel_multiplier=2).eval().requires_grad_(False).to(plan.device)
    count = _count(plan, size)
    w = torch.randn(count, 512, device=plan.device)
    yield _row(plan, size, "rosinality, float32, foreground",
               lambda: network([w], input_is_latent=True, randomize_noise=False), count)  # fmt: skip


def _count(plan: Plan, size: int) -> int:
    return 1 if plan.quick else SIZES.get(size, 8)


def _row(plan: Plan, size: int, name: str, draw: Callable[[], object], count: int) -> Row:
    with torch.inference_mode():
        found = milliseconds(plan, draw) / count
    return Row("upstream", size, name, found, 1000 / found)
