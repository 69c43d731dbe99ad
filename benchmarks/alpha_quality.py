"""How right an alpha network's masks are, against a supervised UNet: ``python -m benchmarks.alpha_quality RUN/final``.

Generated images have no truth, rendered ones do. A UNet learns from rendered vessels with exact masks,
is measured on held-out ones, and its masks of generated foregrounds are the reference, as BiSeNet's are
in the paper (4.2). ``l4f-datagen evaluate alpha`` does the measuring.
"""

import json
import tempfile
from pathlib import Path

import click
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from l4f_datagen import worlds
from l4f_datagen.evaluation import tables
from l4f_datagen.evaluation.alpha import evaluate_alpha
from l4f_datagen.evaluation.references import NetworkMasker
from l4f_datagen.evaluation.segmenter import evaluate_segmenters
from l4f_datagen.masks import HALF, make_mask
from l4f_datagen.networks.pixels import image_from_uint8
from l4f_datagen.networks.segmenters.unet import UNet
from l4f_datagen.process.memory import keep_freed_memory
from l4f_datagen.settings import EvaluateAlphaSettings, EvaluateSegmenterSettings
from l4f_datagen.weights import load_generator
from l4f_datagen.weights.native import state

WORLD = "vessels"
TRAINING, HELD_OUT = 8000, 1000
STEPS, BATCH, RATE, WIDTH, DEPTH = 1000, 16, 2e-3, 16, 3
THRESHOLDS = (0.2, 0.5, 0.9)
CACHE = Path(tempfile.gettempdir())
"""Folder in which the references are kept."""


def rendered(split: worlds.Split, n: int, size: int) -> tuple[Tensor, Tensor]:
    """Images (n, 3, size, size) in [-1, 1] and masks (n, size, size) of 0 and 1, cut at half coverage."""
    pictures = [worlds.render(WORLD, seed=0, index=i, size=size) for i in worlds.split(split, n)]
    masks = torch.from_numpy(np.stack([make_mask(p.alpha, HALF) for p in pictures])).long()
    images = torch.from_numpy(np.stack([p.image for p in pictures]))
    return image_from_uint8(images), masks


def train_reference(size: int) -> UNet:
    """A UNet trained with exact masks, mirrored images, a one-cycle rate."""
    images, masks = rendered("train", TRAINING, size)
    torch.manual_seed(0)
    network = UNet(width=WIDTH, depth=DEPTH).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=STEPS, pct_start=0.15)
    for step in range(STEPS):
        rows = torch.randint(TRAINING, (BATCH,))
        x, y = images[rows], masks[rows]
        if step % 2:
            x, y = x.flip(-1), y.flip(-1)
        loss = F.cross_entropy(network(x.contiguous(memory_format=torch.channels_last)), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if (step + 1) % 200 == 0:
            print(f"reference: step {step + 1} of {STEPS}, loss {loss.item():.4f}", flush=True)
    return network.eval()


def reference(size: int) -> UNet:
    """The trained UNet, kept in a temporary folder from one call to the next."""
    network, kept = UNet(width=WIDTH, depth=DEPTH).eval(), CACHE / f"l4f-datagen-reference-{size}.safetensors"
    if kept.is_file():
        with state.opened(kept) as (tensors, _):
            state.into_module("unet", network, tensors)
        return network
    network = train_reference(size)
    state.save(kept, state.of_module("unet", network), {})
    return network


@click.command()
@click.argument("alphas", nargs=-1, required=True)
@click.option("--generator", default="vessels", show_default=True)
@click.option("--n", default=1000, show_default=True, help="samples")
@click.option("--held-out", is_flag=True, help="measure the reference on held-out rendered images first")
@click.option("--baselines", is_flag=True, help="measure what needs no training, too")
@click.option("--as-json", is_flag=True, help="one JSON line per row, for model.json")
def main(alphas: tuple[str, ...], generator: str, n: int, held_out: bool, baselines: bool, as_json: bool) -> None:
    """Print a table for the alpha checkpoints ALPHAS."""
    keep_freed_memory()
    size = load_generator(generator).architecture.resolution
    masker = NetworkMasker(reference(size), name="supervised UNet")
    if held_out:
        settings = EvaluateSegmenterSettings(images=f"world:{WORLD}", n=HELD_OUT, size=size, batch_size=50)
        tables.render(evaluate_segmenters([masker], settings))
    for name in alphas:
        settings = EvaluateAlphaSettings(
            n=n, generator=generator, alpha=name, threshold=THRESHOLDS, baselines=baselines, batch_size=50
        )
        report = evaluate_alpha(settings, masker)
        if not as_json:
            tables.render(report)
            continue
        for row in report.rows:
            values = {key: None if value is None else round(value, 4) for key, value in row.values.items()}
            print(json.dumps(row.labels | values), flush=True)


if __name__ == "__main__":
    main()
