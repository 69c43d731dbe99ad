"""Other projects' loaders read what we write."""

import json

import datasets
import numpy as np
import pyarrow.parquet as pq
import pytest
import webdataset
from PIL import Image

import l4f_datagen as l4f


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tiny_checkpoint):
    out = tmp_path_factory.mktemp("shards") / "set"
    settings = l4f.GenerateSettings(
        n=23, generator=str(tiny_checkpoint), batch_size=4, samples_per_shard=10, threshold=0.5, device="cpu", save="w"
    )
    l4f.generate(settings, out)
    return out


def test_datasets(folder, tmp_path):
    loaded = datasets.load_dataset(str(folder), split="train", cache_dir=str(tmp_path))
    assert len(loaded) == 23
    ours = {sample.key: sample for sample in l4f.open_dataset(folder)}
    for row in loaded:
        sample = ours[row["__key__"]]
        assert row["mask.png"].mode == "L" and row["alpha.png"].mode == "L"
        np.testing.assert_array_equal(np.asarray(row["mask.png"]), sample.mask)
        np.testing.assert_array_equal(np.asarray(row["alpha.png"]), sample.alpha)
        assert np.asarray(row["jpg"]).shape == sample.image.shape
        assert row["json"] == sample.metadata


def test_webdataset(folder):
    urls = sorted(map(str, folder.glob("*.tar")))
    rows = list(webdataset.WebDataset(urls, shardshuffle=False))
    assert [row["__key__"] for row in rows] == [f"{i:09d}" for i in range(23)]
    for row, sample in zip(rows, l4f.open_dataset(folder), strict=True):
        assert json.loads(row["json"]) == sample.metadata
    decoded = next(iter(webdataset.WebDataset(urls, shardshuffle=False).decode("pil")))
    assert isinstance(decoded["jpg"], Image.Image)


def test_wids(folder):
    index = json.loads((folder / "wids.json").read_text())
    assert index["__kind__"] == "wids-shard-index-v1" and index["wids_version"] == 1
    assert [shard["nsamples"] for shard in index["shardlist"]] == [10, 10, 3]
    for shard in index["shardlist"]:
        assert (folder / shard["url"]).stat().st_size == shard["filesize"]


def test_openclip_and_timm(folder):
    assert json.loads((folder / "sizes.json").read_text()) == {"00000.tar": 10, "00001.tar": 10, "00002.tar": 3}
    split = json.loads((folder / "_info.json").read_text())["splits"]["train"]
    assert split["num_samples"] == sum(split["shard_lengths"]) == 23
    assert split["filenames"] == ["00000.tar", "00001.tar", "00002.tar"]


def test_the_metadata_of_all_samples(folder):
    rows = pq.read_table(folder / "metadata.parquet").to_pylist()
    assert rows == [sample.metadata for sample in l4f.open_dataset(folder)]
