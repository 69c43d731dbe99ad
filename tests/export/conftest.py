"""Data sets to export: generated ones, and one whose masks have every shape and ignored pixels."""

from pathlib import Path

import cv2
import numpy as np
import pytest

import l4f_datagen as l4f
from l4f_datagen.making.render import arithmetic, describe, render
from l4f_datagen.making.trunk import write_dataset
from l4f_datagen.sample import Sample
from l4f_datagen.settings import RenderSettings


@pytest.fixture(scope="session")
def generated(tmp_path_factory, tiny_checkpoint) -> Path:
    """23 samples of 16 px in three shards."""
    out = tmp_path_factory.mktemp("export") / "generated"
    l4f.generate(
        l4f.GenerateSettings(
            n=23, generator=str(tiny_checkpoint), batch_size=4, samples_per_shard=10, threshold=0.5, device="cpu"
        ),
        out,
    )
    return out


@pytest.fixture(scope="session")
def rendered(tmp_path_factory) -> Path:
    """60 samples of 48 px, PNG, in a folder with spaces and letters of many kinds."""
    out = tmp_path_factory.mktemp("export") / "my shards ü 船"
    render(RenderSettings(n=60, size=48, samples_per_shard=25, image_format="png"), out)
    return out


def masks() -> list[np.ndarray]:
    """Masks, uint8 24×40, that are hard to write: empty, full, specks, strokes, rings, noise, ignored bands."""
    rng = np.random.default_rng(0)
    height, width = 24, 40
    empty = np.zeros((height, width), np.uint8)
    speck, stroke, rings = empty.copy(), empty.copy(), empty.copy()
    speck[3, 5] = speck[10, 11] = speck[11, 12] = speck[23, 39] = 1
    stroke[:, 0] = stroke[5, :20] = 1
    for step in range(0, 12, 2):
        cv2.rectangle(rings, (step, step), (width - 1 - step, height - 1 - step), 1, 1)
    noise = [(rng.random((height, width)) < share).astype(np.uint8) for share in (0.1, 0.5, 0.9)]
    banded = cv2.circle(empty.copy(), (20, 12), 9, 255, -1)
    cv2.circle(banded, (20, 12), 6, 1, -1)
    return [empty, empty + 1, speck, stroke, rings, *noise, banded, np.where(noise[1] == 1, 255, noise[0])]


@pytest.fixture(scope="session")
def difficult(tmp_path_factory) -> Path:
    """A data set with these masks; the last two have ignored pixels."""
    out = tmp_path_factory.mktemp("export") / "difficult"
    return write_masks(out, masks())


def write_masks(out: Path, arrays: list[np.ndarray]) -> Path:
    """A data set with given masks and any images."""
    settings = RenderSettings(n=len(arrays), size=64, samples_per_shard=4)
    row = next(iter(_rows(settings)))
    rng = np.random.default_rng(1)

    def make(shards):
        for shard in shards:
            for index in settings.shard_indices(shard):
                mask = arrays[index]
                place = {"key": f"{index:09d}", "shard": shard, "index": index}
                size = {"height": mask.shape[0], "width": mask.shape[1]}
                image = rng.integers(0, 255, (*mask.shape, 3), np.uint8)
                yield Sample(
                    image=image, alpha=255 * (mask == 1).astype(np.uint8), mask=mask, metadata=row | place | size
                )

    write_dataset(
        settings, out, describe(settings), make, overwrite=False, report=lambda progress: None,
        probe=lambda: arithmetic(settings),
    )  # fmt: skip
    return out


def _rows(settings: RenderSettings):
    from l4f_datagen.making.render import stream

    return (sample.metadata for sample in stream(settings))
