"""Epochs follow each other by themselves, and one that was left in the middle goes on exactly there."""

import copy
import pickle

import numpy as np
import pytest
from torch.utils.data import DataLoader

import l4f_datagen as l4f
from l4f_datagen.loading import shares
from l4f_datagen.making.importing import import_dataset
from l4f_datagen.settings import ImportSettings

from .test_dataset import ALL, key, keys

WAYS = {
    "no workers": {},
    "one worker": {"num_workers": 1},
    "three workers": {"num_workers": 3},
    "three that live on": {"num_workers": 3, "persistent_workers": True},
    "two that are ahead": {"num_workers": 2, "prefetch_factor": 5},
}


def loader_of(folder, way, *, seed=0, **options):
    dataset = l4f.TrainingDataset(folder, transform=key, batch_size=4, buffer=7, seed=seed, **options)
    return DataLoader(dataset, batch_size=4, **WAYS[way])


def epoch_of(loader):
    return [tuple(batch) for batch in loader]


@pytest.mark.parametrize("way", ["no workers", "three workers", "three that live on"])
def test_every_iteration_is_the_next_epoch(folder, way):
    workers = WAYS[way].get("num_workers", 0)
    options = {"workers": workers, "buffer": 7, "batch_size": 4}
    loader = loader_of(folder, way)
    found = [sum(epoch_of(loader), ()) for _ in range(2)]
    next(iter(loader))  # one that is given up counts
    found.append(sum(epoch_of(loader), ()))
    loader.dataset.set_epoch(1)
    found += [sum(epoch_of(loader), ()) for _ in range(2)]
    for epoch, order in zip((0, 1, 3, 1, 2), found, strict=True):
        assert list(order) == keys(folder, epoch=epoch, **options), epoch
        assert sorted(order) == ALL


@pytest.mark.parametrize(
    ("way", "batches"),
    [("no workers", 1), ("no workers", 11), ("one worker", 5), ("three workers", 1), ("three workers", 8),
     ("three that live on", 11), ("two that are ahead", 5)],
)  # fmt: skip
def test_an_epoch_goes_on_where_it_was_left(folder, way, batches):
    whole = loader_of(folder, way)
    epoch_of(whole)
    expected = [epoch_of(whole) for _ in range(2)]
    workers = WAYS[way].get("num_workers", 0)
    left = loader_of(folder, way)
    left.dataset.set_epoch(1)
    begun = iter(left)
    given = [tuple(next(begun)) for _ in range(batches)]
    state = pickle.loads(pickle.dumps(left.dataset.state_dict(batches=batches, workers=workers)))
    del begun
    other = loader_of(folder, way)
    other.dataset.load_state_dict(state)
    assert given + epoch_of(other) == expected[0]
    assert epoch_of(other) == expected[1], "the next one is whole"


def test_an_epoch_that_was_whole_is_followed_by_the_next(folder):
    loader = loader_of(folder, "no workers")
    epoch_of(loader)
    state = loader.dataset.state_dict(batches=12)
    other = loader_of(folder, "no workers")
    other.dataset.load_state_dict(state)
    assert epoch_of(other) == epoch_of(loader)


@pytest.mark.parametrize("threads", [1, 3])
def test_a_process_tells_what_it_has_yielded(folder, threads):
    whole = list(l4f.TrainingDataset(folder, transform=key, buffer=7))
    first = l4f.TrainingDataset(folder, transform=key, buffer=7, decode_threads=threads)
    begun = iter(first)
    given = [next(begun) for _ in range(13)]
    other = l4f.TrainingDataset(folder, transform=key, buffer=7, decode_threads=threads)
    other.load_state_dict(first.state_dict())
    assert given + list(other) == whole
    assert list(other) == keys(folder, epoch=1, buffer=7)


@pytest.mark.parametrize("way", ["no workers", "three workers"])
def test_torchdata_keeps_the_place(folder, way):
    stateful = pytest.importorskip("torchdata.stateful_dataloader").StatefulDataLoader

    def loader():
        return stateful(loader_of(folder, way).dataset, batch_size=4, **WAYS[way])

    whole = loader()
    expected = [epoch_of(whole) for _ in range(3)]
    for batches in (None, 0, 5):
        left = loader()
        assert epoch_of(left) == expected[0]
        begun = None if batches is None else iter(left)  # None: the state at the end of an epoch
        given = [tuple(next(begun)) for _ in range(batches or 0)]
        state = pickle.loads(pickle.dumps(left.state_dict()))
        other = loader()
        other.load_state_dict(state)
        assert given + epoch_of(other) == expected[1]
        assert epoch_of(other) == expected[2]


def test_lightning_gives_another_order_in_each_epoch(folder):
    lightning = pytest.importorskip("pytorch_lightning")
    import torch

    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.weight, self.orders = torch.nn.Parameter(torch.zeros(1)), []

        def on_train_epoch_start(self):
            self.orders.append([])

        def training_step(self, batch, _):
            self.orders[-1] += batch
            return self.weight.sum()

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), 0.1)

    module = Module()
    quiet = {
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    lightning.Trainer(max_epochs=3, accelerator="cpu", **quiet).fit(module, loader_of(folder, "no workers"))
    assert [sorted(order) for order in module.orders] == [ALL] * 3
    assert len({tuple(order) for order in module.orders}) == 3


@pytest.mark.parametrize("change", [{"seed": 1}, {"buffer": 8}, {"shuffle": False}, {"rank": 0, "world_size": 2}])
def test_a_state_of_other_arguments_is_refused(folder, change):
    state = l4f.TrainingDataset(folder, transform=key, buffer=7).state_dict(batches=3)
    other = l4f.TrainingDataset(folder, transform=key, **{"buffer": 7, **change})
    with pytest.raises(l4f.UserError, match=next(name for name in (*change, "x") if name != "rank")):
        other.load_state_dict(state)


@pytest.mark.parametrize("place", [{"batches": 3}, {}], ids=["batches of a loader", "samples of a process"])
@pytest.mark.parametrize("damage", [None, "x", -1, 1.5])
def test_a_state_whose_place_is_none_is_refused(folder, place, damage):
    dataset = l4f.TrainingDataset(folder, transform=key)
    state = dataset.state_dict(**place)
    with pytest.raises(l4f.UserError, match="epoch of the state"):
        dataset.load_state_dict({**state, "epoch": damage})


@pytest.mark.parametrize("place", [{"batches": -1}, {"batches": 1, "workers": -1}])
def test_a_place_before_the_first_is_refused(folder, place):
    with pytest.raises(l4f.UserError, match="got -1; expected at least 0"):
        l4f.TrainingDataset(folder, transform=key).state_dict(**place)


def test_another_number_of_workers_is_refused(folder):
    loader = loader_of(folder, "no workers")
    loader.dataset.load_state_dict(loader.dataset.state_dict(batches=3, workers=2))
    with pytest.raises(l4f.UserError, match="got 0; expected 2"):
        epoch_of(loader)


def test_a_copy_counts_for_itself(folder):
    dataset = l4f.TrainingDataset(folder, transform=key)
    first = list(dataset)
    for other in (copy.deepcopy(dataset), pickle.loads(pickle.dumps(l4f.TrainingDataset(folder, buffer=1000)))):
        other.set_epoch(0)
        other.transform = key
        assert list(other) == first
    assert list(dataset) == keys(folder, epoch=1)


@pytest.mark.parametrize("batches", range(14))
@pytest.mark.parametrize("workers", [1, 2, 3, 5, 13])
def test_parts_after_batches(batches, workers):
    """What a loader of torch does, in words: batches of each worker in turn."""
    share, size = (10, 57), 4
    parts = [shares.worker_share(share, worker, workers, size) for worker in range(workers)]
    queues = [[*range(start, stop, size)] for start, stop in parts]
    order = []
    while any(queues):
        order += [queue.pop(0) for queue in queues if queue]
    again = shares.after_batches(share, batches, workers, size)
    queues = [[*range(parts[part][0] + given, parts[part][1], size)] for part, given in again]
    left = []
    while any(queues):
        left += [queue.pop(0) for queue in queues if queue]
    assert sorted(part for part, _ in again) == list(range(workers))
    assert left == order[batches:]


@pytest.fixture
def mixed(tmp_path):
    from PIL import Image

    for number, size in enumerate(((16, 16), (16, 16), (24, 16))):
        for kind, mode in (("images", "RGB"), ("masks", "L")):
            (tmp_path / "in" / kind).mkdir(parents=True, exist_ok=True)
            array = np.full((*size[::-1], 3), 90, np.uint8) if mode == "RGB" else np.eye(*size[::-1], dtype=np.uint8)
            Image.fromarray(array * (1 if mode == "RGB" else 255)).save(tmp_path / "in" / kind / f"{number}.png")
    import_dataset(ImportSettings(source=str(tmp_path / "in"), size="keep", samples_per_shard=2), tmp_path / "out")
    return tmp_path / "out"


def test_several_sizes_are_told(mixed):
    with pytest.raises(l4f.UserError, match=r"2 sizes: 16×16 \(2\), 16×24 \(1\).*transform"):
        l4f.TrainingDataset(mixed, batch_size=2)
    with pytest.warns(UserWarning, match="2 sizes"):
        assert len(list(l4f.TrainingDataset(mixed))) == 3
    assert len(list(l4f.TrainingDataset(mixed, batch_size=2, transform=key))) == 3
