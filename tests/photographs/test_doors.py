"""One row per kind of picture, one column per command: all of them show the same, or refuse it in the same words."""

from pathlib import Path

import numpy as np
import pytest
import torch

from l4f_datagen.errors import UserError
from l4f_datagen.evaluation.sets import frechet
from l4f_datagen.generation.backgrounds import open_backgrounds
from l4f_datagen.photographs.opening import open_source
from l4f_datagen.photographs.picture.decoding import decode, head
from l4f_datagen.samples.opening import open_samples
from l4f_datagen.samples.reading import Reading
from l4f_datagen.samples.sample import Samples
from l4f_datagen.segmentation.image_files import _read, find_items
from l4f_datagen.segmentation.result_index import ResultIndex
from l4f_datagen.settings import EvaluateFrechetSettings
from l4f_datagen.training.core.real_images import RealImages

from .archives import write_parquet, write_tar, write_zip
from .pictures import HEIGHT, REFUSED, WHOLE, WIDTH, encoded

pytestmark = pytest.mark.filterwarnings("ignore:::PIL")  # as the package has it, which pytest forgets


class Refused(Exception):
    """What a door said."""


def by_segment(folder: Path) -> np.ndarray:
    (item,) = find_items([str(folder)], folder.parent / "out", ResultIndex())
    found = _read(item)
    if isinstance(found, tuple):
        raise Refused(found[1])
    return found.image


def by_source(folder: Path) -> np.ndarray:
    try:
        return open_source(str(folder), world_images=1).read(0, HEIGHT)
    except ValueError as error:
        raise Refused(str(error)) from None


def by_training(folder: Path) -> np.ndarray:
    """The middle of it, as a discriminator sees it."""
    images = RealImages(open_source(str(folder), world_images=1), size=HEIGHT, seed=0)
    try:
        batch = images.batch([0])[0]
    except UserError as error:
        raise Refused(str(error)) from None
    return torch.round((batch.permute(1, 2, 0) + 1) * 127.5).numpy().astype(np.uint8)


def by_backgrounds(folder: Path) -> np.ndarray:
    source = open_backgrounds(str(folder))
    try:
        return source._whole.read(0, HEIGHT)[1]
    except UserError as error:
        raise Refused(str(error)) from None


def by_frechet(folder: Path) -> np.ndarray:
    try:
        (batch,) = frechet._Stored(str(folder), EvaluateFrechetSettings(features="none")).batches()
    except UserError as error:
        raise Refused(str(error)) from None
    return batch[0]


def labelled(folder: Path) -> Samples:
    """The picture with a mask of its size, as import and the evaluation of segmenters open it."""
    (path,) = folder.iterdir()
    try:
        size = head(path).size
    except ValueError:
        size = (WIDTH, HEIGHT)
    for name in ("images", "masks"):
        (folder.parent / "set" / name).mkdir(parents=True)
    path.rename(folder.parent / "set" / "images" / path.name)
    mask = np.zeros(size[::-1], np.uint8)
    mask[0] = 255
    (folder.parent / "set" / "masks" / "picture.png").write_bytes(encoded(mask))
    try:
        return open_samples(str(folder.parent / "set"), Reading())
    except UserError as error:
        raise Refused(str(error)) from None


def by_samples(folder: Path) -> np.ndarray:
    samples = labelled(folder)
    try:
        return samples.picture(0).image
    except UserError as error:
        raise Refused(str(error)) from None


def packed(write, extension: str):
    """The same picture out of an archive."""

    def read(folder: Path) -> np.ndarray:
        (path,) = folder.iterdir()
        write(folder.parent / f"set.{extension}", {path.name: path.read_bytes()})
        return by_source(folder.parent / f"set.{extension}")

    return read


DOORS = {
    "labelled": by_samples, "segment": by_segment, "images": by_source, "training": by_training,
    "backgrounds": by_backgrounds, "frechet": by_frechet, "tar": packed(write_tar, "tar"),
    "zip": packed(write_zip, "zip"),
    "parquet": packed(write_parquet, "parquet"),
    "tgz": packed(lambda path, members: write_tar(path, members, "w:gz"), "tgz"),
}  # fmt: skip


def middle(image: np.ndarray) -> np.ndarray:
    """The centred square, which is as large as what training asks for."""
    left = (image.shape[1] - image.shape[0]) // 2
    return image[:, left : left + image.shape[0]]


@pytest.mark.parametrize("door", DOORS)
def test_all_doors_show_the_same(tmp_path, door):
    for number, (name, (content, _)) in enumerate(WHOLE.items()):
        folder = tmp_path / str(number) / "in"
        folder.mkdir(parents=True)
        (folder / "picture.jpg").write_bytes(content)  # whatever it is called
        expected = decode(content).image
        found = DOORS[door](folder)
        assert np.array_equal(found, middle(expected) if door == "training" else expected), name


@pytest.mark.parametrize("door", DOORS)
def test_all_doors_refuse_the_same(tmp_path, door):
    for number, (name, (content, words)) in enumerate(REFUSED.items()):
        folder = tmp_path / str(number) / "in"
        folder.mkdir(parents=True)
        (folder / "picture.jpg").write_bytes(content)
        with pytest.raises(Refused) as caught:
            DOORS[door](folder)
        said = str(caught.value)
        assert words in said or (name == "empty" and "no image bytes" in said) or door in ("training", "backgrounds"), (
            name
        )
