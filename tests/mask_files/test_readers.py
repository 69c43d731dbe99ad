"""Masks of one data set by every decoder that is at hand: all find 0, 1 and 255 where they are."""

import io
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import imageio.v2
import imageio.v3
import numpy as np
import pytest
import torch
import webdataset
from PIL import Image

import l4f_datagen as l4f
from l4f_datagen.samples.opening import open_samples
from l4f_datagen.samples.reading import Reading

Masks = dict[str, np.ndarray]
SETTINGS = {"n": 9, "batch_size": 4, "samples_per_shard": 5, "threshold": 0.5, "device": "cpu"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tiny_checkpoint) -> Path:
    """A data set whose masks hold 0, 1 and 255."""
    out = tmp_path_factory.mktemp("readers") / "set"
    l4f.generate(l4f.GenerateSettings(generator=str(tiny_checkpoint), ignore_band=(0.4, 0.6), **SETTINGS), out)
    return out


@pytest.fixture(scope="module")
def truth(folder) -> Masks:
    found = {sample.key: sample.mask for sample in l4f.open_dataset(folder)}
    assert set(np.unique(np.stack(list(found.values())))) == {0, 1, 255}
    return found


def files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.glob("*.tar")):
        with tarfile.open(path) as tar:
            for member in tar:
                key, _, extension = member.name.partition(".")
                if extension == "mask.png":
                    file = tar.extractfile(member)
                    assert file is not None
                    yield key, file.read()


def of_bytes(decode: Callable[[bytes], object]) -> Callable[[Path], Masks]:
    """A decoder of single files."""
    return lambda folder: {key: np.asarray(decode(content)) for key, content in files(folder)}


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def by_opencv(flag: int) -> Callable[[Path], Masks]:
    return of_bytes(lambda content: cv2.imdecode(np.frombuffer(content, np.uint8), flag))


def by_webdataset(kind: str) -> Callable[[Path], Masks]:
    def read(folder: Path) -> Masks:
        urls = sorted(map(str, folder.glob("*.tar")))
        rows = webdataset.WebDataset(urls, shardshuffle=False).decode(kind)
        return {row["__key__"]: np.asarray(row["mask.png"]) for row in rows}

    return read


def by_datasets(folder: Path) -> Masks:
    import datasets  # a second, for every process that collects tests

    rows = datasets.load_dataset(str(folder), split="train", streaming=True)
    return {row["__key__"]: np.asarray(row["mask.png"]) for row in rows}


def by_our_loader(folder: Path) -> Masks:
    loader = torch.utils.data.DataLoader(l4f.TrainingDataset(folder, shuffle=False), batch_size=2)
    return dict(zip((key for key, _ in files(folder)), (m.numpy() for _, masks in loader for m in masks), strict=True))


def by_our_readers(place: str) -> Callable[[Path], Masks]:
    def read(folder: Path) -> Masks:
        samples = open_samples(place.format(folder=folder), Reading())
        return {key.split("/")[-1]: samples.mask(index) for index, key in enumerate(samples.keys)}

    return read


READERS: dict[str, Callable[[Path], Masks]] = {
    "PIL": of_bytes(opened),
    'PIL, convert("L")': of_bytes(lambda content: opened(content).convert("L")),
    'PIL, convert("RGB")': of_bytes(lambda content: opened(content).convert("RGB")),
    "OpenCV, IMREAD_GRAYSCALE": by_opencv(cv2.IMREAD_GRAYSCALE),
    "OpenCV, IMREAD_UNCHANGED": by_opencv(cv2.IMREAD_UNCHANGED),
    "OpenCV, IMREAD_COLOR": by_opencv(cv2.IMREAD_COLOR),
    "imageio 2": of_bytes(imageio.v2.imread),
    "imageio 3": of_bytes(imageio.v3.imread),
    'imageio 3, mode "L"': of_bytes(lambda content: imageio.v3.imread(content, mode="L")),
    **{f'webdataset, decode("{kind}")': by_webdataset(kind) for kind in ("pil", "pill", "rgb8", "l8", "torchl8")},
    "datasets": by_datasets,
    "our loader": by_our_loader,
    "our reader of data sets": by_our_readers("{folder}"),
    "our reader of tars": by_our_readers("tars:{folder}/*.tar"),
}


@pytest.mark.parametrize("reader", READERS)
def test_every_decoder_reads_class_indices(reader, folder, truth):
    found = READERS[reader](folder)
    assert found.keys() == truth.keys()
    for key, mask in truth.items():
        # Some make three channels of one: all the same.
        channels = found[key] if found[key].ndim == 3 else found[key][..., None]
        channels = np.moveaxis(channels, 0, -1) if len(channels) in (1, 3) else channels
        for channel in range(channels.shape[-1]):
            np.testing.assert_array_equal(channels[..., channel], mask, err_msg=f"{reader}, {key}")
