"""generate, end to end, over its networks."""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import torch

from l4f_datagen.engines.local import generate
from l4f_datagen.generation.models import Models, load_models
from l4f_datagen.process.tuning import tune_for_shards
from l4f_datagen.settings import GenerateSettings
from l4f_datagen.settings.recommended import as_given
from l4f_datagen.weights import native

from .networks import SIZES, made
from .rows import Plan, Row, milliseconds


def jobs(plan: Plan, sizes: Sequence[int]) -> dict[str, Callable[[], Iterator[Row]]]:
    """Samples a second of the embedded checkpoint and of config-f."""
    found: dict[str, Callable[[], Iterator[Row]]] = {
        "generate vessels": partial(_vessels, plan),
        "generate vessels, as recommended": partial(_vessels, plan, True),
    }
    return found | {f"generate {size}": partial(_config_f, plan, size) for size in sizes}


def _vessels(plan: Plan, recommended: bool = False) -> Iterator[Row]:
    n, batch = (16, 8) if plan.quick else (4000, 64)
    yield from _measured(
        plan, "vessels, as recommended" if recommended else "vessels", "vessels", n, batch, recommended
    )


def _config_f(plan: Plan, size: int) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        generator, alpha = made(size, plan)
        native.save(Path(folder) / "made", generator=generator, alpha=alpha, card={"name": "benchmark"})
        n = 8 if plan.quick else {256: 1500, 512: 800, 1024: 300}.get(size, 300)
        batch = 4 if plan.quick else SIZES.get(size, 8)
        yield from _measured(plan, "config-f", str(Path(folder) / "made"), n, batch)


def _measured(plan: Plan, name: str, path: str, n: int, batch: int, recommended: bool = False) -> Iterator[Row]:
    tune_for_shards()
    settings = GenerateSettings(n=n, generator=path, alpha=path, batch_size=batch, device=str(plan.device))
    if not recommended:  # speeds as ever, whatever a card refines and rejects
        settings = as_given(settings)
    if plan.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(plan.device)
    models = load_models(settings)
    alone = _networks_alone(plan, models, batch)
    with tempfile.TemporaryDirectory() as folder:
        # Once for what is only done the first time: kernels, graphs.
        generate(settings.model_copy(update={"n": min(n, 3 * batch)}), Path(folder) / "first", models=models)
        begun = time.perf_counter()
        generate(settings, Path(folder) / "shards", models=models)
        whole = 1000 * (time.perf_counter() - begun) / n
    memory = ""
    if plan.device.type == "cuda":
        memory = f", {torch.cuda.max_memory_allocated(plan.device) / 2**30:.2f} GiB at most"
    size = models.generator.architecture.resolution
    note = f"{alone / whole:.2f} of its networks alone{memory}"
    yield Row("generate", size, name, whole, 1000 / whole, None, note)
    if not recommended:
        yield Row("generate", size, f"{name}: networks alone", alone, 1000 / alone)


def _networks_alone(plan: Plan, models: Models, batch: int) -> float:
    """Milliseconds a sample of mapping, foreground, alpha and background."""
    generator = models.generator
    z = torch.randn(2 * batch, generator.architecture.z_dim, device=plan.device)

    def work() -> None:
        w = generator.truncate(generator.map(z), 0.7)
        if models.fused is not None:
            models.fused(w, batch, "own", "first_convolution")
            return
        models.alpha(generator.synthesize(w[:batch]).features)
        generator.background(w[batch:])

    with torch.inference_mode():
        return milliseconds(plan, work) / batch
