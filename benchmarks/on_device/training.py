"""The phases of each training, and what the convolutions in them take alone."""

import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from l4f_datagen.making.render import render
from l4f_datagen.networks.stylegan2 import Generator
from l4f_datagen.settings import RenderSettings, TrainAlphaSettings, TrainGeneratorSettings, TrainSegmenterSettings
from l4f_datagen.training.alpha.learner import AlphaLearner
from l4f_datagen.training.core.process_group import Processes
from l4f_datagen.training.generator import start
from l4f_datagen.training.generator.learner import GeneratorLearner
from l4f_datagen.training.generator.train import prepare
from l4f_datagen.training.segmenter.batches import LabelledBatches
from l4f_datagen.training.segmenter.learner import SegmenterLearner

from .networks import made
from .rows import Plan, Row, milliseconds

GENERATORS = ((64, "small", "bf16"), (128, "small", "bf16"), (256, "full", "bf16"))
"""Pixels, preset, precision; batches of 32."""


def jobs(plan: Plan) -> dict[str, Callable[[], Iterator[Row]]]:
    """Milliseconds a phase; images or steps a second of whole steps, with CUDA graphs and without."""
    kinds = ((16, "small", "float32"),) if plan.quick else GENERATORS
    found: dict[str, Callable[[], Iterator[Row]]] = {}
    for size, preset, precision in kinds:
        for graphs in (None, False):
            name = f"train-generator {size} {preset} {precision}" + _without(graphs)
            found[name] = partial(_generator, plan, size, preset, precision, graphs)
    for graphs in (None, False):
        found["train-alpha" + _without(graphs)] = partial(_alpha, plan, graphs)
        found["train-segmenter" + _without(graphs)] = partial(_segmenter, plan, graphs)
    return found


def _without(graphs: bool | None) -> str:
    return "" if graphs is None else ", no graphs"


def _generator(plan: Plan, size: int, preset: str, precision: str, graphs: bool | None) -> Iterator[Row]:
    batch = 4 if plan.quick else 32
    changes = {"channels": (8,) * (size.bit_length() - 2), "z_dim": 8, "path_length": 2.0} if plan.quick else {}
    asked = {
        "images": "world:vessels", "world_images": 64, "resolution": size, "preset": preset, "precision": precision,
        "batch_size": batch, "device": str(plan.device), "augment": "off", "graphs": graphs,
    } | changes  # fmt: skip
    settings, trained, _ = prepare(TrainGeneratorSettings(**asked))
    begin = start.start(settings, trained)
    processes = Processes(device=str(plan.device), precision=precision)
    learner = GeneratorLearner(settings, begin.generator, begin.discriminator, processes, averaged=begin.averaged)
    real = [torch.randn(batch, 3, size, size, device=plan.device).clamp(-1, 1)]
    share = settings.path_length_share
    forward, both = _bare(plan, learner.generator, batch, precision)
    _, judged = _bare(plan, learner.discriminator, batch, precision)
    phases: dict[str, tuple[Callable[[], object], float, float]] = {
        "discriminator": (lambda: learner.discriminator_step(3, real), 1, forward + 2 * judged),
        "R1": (lambda: learner.r1_step(3, real), 1 / settings.r1_every, 2 * judged),
        "generator": (lambda: learner.generator_step(3), 1, both + judged),
    }
    if settings.path_length:
        every = 1 / settings.path_length_every
        phases["path lengths"] = (lambda: learner.path_length_step(3), every, 2 * both * share)
    step = floors = 0.0
    for name, (work, times, floor) in phases.items():
        found = milliseconds(plan, work)
        step, floors = step + times * found, floors + times * floor
        what = f"{name}, {preset} {precision}, batch {batch}{_without(graphs)}"
        yield Row("train-generator", size, what, found, None, floor)
    memory = ""
    if plan.device.type == "cuda":
        memory = f", {torch.cuda.max_memory_reserved(plan.device) / 2**30:.2f} GiB at most"
    note = "images/s" + (", recorded" if learner.phases.records else "") + memory
    what = f"step, {preset} {precision}{_without(graphs)}"
    yield Row("train-generator", size, what, step, 1000 * batch / step, floors, note)


def _bare(plan: Plan, network: nn.Module, batch: int, precision: str) -> tuple[float, float]:
    """Milliseconds of a network's 3×3 convolutions, forward, and forward and backward."""
    dtype = {"float32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]
    inputs: list[tuple[Tensor, Tensor, str]] = []

    def add(weight: Tensor, size: int, kind: str) -> None:
        x = torch.randn(batch, weight.shape[1], size, size, device=plan.device, dtype=dtype)
        own = weight.detach().to(dtype).transpose(0, 1) if kind == "up" else weight.detach().to(dtype)
        last = [t.contiguous(memory_format=torch.channels_last).requires_grad_() for t in (x, own)]
        inputs.append((last[0], last[1], kind))

    if isinstance(network, Generator):
        for index, layer in enumerate(network.layers):
            kind = "up" if index % 2 else "plain"
            add(layer.get_parameter("weight"), 4 << index // 2, kind)
    else:
        weights = [p for p in network.parameters() if p.ndim == 4 and p.shape[-1] == 3]
        size = 4 << (len(weights) - 1) // 2
        for index, weight in enumerate(weights):
            add(weight, size >> index // 2, "down" if index % 2 else "plain")

    def forward() -> list[Tensor]:
        return [_convolved(x, weight, kind) for x, weight, kind in inputs]

    def both() -> None:
        outputs = forward()
        torch.autograd.backward(outputs, [torch.ones_like(out) for out in outputs])

    with torch.no_grad():
        first = milliseconds(plan, forward)
    return first, milliseconds(plan, both)


def _convolved(x: Tensor, weight: Tensor, kind: str) -> Tensor:
    if kind == "up":
        return F.conv_transpose2d(x, weight, stride=2)
    return F.conv2d(x, weight, padding=1, stride=2 if kind == "down" else 1)


def _alpha(plan: Plan, graphs: bool | None) -> Iterator[Row]:
    size, batch = (16, 4) if plan.quick else (256, 8)
    generator, _ = made(size, plan)
    precision = "float32" if plan.quick else "bf16"
    settings = TrainAlphaSettings(
        preset="paper",
        generator="made", images="world:vessels", first_resolution=8 if plan.quick else 32, batch_size=batch,
        device=str(plan.device), precision=precision, graphs=graphs,
    )  # fmt: skip
    learner = AlphaLearner(
        settings, generator, Processes(device=str(plan.device), precision=precision), "first_convolution"
    )
    real = [torch.randn(batch, 3, size, size, device=plan.device).clamp(-1, 1)]
    phases = {
        "discriminator": (lambda: learner.discriminator_step(3, real), 1.0),
        "R1": (lambda: learner.r1_step(0, real), 1 / settings.r1_every),
        "alpha": (lambda: learner.alpha_step(3), 1.0),
    }
    _, judged = _bare(plan, learner.discriminator, batch, precision)
    step = 0.0
    for name, (work, times) in phases.items():
        found = milliseconds(plan, work)
        step += times * found
        yield Row("train-alpha", size, f"{name}, {precision}, batch {batch}{_without(graphs)}", found, None, 2 * judged)
    what = f"step, {precision}, batch {batch}{_without(graphs)}"
    yield Row("train-alpha", size, what, step, 1000 / step, None, "steps/s")


def _segmenter(plan: Plan, graphs: bool | None) -> Iterator[Row]:
    size, batch = (32, 4) if plan.quick else (128, 32)
    with tempfile.TemporaryDirectory() as folder:
        shards = Path(folder) / "shards"
        render(RenderSettings(n=2 * batch, size=size), shards)
        settings = TrainSegmenterSettings(
            shards=(str(shards),), validation="0", width=4 if plan.quick else 32, batch_size=batch,
            device=str(plan.device), graphs=graphs,
        )  # fmt: skip
        processes = Processes(device=str(plan.device), precision=settings.precision)
        batches = LabelledBatches(settings)
        learner = SegmenterLearner(settings, batches.size, processes)
        images = batches.batch(range(batch)).to(plan.device)
        found = milliseconds(plan, lambda: learner.learn(3, images))
    what = f"step, float32, batch {batch}{_without(graphs)}"
    yield Row("train-segmenter", size, what, found, 1000 * batch / found, None, "images/s")
