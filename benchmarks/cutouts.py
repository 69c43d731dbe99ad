"""How far the colours of cut-outs are from the true foreground's in soft edges: ``python -m benchmarks.cutouts``."""

import time
from collections.abc import Callable

import click
import cv2
import numpy as np
import torch

from l4f_datagen import worlds
from l4f_datagen.generation.cutouts import cut_outs

_SOFT = (26, 229)
"""Alphas of 255 between which a pixel counts as a soft edge: a tenth and nine tenths."""


def known(size: int, blur: float, count: int = 4, world: str = "vessels") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Composites, alphas and the true colours of their foregrounds, uint8 N×….

    Args:
        blur: standard deviation of the outlines' softness, as a share of the side; 0: they are as rendered.
    """
    found = []
    for index in range(count):
        picture = worlds.render(world, seed=1, index=index, size=size)
        share, behind = picture.alpha[..., None] / 255, picture.background / 255
        if blur:
            truth = worlds.render(world, seed=1, index=100 + index, size=size).image / 255
            share = cv2.GaussianBlur(share, (0, 0), blur * size)[..., None]
            image = share * truth + (1 - share) * behind
        else:  # the equation of compositing, solved for the foreground
            image = picture.image / 255
            truth = np.clip((image - (1 - share) * behind) / np.maximum(share, _SOFT[0] / 255), 0, 1)
        found.append([np.round(255 * values).astype(np.uint8) for values in (image, share[..., 0], truth)])
    images, alphas, truths = (np.stack(some) for some in zip(*found, strict=True))
    return images, alphas, truths


def distance(colours: np.ndarray, truth: np.ndarray, alpha: np.ndarray) -> float:
    """Mean difference of the channels in soft edges, in levels of 0 to 255."""
    soft = (alpha >= _SOFT[0]) & (alpha <= _SOFT[1])
    return float(np.abs(colours[soft].astype(float) - truth[soft]).mean())


def cut(images: np.ndarray, alphas: np.ndarray) -> np.ndarray:
    """``cut_outs`` of arrays."""
    return cut_outs(torch.from_numpy(images), torch.from_numpy(alphas)).numpy()


def shifted(alphas: np.ndarray) -> np.ndarray:
    """Alphas as they are half a pixel away, down and to the right."""
    padded = np.pad(alphas, ((0, 0), (1, 0), (1, 0)), mode="edge").astype(float)
    parts = (padded[:, 1:, 1:], padded[:, 1:, :-1], padded[:, :-1, 1:], padded[:, :-1, :-1])
    return np.round(sum(parts) / 4).astype(np.uint8)


@click.command()
@click.option("--count", default=12, help="pictures of each kind")
def main(count: int) -> None:
    """Print a line per kind of pictures: distances of the images' colours and of cut-outs', and the time for one."""
    torch.set_num_threads(1)
    kinds: list[tuple[str, int, float, Callable[[np.ndarray], np.ndarray]]] = [
        ("as rendered", 64, 0, np.asarray),
        ("as rendered", 256, 0, np.asarray),
        ("blurred by 1 % of the side", 128, 0.01, np.asarray),
        ("blurred by 2 % of the side", 128, 0.02, np.asarray),
        ("as rendered, alphas shifted by half a pixel", 256, 0, shifted),
    ]
    for world in worlds.NAMES:
        for name, size, blur, spoil in kinds:
            images, alphas, truth = known(size, blur, count, world)
            given = spoil(alphas)
            plain, ours = (distance(x, truth, alphas) for x in (images, cut(images, given)[..., :3]))
            milliseconds = 1e3 * min(seconds(images[:1], given[:1]) for _ in range(9))
            print(f"{world}, {size} px, {name}: {plain:.1f}, cut-outs {ours:.1f}; {milliseconds:.1f} ms", flush=True)


def seconds(images: np.ndarray, alphas: np.ndarray) -> float:
    """Processor time of cutting out."""
    start = time.process_time()
    cut(images, alphas)
    return time.process_time() - start


if __name__ == "__main__":
    main()
