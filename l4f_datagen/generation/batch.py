"""One forward pass: candidates → composites and alphas, and these → samples."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .. import scores
from ..devices import to_arrays
from ..errors import WorkError
from ..masks import cut_out, make_mask
from ..networks.pixels import image_from_uint8, image_to_uint8
from ..process.device_clock import DeviceClock
from ..process.spending import SPENDING
from ..sample import Sample
from ..settings import GenerateSettings
from . import backgrounds
from .cutouts import cut_outs
from .drawing import alpha_to_uint8, composite, draw, value_counts
from .latents import Candidate, drawn_classes
from .models import Models
from .refinement import refine


@dataclass(frozen=True)
class Batch:
    """What one forward pass over N candidates gave. Arrays are uint8, N×…, each as in ``Sample``."""

    shard: int
    candidates: Sequence[Candidate]
    image: np.ndarray
    alpha: np.ndarray
    sources: Sequence[str]
    """For each candidate where its background is from, as in the column ``background_source``."""
    extras: dict[str, np.ndarray]
    """What is kept on request: "foreground", "background", "cutout" and, float32 N×2×w_dim, "w"."""
    counts: np.ndarray | None = None
    """Histograms of the alphas, int64 N×256, where a GPU has counted; None: whoever scores them counts."""
    classes: Sequence[int] | None = None
    """For each candidate the class of its foreground, where the generator is class-conditional."""


@SPENDING.on("synthesis")
def run_networks(
    settings: GenerateSettings,
    models: Models,
    shard: int,
    candidates: Sequence[Candidate],
    readers: Executor,
    look: Callable[[Tensor], None] | None = None,
) -> Batch:
    """Make images and alphas of candidates, as many as one batch holds.

    Args:
        shard: number of the shard that they belong to.
        readers: threads that read images for backgrounds, where the settings name any.
        look: is shown every tensor that the networks give, before it is rounded to bytes.

    Raises:
        WorkError: half precision does not hold what the networks compute.
    """
    generator, clock = models.generator, DeviceClock(models.device)
    codes = {
        "seed": settings.seed,
        "indices": [candidate.index for candidate in candidates],
        "numbers": [candidate.number for candidate in candidates],
    }
    reading = None
    if models.backgrounds:  # they are read while the networks compute
        size = generator.architecture.size
        reading = models.backgrounds.draw_all(candidates, seed=settings.seed, size=size, executor=readers)
    with torch.inference_mode():
        drawn = draw(settings, models, codes)
        foreground, alpha = drawn.foreground, refine(drawn.alpha, drawn.foreground, settings)
        if reading:
            pictures, sources = zip(*(future.result() for future in reading), strict=True)
            background = image_from_uint8(torch.from_numpy(np.stack(pictures)).to(models.device))
        else:
            assert drawn.background is not None, "it is drawn where no images are read"
            background = drawn.background
            sources = [backgrounds.OWN] * len(candidates)
        stored = alpha_to_uint8(alpha)
        if settings.blend == "mask":
            alpha = _cut_out(stored, settings).to(alpha)
        image = composite(alpha, foreground, background)
        if look is not None:
            for tensor in (*drawn.w.values(), foreground, alpha, background, image):
                look(tensor)
        kept = {
            name: image_to_uint8(picture)
            for name, picture in (("foreground", foreground), ("background", background))
            if name in settings.save
        }
        if "cutout" in settings.save:
            kept["cutout"] = cut_outs(image_to_uint8(foreground), stored)
        if "w" in settings.save:
            kept["w"] = torch.stack(tuple(drawn.w.values()), 1)
        # On a CPU it is quicker to count an image while its mask is made; not every other GPU counts in 64 bits.
        counted = [value_counts(stored)] if models.device.type == "cuda" else []
        flags = [] if drawn.overflowed is None else [drawn.overflowed]
        clock.stop()
        arrays = to_arrays([image_to_uint8(image), stored, *kept.values(), *counted, *flags])
        clock.count()
        if flags and arrays.pop().any():
            raise WorkError(
                f"half precision cannot hold what {settings.generator} computes (numbers beyond 65504): use "
                "--precision float32, in another folder"
            )
        counts = arrays.pop() if counted else None
        composed, soft, *rest = arrays
        classes = drawn_classes(generator, stream="foreground", **codes)
        return Batch(shard, candidates, composed, soft, sources, dict(zip(kept, rest, strict=True)), counts, classes)


@SPENDING.on("masks and scores")
def finish(settings: GenerateSettings, batch: Batch) -> list[Sample]:
    """Cut the masks of a batch, score them, and describe each candidate: the samples that they would become."""
    return [_finish(settings, batch, position) for position in range(len(batch.candidates))]


def _finish(settings: GenerateSettings, batch: Batch, position: int) -> Sample:
    (index, number), alpha = batch.candidates[position], batch.alpha[position]
    mask = make_mask(alpha, settings)
    metadata = {
        "key": f"{index:09d}",
        "shard": batch.shard,
        "index": index,
        "seed": settings.seed,
        "foreground_code": index,
        "background_code": index,
        "candidate": number,
        "background_source": batch.sources[position],
        "psi": settings.psi,
        "background_psi": settings.background_psi,
        "threshold": settings.threshold,
        "height": alpha.shape[0],
        "width": alpha.shape[1],
        **scores.score(alpha, mask, settings.threshold, None if batch.counts is None else batch.counts[position]),
        **({} if batch.classes is None else {"class": batch.classes[position]}),
    }
    extras = {name: arrays[position] for name, arrays in batch.extras.items()}
    return Sample(image=batch.image[position], alpha=alpha, mask=mask, metadata=metadata, **extras)


def _cut_out(stored: Tensor, settings: GenerateSettings) -> Tensor:
    """Masks of stored alphas uint8 (N, H, W), with nothing ignored: (N, 1, H, W), 1 for foreground, else 0."""
    masks = np.stack([cut_out(alpha, settings) for alpha in stored.cpu().numpy()])
    return torch.from_numpy(masks)[:, None]
