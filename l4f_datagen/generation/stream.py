"""One lazy stream of samples: what the writer, the preview and the evaluation read."""

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from .. import weights
from ..errors import UserError, WorkError
from ..networks.alpha import AlphaNetwork
from ..networks.stylegan2 import Generator
from ..overlap import ordered_map
from ..sample import Sample
from ..settings import GenerateSettings
from ..weights.source import Source
from . import compositing, latents, quality


@dataclass(frozen=True, kw_only=True)
class Models:
    """The networks of a run, on their device, and where they came from."""

    generator: Generator
    alpha: AlphaNetwork
    generator_source: Source
    alpha_source: Source
    device: torch.device


def load_models(settings: GenerateSettings) -> Models:
    """Load what ``settings`` name.

    Raises:
        UserError: a checkpoint cannot be read, the two do not fit, or the device is absent.
    """
    device = resolve_device(settings.device)
    (generator, generator_source), (alpha, alpha_source) = weights.read_pair(settings.generator, settings.alpha)
    return Models(
        generator=generator.to(device),
        alpha=alpha.to(device),
        generator_source=generator_source,
        alpha_source=alpha_source,
        device=device,
    )


def stream(
    settings: GenerateSettings, *, shards: Iterable[int] | None = None, models: Models | None = None
) -> Iterator[Sample]:
    """Generate the samples of ``settings`` in order, working ahead in threads.

    Args:
        shards: which shards' samples to make; default: all.
        models: networks that are loaded already.

    On CPU each batch is computed by one thread, batches side by side: a small network gains more
    from that than from threads within its layers, and no bit depends on the number of cores.
    """
    models = models or load_models(settings)
    batches = _batches(settings, range(settings.shards) if shards is None else shards)
    workers = _workers(settings, models)
    on_cpu = models.device.type == "cpu"

    def run(batch: tuple[int, Sequence[int]]) -> _Batch | list[Sample]:
        with explaining_memory(models.device, settings.batch_size):
            arrays = _run_networks(settings, models, batch)
        # More threads than cores would only stand in each other's way.
        return _finish(settings, arrays) if on_cpu else arrays

    with contextlib.ExitStack() as stack:
        if on_cpu:
            # Also the default of threads to come, so it is put back at the end.
            stack.callback(torch.set_num_threads, torch.get_num_threads())
        results = ordered_map(
            run, batches, workers=workers, ahead=3 * workers, initializer=_one_thread if on_cpu else None
        )
        stack.enter_context(contextlib.closing(results))
        if not on_cpu:  # the device must not wait for scores
            results = ordered_map(lambda arrays: _finish(settings, arrays), results, workers=2, ahead=4)
            stack.enter_context(contextlib.closing(results))
        for samples in results:
            yield from samples


@dataclass(frozen=True)
class _Batch:
    """Arrays of one forward pass, uint8 as in ``Sample``."""

    shard: int
    indices: Sequence[int]
    image: np.ndarray
    alpha: np.ndarray
    extras: dict[str, np.ndarray]


def _batches(settings: GenerateSettings, shards: Iterable[int]) -> Iterator[tuple[int, Sequence[int]]]:
    """(shard, indices) of every forward pass; batches start anew with every shard (contract 3)."""
    for shard in shards:
        indices = settings.shard_indices(shard)
        for start in range(0, len(indices), settings.batch_size):
            yield shard, indices[start : start + settings.batch_size]


@contextlib.contextmanager
def explaining_memory(device: torch.device, batch_size: int) -> Iterator[None]:
    """Make too little memory for a batch a WorkError that names the setting to change."""
    try:
        yield
    except RuntimeError as error:
        # On CPU torch has no class of its own for it.
        if not isinstance(error, torch.OutOfMemoryError) and "allocate memory" not in str(error):
            raise
        raise WorkError(
            f"not enough memory on {device} for batches of {batch_size}: use a smaller --batch-size"
        ) from error


def _run_networks(settings: GenerateSettings, models: Models, batch: tuple[int, Sequence[int]]) -> _Batch:
    shard, indices = batch
    generator, common = models.generator, {"seed": settings.seed, "indices": indices}
    with torch.inference_mode():
        w, noise = {}, {}
        for name, psi in zip(latents.STREAMS, (settings.psi, settings.background_psi), strict=True):
            w[name] = latents.draw_w(generator, stream=name, psi=psi, **common)
            noise[name] = latents.noise_generators(settings.noise, stream=name, **common)
        foreground, features = generator.synthesize(
            w["foreground"], settings.noise, noise_generators=noise["foreground"]
        )
        alpha = models.alpha(features)
        del features  # most of the memory; the background needs it next
        background = generator.background(
            w["background"],
            settings.noise,
            noise_generators=noise["background"],
            switched_off=settings.switched_off,
        )
        stored = compositing.alpha_to_uint8(alpha)
        if settings.blend == "mask":
            alpha = (stored >= quality.cut(settings.threshold))[:, None].to(alpha)
        image = compositing.composite(alpha, foreground, background)
        extras = {}
        if "foreground" in settings.save:
            extras["foreground"] = compositing.image_to_uint8(foreground).cpu().numpy()
        if "background" in settings.save:
            extras["background"] = compositing.image_to_uint8(background).cpu().numpy()
        if "w" in settings.save:
            extras["w"] = torch.stack((w["foreground"], w["background"]), 1).cpu().numpy()
        return _Batch(shard, indices, compositing.image_to_uint8(image).cpu().numpy(), stored.cpu().numpy(), extras)


def _finish(settings: GenerateSettings, batch: _Batch) -> list[Sample]:
    """Masks, scores and metadata of a batch."""
    samples = []
    masks = (batch.alpha >= quality.cut(settings.threshold)).astype(np.uint8)
    for position, index in enumerate(batch.indices):
        alpha, mask = batch.alpha[position], masks[position]
        metadata = {
            "key": f"{index:09d}",
            "shard": batch.shard,
            "index": index,
            "seed": settings.seed,
            "foreground_code": index,
            "background_code": index,
            "candidate": 0,
            "background_source": "generator",
            "psi": settings.psi,
            "background_psi": settings.background_psi,
            "threshold": settings.threshold,
            "height": alpha.shape[0],
            "width": alpha.shape[1],
            **quality.score(alpha, mask, settings.threshold),
        }
        extras = {name: arrays[position] for name, arrays in batch.extras.items()}
        samples.append(Sample(image=batch.image[position], alpha=alpha, mask=mask, metadata=metadata, **extras))
    return samples


def _workers(settings: GenerateSettings, models: Models) -> int:
    """How many batches are computed side by side."""
    if models.device.type != "cpu":
        return 2  # one computes while the other's arrays travel to the CPU
    channels = models.generator.architecture.channels
    floats = sum(2 * c * (4 << level) ** 2 for level, c in enumerate(channels))
    # Features of all layers, and as much again for what is under way; a quarter of the memory for all.
    batch_bytes = 2 * 4 * floats * settings.batch_size
    return max(1, min(torch.get_num_threads(), _memory() // 4 // batch_bytes))


def _memory() -> int:
    """The machine's memory in bytes; a modest guess where the system does not tell."""
    if not hasattr(os, "sysconf"):
        return 8 << 30
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _one_thread() -> None:
    torch.set_num_threads(1)


def resolve_device(name: str) -> torch.device:
    """The device of a setting: "auto", "cpu", "cuda" or "cuda:N".

    Raises:
        UserError: it is absent.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        count = torch.cuda.device_count()
        found = f"{count} CUDA device{'s' * (count != 1)}" if count else "no CUDA device"
        raise UserError(
            "device",
            got=f"{name} on a machine with {found}",
            expected="a device that is there",
            remedy="use --device cpu",
        )
    return device
