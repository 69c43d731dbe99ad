"""Samples drawn for real loaders and their worker processes."""

import pickle

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

import l4f_datagen as l4f


@pytest.fixture
def settings(tiny_settings) -> l4f.GenerateSettings:
    """7 samples an epoch, two to a block."""
    return tiny_settings.model_copy(update={"n": 7, "batch_size": 2})


def key(sample: l4f.Sample) -> str:
    return sample.key


def test_images_and_masks_are_those_of_the_stream(settings):
    drawn = l4f.StreamDataset(settings)
    found = list(drawn)
    for (image, mask), sample in zip(found, l4f.stream(settings), strict=True):
        assert (image.dtype, image.shape, mask.dtype, mask.shape) == (torch.uint8, (3, 16, 16), torch.int64, (16, 16))
        assert image.is_contiguous()
        assert np.abs(image.permute(1, 2, 0).numpy().astype(int) - sample.image).max() <= 1
        assert np.mean(mask.numpy() != sample.mask) < 0.02
    assert len(drawn) == 7 and "7 samples an epoch" in repr(drawn)


@pytest.mark.parametrize("filters", [{}, {"min_area": 0.3}])
def test_each_index_once_over_processes_workers_and_epochs(settings, filters):
    settings = settings.model_copy(update=filters)
    ranks = [
        l4f.StreamDataset(settings, transform=key, rank=r, world_size=2, batch_size=3, threads=1 + r) for r in (0, 1)
    ]
    for epoch in range(2):
        # Two workers in the first process, none in the second, which draws ahead in threads.
        keys = [k for r in (0, 1) for batch in DataLoader(ranks[r], batch_size=3, num_workers=2 - 2 * r) for k in batch]
        assert sorted(keys) == [f"{7 * epoch + index:09d}" for index in range(7)]


@pytest.mark.parametrize("workers", [0, 2])
def test_it_goes_on_with_the_same_bits_in_the_middle_of_an_epoch(settings, workers):
    def loader(dataset):
        return DataLoader(dataset, batch_size=3, num_workers=workers)

    whole = l4f.StreamDataset(settings, batch_size=3)
    whole.set_epoch(4)
    batches = [images for images, _ in loader(whole)]
    state = whole.state_dict(batches=2, workers=workers)
    again = l4f.StreamDataset(settings, batch_size=3)
    again.load_state_dict(state)
    rest = [images for images, _ in loader(again)]
    assert len(rest) == len(batches) - 2 and all(torch.equal(a, b) for a, b in zip(rest, batches[2:], strict=True))
    with pytest.raises(l4f.UserError, match="settings of the data set"):
        l4f.StreamDataset(settings.model_copy(update={"psi": 0.3}), batch_size=3).load_state_dict(state)


def test_a_state_of_this_process_alone(settings):
    whole = [image for image, _ in l4f.StreamDataset(settings)]
    dataset = l4f.StreamDataset(settings)
    samples = iter(dataset)
    for _ in range(3):
        next(samples)
    again = l4f.StreamDataset(settings)
    again.load_state_dict(dataset.state_dict())
    assert all(torch.equal(image, other) for (image, _), other in zip(again, whole[3:], strict=True))


def test_a_copy_for_another_process_loads_its_own_networks(settings):
    dataset = l4f.StreamDataset(settings.model_copy(update={"n": 3}), transform=key)
    state = dataset.__getstate__()
    assert state["_drawing"] is None and pickle.dumps(state["settings"])
    again = object.__new__(l4f.StreamDataset)
    again.__dict__.update(state)
    assert list(again) == ["000000000", "000000001", "000000002"]


def test_forked_workers_and_a_gpu_are_refused(settings, monkeypatch):
    dataset = l4f.StreamDataset(settings)
    monkeypatch.setattr("l4f_datagen.loading.drawn.get_worker_info", lambda: object())
    object.__setattr__(dataset._drawing.models, "device", torch.device("cuda:0"))
    with pytest.raises(l4f.UserError, match="forked workers, and networks on cuda:0"):
        list(dataset)


@pytest.mark.parametrize(
    ("options", "words"), [({"rank": 1}, "both or none"), ({"threads": 0}, "threads"), ({"uneven": "pad"}, "keep or")]
)
def test_mistakes(settings, options, words):
    with pytest.raises(l4f.UserError, match=words):
        l4f.StreamDataset(settings, **options)
