"""How right an alpha network's masks are, against a supervised UNet: ``python -m benchmarks.alpha_quality RUN/final``.

Generated images have no truth, rendered ones do. A UNet learns from rendered vessels with exact masks,
is measured on held-out ones, and its masks of generated foregrounds are the reference, as BiSeNet's are
in the paper (4.2). Counts are pooled over all pixels of all samples; foreground = object.
"""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from l4f_datagen import load_alpha, load_generator, worlds
from l4f_datagen.generation import latents
from l4f_datagen.generation.compositing import alpha_to_uint8, image_to_uint8
from l4f_datagen.generation.quality import cut
from l4f_datagen.memory import keep_freed_memory
from l4f_datagen.networks.unet import UNet
from l4f_datagen.weights import state

WORLD, SIZE = "vessels", 64
TRAINING, HELD_OUT = 8000, 1000
STEPS, BATCH, RATE, WIDTH, DEPTH = 1000, 16, 2e-3, 16, 3
PSIS, THRESHOLDS = (0.7, 1.0), (0.5, 0.9)
CACHE = Path(tempfile.gettempdir()) / "l4f-datagen-reference.safetensors"


def rendered(split: worlds.Split, n: int) -> tuple[Tensor, Tensor]:
    """Images (n, 3, H, W) in [-1, 1] and masks (n, H, W) of 0 and 1, cut at half coverage."""
    pictures = [worlds.render(WORLD, seed=0, index=i, size=SIZE) for i in worlds.split(split, n)]
    masks = torch.from_numpy(np.stack([p.alpha >= 128 for p in pictures])).long()
    return _to_float(torch.from_numpy(np.stack([p.image for p in pictures]))), masks


def train_reference() -> UNet:
    """A UNet trained with exact masks, mirrored images, a one-cycle rate."""
    images, masks = rendered("train", TRAINING)
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


def reference() -> UNet:
    """The trained UNet, kept in a temporary folder from one call to the next."""
    network = UNet(width=WIDTH, depth=DEPTH).eval()
    if CACHE.is_file():
        state.into_module("unet", network, state.load(CACHE)[0])
        return network
    network = train_reference()
    state.save(CACHE, state.of_module("unet", network), {})
    return network


def segment(network: UNet, images: Tensor) -> Tensor:
    """Masks (N, H, W) of 0 and 1."""
    return torch.cat([network(part).argmax(1) for part in images.split(50)])


def confusion(truth: Tensor, mask: Tensor) -> Tensor:
    """Pixel counts (2, 2), truth by row."""
    return torch.bincount(2 * truth.flatten() + mask.flatten(), minlength=4).view(2, 2)


def measures(counts: Tensor) -> dict[str, float]:
    """IoU of both classes and their mean; F1, precision and recall averaged over the classes; accuracy."""
    counts = counts.double()
    hits, precision, recall = counts.diag(), counts.diag() / counts.sum(0), counts.diag() / counts.sum(1)
    iou = hits / (counts.sum(0) + counts.sum(1) - hits)
    return {
        "iou_foreground": float(iou[1]),
        "iou_background": float(iou[0]),
        "miou": float(iou.mean()),
        "f1": float((2 * precision * recall / (precision + recall)).mean()),
        "precision": float(precision.mean()),
        "recall": float(recall.mean()),
        "accuracy": float(hits.sum() / counts.sum()),
    }


def compare(unet: UNet, generator, alpha_net, *, psi: float, n: int) -> dict[float, dict[str, float]]:
    """An alpha network against the reference on ``n`` samples, by threshold."""
    counts = {threshold: torch.zeros(2, 2, dtype=torch.long) for threshold in THRESHOLDS}
    for foreground, alpha in samples(generator, alpha_net, psi, n):
        # As 8-bit pictures, which the reference learned from.
        truth = segment(unet, _to_float(image_to_uint8(foreground)))
        for threshold, table in counts.items():
            table += confusion(truth, (alpha_to_uint8(alpha) >= cut(threshold)).long())
    return {threshold: measures(table) for threshold, table in counts.items()}


def samples(generator, alpha_net, psi: float, n: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Foregrounds and alphas, 50 at a time, of the codes that ``generate --seed 0`` draws."""
    for start in range(0, n, 50):
        indices = range(start, min(start + 50, n))
        w = latents.draw_w(generator, seed=0, stream="foreground", indices=indices, psi=psi)
        image, features = generator.synthesize(w)
        yield image, alpha_net(features)


def _to_float(images: Tensor) -> Tensor:
    return images.permute(0, 3, 1, 2).float().div(127.5).sub(1)


@click.command()
@click.argument("alphas", nargs=-1, required=True)
@click.option("--generator", default="vessels", show_default=True)
@click.option("--n", default=1000, show_default=True, help="samples")
@click.option("--held-out", is_flag=True, help="measure the reference on held-out rendered images first")
@click.option("--as-json", is_flag=True, help="one JSON line per row, for model.json")
def main(alphas: tuple[str, ...], generator: str, n: int, held_out: bool, as_json: bool) -> None:
    """Print a table for the alpha checkpoints ALPHAS."""
    keep_freed_memory()
    unet = reference()
    with torch.inference_mode():
        if held_out:
            images, masks = rendered("test", HELD_OUT)
            found = measures(confusion(masks, segment(unet, images)))
            print(f"reference on {HELD_OUT} held-out rendered images: {_line(found)}")
        network = load_generator(generator)
        for name in alphas:
            alpha_net = load_alpha(name)
            for psi in PSIS:
                for threshold, row in compare(unet, network, alpha_net, psi=psi, n=n).items():
                    if as_json:
                        values = {key: round(value, 4) for key, value in row.items()}
                        print(json.dumps({"psi": psi, "threshold": threshold, **values}), flush=True)
                    else:
                        print(f"{name}  psi {psi}  threshold {threshold}: {_line(row)}", flush=True)


def _line(row: dict[str, float]) -> str:
    return "  ".join(f"{name} {value:.4f}" for name, value in row.items())


if __name__ == "__main__":
    main()
