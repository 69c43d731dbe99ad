"""One forward pass: candidates → composites and alphas, and from these samples."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .. import scores
from ..masks import cut_out, make_mask
from ..sample import Sample
from ..settings import GenerateSettings
from . import backgrounds, compositing, latents
from .latents import Candidate
from .models import Models
from .refinement import refine


@dataclass(frozen=True)
class Batch:
    """Arrays of one forward pass, uint8 as in ``Sample``."""

    shard: int
    candidates: Sequence[Candidate]
    image: np.ndarray
    alpha: np.ndarray
    sources: Sequence[str]
    """Where each background is from, as in the column ``background_source``."""
    extras: dict[str, np.ndarray]


def run_networks(
    settings: GenerateSettings,
    models: Models,
    shard: int,
    candidates: Sequence[Candidate],
    readers: Executor,
    look: Callable[[Tensor], None] | None = None,
) -> Batch:
    """Draw candidates.

    Args:
        readers: threads that read images for backgrounds, if there are any.
        look: is shown what the networks give, before any of it is rounded to bytes.
    """
    generator = models.generator
    codes = {
        "seed": settings.seed,
        "indices": [candidate.index for candidate in candidates],
        "numbers": [candidate.number for candidate in candidates],
    }
    reading = None
    if models.backgrounds:  # on the way while the networks compute
        size = generator.architecture.resolution
        reading = models.backgrounds.draw_all(candidates, seed=settings.seed, size=size, executor=readers)
    with torch.inference_mode():
        w = {"foreground": latents.draw_w(generator, stream="foreground", psi=settings.psi, **codes)}
        noise = latents.noise_generators(settings.noise, stream="foreground", **codes)
        foreground, features = generator.synthesize(w["foreground"], settings.noise, noise_generators=noise)
        alpha = refine(models.alpha(features), foreground, settings)
        del features  # most of the memory; the background needs it next
        if reading:
            pictures, sources = zip(*(future.result() for future in reading), strict=True)
            background = compositing.image_from_uint8(torch.from_numpy(np.stack(pictures)).to(models.device))
        else:
            w["background"] = latents.draw_w(generator, stream="background", psi=settings.background_psi, **codes)
            background = generator.background(
                w["background"],
                settings.noise,
                noise_generators=latents.noise_generators(settings.noise, stream="background", **codes),
                switched_off=settings.switched_off,
            )
            sources = [backgrounds.OWN] * len(candidates)
        stored = compositing.alpha_to_uint8(alpha)
        if settings.blend == "mask":
            alpha = _cut_out(stored, settings).to(alpha)
        image = compositing.composite(alpha, foreground, background)
        if look is not None:
            for tensor in (*w.values(), foreground, alpha, background, image):
                look(tensor)
        extras = {
            name: compositing.image_to_uint8(picture).cpu().numpy()
            for name, picture in (("foreground", foreground), ("background", background))
            if name in settings.save
        }
        if "w" in settings.save:
            extras["w"] = torch.stack(tuple(w.values()), 1).cpu().numpy()
        image = compositing.image_to_uint8(image).cpu().numpy()
        return Batch(shard, candidates, image, stored.cpu().numpy(), sources, extras)


def finish(settings: GenerateSettings, batch: Batch) -> list[Sample]:
    """Masks, scores and metadata of a batch."""
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
        **scores.score(alpha, mask, settings.threshold),
    }
    extras = {name: arrays[position] for name, arrays in batch.extras.items()}
    return Sample(image=batch.image[position], alpha=alpha, mask=mask, metadata=metadata, **extras)


def _cut_out(stored: Tensor, settings: GenerateSettings) -> Tensor:
    """What is foreground in the masks of stored alphas uint8 (N, H, W): (N, 1, H, W), 0 or 1."""
    masks = np.stack([cut_out(alpha, settings) for alpha in stored.cpu().numpy()])
    return torch.from_numpy(masks)[:, None]
