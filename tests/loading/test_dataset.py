"""With real loaders and their worker processes."""

import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

import l4f_datagen as l4f
from l4f_datagen.making.render import render
from l4f_datagen.settings import RenderSettings
from l4f_datagen.shards.format import layout


def key(sample: l4f.Sample) -> str:
    return sample.key


def keys(folder, *, epoch=0, workers=0, threads=1, **options) -> list[str]:
    dataset = l4f.TrainingDataset(folder, transform=key, decode_threads=threads, **options)
    dataset.set_epoch(epoch)
    return [k for batch in DataLoader(dataset, batch_size=4, num_workers=workers) for k in batch]


ALL = [f"{index:09d}" for index in range(47)]


@pytest.mark.parametrize("shuffle", [True, False])
def test_every_sample_once_with_2_ranks_of_3_workers_and_5_shards(folder, shuffle):
    parts = [keys(folder, rank=rank, world_size=2, workers=3, shuffle=shuffle, buffer=5) for rank in range(2)]
    assert sorted(parts[0] + parts[1]) == ALL
    assert [len(part) for part in parts] == [23, 24]
    assert all(len({k[:-1] for k in part}) >= 2 for part in parts)


def test_more_consumers_than_shards_all_get_some(folder):
    counts = []
    for rank in range(4):
        dataset = l4f.TrainingDataset(folder, transform=key, rank=rank, world_size=4)
        loader = DataLoader(dataset, batch_size=None, num_workers=3)
        counts.append(len(list(loader)))
        assert len(dataset) == counts[-1]
    assert sum(counts) == 47 and min(counts) == 11


def test_images_and_masks_are_those_of_the_shards(folder):
    found = list(l4f.TrainingDataset(folder, shuffle=False))
    for (image, mask), sample in zip(found, l4f.open_dataset(folder), strict=True):
        assert (image.dtype, image.shape, mask.dtype, mask.shape) == (torch.uint8, (3, 16, 16), torch.int64, (16, 16))
        assert image.is_contiguous()
        np.testing.assert_array_equal(image.permute(1, 2, 0), sample.image)
        np.testing.assert_array_equal(mask, sample.mask)


def test_orders_depend_on_seed_and_epoch_alone(folder):
    orders = {(seed, epoch): keys(folder, seed=seed, epoch=epoch) for seed in (0, 1) for epoch in (0, 1)}
    assert len({tuple(order) for order in orders.values()}) == 4
    assert all(sorted(order) == ALL for order in orders.values())
    assert keys(folder, seed=1, epoch=1) == orders[1, 1]
    assert keys(folder, seed=1, epoch=1, threads=3) == orders[1, 1], "threads change nothing"
    assert keys(folder, shuffle=False) == ALL


def test_persistent_workers_hear_of_a_new_epoch(folder):
    dataset = l4f.TrainingDataset(folder, transform=key)
    loader = DataLoader(dataset, batch_size=4, num_workers=2, persistent_workers=True)
    orders = []
    for epoch in (0, 1, 0):
        dataset.set_epoch(epoch)
        orders.append([k for batch in loader for k in batch])
    assert orders[0] == orders[2] != orders[1]
    assert Counter(orders[1]) == Counter(ALL)


def test_whole_batches_of_every_worker(folder):
    dataset = l4f.TrainingDataset(folder, batch_size=4)
    loader = DataLoader(dataset, batch_size=4, num_workers=3)
    sizes = [len(images) for images, masks in loader]
    assert len(sizes) == len(loader) == 12 and sorted(sizes)[:2] == [3, 4]


@pytest.mark.parametrize(("uneven", "each"), [("drop", 23), ("repeat", 24)])
def test_processes_may_ask_for_equal_shares(folder, uneven, each):
    parts = [keys(folder, rank=rank, world_size=2, uneven=uneven) for rank in range(2)]
    assert [len(part) for part in parts] == [each, each]
    assert len({*parts[0], *parts[1]}) == min(47, 2 * each)


def test_the_process_is_known_from_the_environment(folder, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "3")
    dataset = l4f.TrainingDataset(folder)
    assert (dataset.rank, dataset.world_size, len(dataset)) == (1, 3, 16)


def test_the_process_is_known_from_torch_distributed(folder):
    program = (
        "import sys, torch.distributed as d, l4f_datagen as l4f; "
        "d.init_process_group('gloo', store=d.HashStore(), rank=0, world_size=1); "
        "s = l4f.TrainingDataset(sys.argv[1]); assert (s.rank, s.world_size) == (0, 1); d.destroy_process_group()"
    )
    environment = {"RANK": "7", "WORLD_SIZE": "8", "OMP_NUM_THREADS": "1", "PATH": ""}
    subprocess.run([sys.executable, "-c", program, str(folder)], check=True, env=environment)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rank": 1}, "both or none"), ({"rank": 2, "world_size": 2}, "2 of 2"), ({"buffer": 0}, "buffer"),
        ({"uneven": "pad"}, "keep or drop or repeat"), ({"decode_threads": 0}, "decode_threads"),
    ],
)  # fmt: skip
def test_mistakes(folder, options, words):
    with pytest.raises(l4f.UserError, match=words):
        l4f.TrainingDataset(folder, **options)


def test_missing_and_damaged_shards_are_told(tmp_path):
    render(RenderSettings(n=30, size=16, samples_per_shard=10), tmp_path)
    tar = tmp_path / layout.tar(1)
    content = bytearray(tar.read_bytes())
    content[content.index(b"\x89PNG")] = 0
    tar.write_bytes(content)
    with pytest.raises(ValueError, match="sample 000000010 of .*00001.tar is damaged"):
        list(l4f.TrainingDataset(tmp_path, transform=key))
    (tmp_path / layout.stats(1)).unlink()
    with pytest.raises(l4f.UserError, match="2 of 3 shards are finished"):
        l4f.TrainingDataset(tmp_path)
    assert len(list(l4f.TrainingDataset(tmp_path, allow_incomplete=True))) == 20
