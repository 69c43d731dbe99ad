"""How well and how fast photographs are projected: ``python -m benchmarks.projection --encoder RUN``.

Renderings of the test split are the photographs, so that their true masks are known. Masks by optimisation and by an
encoder are held to them, beside a UNet that learnt from exact masks; and the alpha network is measured on codes w+: the
generator's own samples are projected, and masks of the codes that are found are held to those of the samples' own.
"""

import tempfile
import time
from pathlib import Path

import click
import numpy as np
import torch

from benchmarks.alpha_quality import train_reference
from l4f_datagen import weights
from l4f_datagen.evaluation import tables
from l4f_datagen.evaluation.metrics import count, measures
from l4f_datagen.evaluation.projection import evaluate_projection
from l4f_datagen.evaluation.references import NetworkMasker
from l4f_datagen.generation import latents
from l4f_datagen.generation.recommended import with_recommended
from l4f_datagen.networks.pixels import image_to_uint8
from l4f_datagen.projection import results
from l4f_datagen.projection.models import load_models
from l4f_datagen.projection.optimise import Found
from l4f_datagen.projection.run import project
from l4f_datagen.settings import EvaluateProjectionSettings, ProjectSettings
from l4f_datagen.sheet import png_bytes
from l4f_datagen.weights import native

WORLD = "world:vessels"
SPEED_BATCH, SPEED_PASSES = 32, 8


def own_samples(settings: ProjectSettings, folder: Path, n: int) -> list[np.ndarray]:
    """Write samples of the generator as photographs. Returns the masks of their own codes."""
    models = load_models(settings.generator, settings.alpha, settings.device)
    with torch.no_grad():
        w = latents.draw_w(models.generator, seed=1, stream="foreground", psi=1.0, indices=range(n))
        w = w[:, None].expand(-1, models.generator.architecture.num_ws, -1)
        images = models.generator.synthesize(w).image.clamp(-1, 1)
    pictures = image_to_uint8(images).numpy()
    drawn = results.draw(models, Found(w, None), images, settings)
    made = results.pictures_of(list(pictures), drawn, settings)
    folder.mkdir(parents=True, exist_ok=True)
    for number, picture in enumerate(pictures):
        (folder / f"{number:03d}.png").write_bytes(png_bytes(picture))
    return [one[results.MASKS] for one in made]


def supervised(size: int, kept: Path) -> NetworkMasker:
    """A UNet that learnt from exact masks, kept from one call to the next."""
    if not native.is_native(kept):
        native.save(kept, segmenter=train_reference(size))
    return NetworkMasker(weights.load_segmenter(kept), name="supervised UNet")


def encoder_speed(path: str, size: int) -> float:
    """Images per second of an encoder alone."""
    encoder, _ = weights.read_encoder(path)
    images = torch.randn(SPEED_BATCH, 3, size, size)
    with torch.inference_mode():
        encoder(images)
        start = time.monotonic()
        for _ in range(SPEED_PASSES):
            encoder(images)
    return SPEED_BATCH * SPEED_PASSES / (time.monotonic() - start)


@click.command()
@click.option("--generator", default="vessels64", show_default=True)
@click.option("--encoder", help="run of train-encoder; without one, optimisation alone is measured")
@click.option("--n", default=32, show_default=True, help="renderings, and half as many samples")
@click.option("--out", default=str(Path(tempfile.gettempdir()) / "l4f-datagen-projection"), show_default=True)
def main(generator: str, encoder: str | None, n: int, out: str) -> None:
    """Print the tables; what was made stays in --out, and is not made again."""
    folder, size = Path(out), weights.load_generator(generator).architecture.resolution
    ways = {"optimise": with_recommended(ProjectSettings(images=WORLD, world_images=n, generator=generator))}
    if encoder:
        print(f"encoder: {encoder_speed(encoder, size):.0f} images/s", flush=True)
        values = ways["optimise"].model_dump() | {"how": "encoder", "encoder": encoder}
        ways |= {
            "encoder": ProjectSettings(**values | {"refine_steps": 0}), "encoder+50": ProjectSettings(**values),
        }  # fmt: skip
    for name, settings in ways.items():
        done = project(settings, folder / "renderings" / name)
        print(f"{name}: {np.mean([row.seconds for row in done.codes.rows]):.2f} s a rendering", flush=True)
    unet = supervised(size, folder / "supervised")
    folders = [str(folder / "renderings" / name) for name in ways]
    tables.render(evaluate_projection(folders, [], EvaluateProjectionSettings(images=WORLD), supervised=unet))
    for name, settings in ways.items():
        truth = own_samples(settings, folder / "samples", n // 2)
        there = settings.model_copy(update={"images": str(folder / "samples")})
        codes = project(there, folder / "of-samples" / name).codes
        found = [results.read_pictures(codes.folder, row.key)[results.MASKS] for row in codes.rows]
        counts = torch.stack([count(mask, true) for mask, true in zip(found, truth, strict=True)]).sum(0)
        error = np.median([row.error for row in codes.rows])
        print(f"{name}, own samples: mIoU {measures(counts)[2]:.4f} with the masks of their codes, error {error:.2f}")


if __name__ == "__main__":
    main()
