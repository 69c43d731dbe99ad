"""Readers of a data set folder as it is."""

import io
import json

import numpy as np
import pyarrow.parquet as pq
import torch
from PIL import Image

import l4f_datagen as l4f
from l4f_datagen.shards.format.schema import SCHEMA

from .sets import Sets


def by_datasets(sets: Sets) -> None:
    import datasets

    rows = datasets.load_dataset(str(sets.folder), split="train", cache_dir=str(sets.room("datasets")))
    assert [row["__key__"] for row in rows] == list(sets.truth)
    for row in rows:
        sample = sets.truth[row["__key__"]]
        assert row["mask.png"].mode == row["alpha.png"].mode == "L" and row["json"] == sample.metadata
        np.testing.assert_array_equal(np.asarray(row["alpha.png"]), sample.alpha)
        np.testing.assert_array_equal(np.asarray(row["jpg"]), sample.image)
    sets.check_masks({row["__key__"]: row["mask.png"] for row in rows})


def by_webdataset(sets: Sets) -> None:
    import webdataset

    urls = sorted(map(str, sets.folder.glob("*.tar")))
    rows = list(webdataset.WebDataset(urls, shardshuffle=False))
    assert [row["__key__"] for row in rows] == list(sets.truth)
    assert [json.loads(row["json"]) for row in rows] == sets.rows
    sets.check_masks({row["__key__"]: Image.open(io.BytesIO(row["mask.png"])) for row in rows})
    decoded = next(iter(webdataset.WebDataset(urls, shardshuffle=False).decode("pil")))
    assert isinstance(decoded["jpg"], Image.Image)


def by_wids(sets: Sets) -> None:
    import wids

    rows = wids.ShardListDataset(str(sets.folder / "wids.json"), cache_dir=str(sets.room("wids")), transformations=[])
    assert len(rows) == len(sets.truth)
    found = {}
    for number in reversed(range(len(rows))):  # at random, which is what it is for
        content = rows[number][".mask.png"]
        found[rows[number]["__key__"]] = Image.open(content if hasattr(content, "read") else io.BytesIO(content))
    sets.check_masks(found)


def by_the_rule_of_wids(sets: Sets) -> None:
    index = json.loads((sets.folder / "wids.json").read_text())
    assert index["__kind__"] == "wids-shard-index-v1" and index["wids_version"] == 1
    assert [shard["nsamples"] for shard in index["shardlist"]] == [4, 4, 2]
    for shard in index["shardlist"]:
        assert (sets.folder / shard["url"]).stat().st_size == shard["filesize"]


def by_the_rule_of_dali(sets: Sets) -> None:
    """``v1.2 N``, then a line per sample: extension, offset, size and name of each member."""
    found = {}
    for path in sorted(sets.folder.glob("*.idx")):
        first, *lines = path.read_text().splitlines()
        assert first == f"v1.2 {len(lines)}"
        content = path.with_suffix(".tar").read_bytes()
        for line in lines:
            words = line.split()
            for extension, offset, size, name in zip(*(words[place::4] for place in range(4)), strict=True):
                key, _, rest = name.partition(".")
                assert rest == extension
                if extension == "mask.png":
                    part = content[int(offset) : int(offset) + int(size)]
                    found[key] = Image.open(io.BytesIO(part))
    sets.check_masks(found)


def by_the_rule_of_openclip(sets: Sets) -> None:
    assert json.loads((sets.folder / "sizes.json").read_text()) == {"00000.tar": 4, "00001.tar": 4, "00002.tar": 2}


def by_the_rule_of_timm(sets: Sets) -> None:
    split = json.loads((sets.folder / "_info.json").read_text())["splits"]["train"]
    assert split["num_samples"] == sum(split["shard_lengths"]) == len(sets.truth)
    assert split["filenames"] == ["00000.tar", "00001.tar", "00002.tar"]


def by_pandas(sets: Sets) -> None:
    import pandas

    assert pandas.read_parquet(sets.folder / "metadata.parquet")["mask_area"].tolist() == _column(sets, "mask_area")
    (place,) = sets.folder.glob("*.parquet")  # each row once
    assert pq.read_table(place).to_pylist() == sets.rows


def by_polars(sets: Sets) -> None:
    import polars

    frame = polars.scan_parquet(sets.folder / "metadata.parquet").filter(polars.col("height") > 0).collect()
    assert polars.read_parquet(sets.folder / "*.parquet").height == len(sets.rows)  # each row once
    assert frame.columns == SCHEMA.names and frame["key"].to_list() == _column(sets, "key")


def by_duckdb(sets: Sets) -> None:
    import duckdb

    place = str(sets.folder / "*.parquet")  # each row once
    (found,) = duckdb.execute(
        "select count(*), count(distinct key), avg(width) from read_parquet(?)", [place]
    ).fetchall()
    assert found == (len(sets.rows), len(sets.rows), np.mean(_column(sets, "width")))


def by_our_loader(sets: Sets) -> None:
    loader = torch.utils.data.DataLoader(l4f.TrainingDataset(sets.folder, shuffle=False), batch_size=5)
    found = [mask for _, masks in loader for mask in masks.numpy()]
    sets.check_masks(dict(zip(sets.truth, found, strict=True)))


def by_lightning(sets: Sets) -> None:
    import pytorch_lightning as lightning

    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.layer, self.seen, self.automatic_optimization = torch.nn.Conv2d(3, 2, 1), [], True

        def training_step(self, batch, index):
            images, masks = batch
            self.seen.append(masks)
            return torch.nn.functional.cross_entropy(self.layer(images / 255), masks, ignore_index=255)

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.1)

    module, quiet = Module(), {"logger": False, "enable_progress_bar": False, "enable_checkpointing": False}
    loader = torch.utils.data.DataLoader(l4f.TrainingDataset(sets.folder), batch_size=5)
    lightning.Trainer(max_epochs=2, accelerator="cpu", enable_model_summary=False, **quiet).fit(module, loader)
    first, second = (torch.cat(module.seen[begin : begin + 2]) for begin in (0, 2))
    assert len(first) == len(second) == len(sets.truth) and not torch.equal(first, second)


def by_torchdata(sets: Sets) -> None:
    from torchdata.stateful_dataloader import StatefulDataLoader

    def loader() -> StatefulDataLoader:
        return StatefulDataLoader(l4f.TrainingDataset(sets.folder, batch_size=2), batch_size=2)

    stopped = loader()
    batches = iter(stopped)
    next(batches)
    state, rest = stopped.state_dict(), [masks for _, masks in batches]
    again = loader()
    again.load_state_dict(state)
    for masks, (_, found) in zip(rest, again, strict=True):
        assert torch.equal(masks, found)


def by_transformers(sets: Sets) -> None:
    """A tiny SegFormer learns from rows of ``datasets``; ignored pixels count for nothing."""
    import datasets
    from transformers import SegformerConfig, SegformerForSemanticSegmentation, SegformerImageProcessor

    rows = datasets.load_dataset(str(sets.folder), split="train", streaming=True)
    batch = [row for row in rows if row["__key__"] in ("000000006", "000000008")]
    side = {"height": 32, "width": 32}
    made = SegformerImageProcessor(size=side)(
        [row["jpg"] for row in batch], segmentation_maps=[row["mask.png"] for row in batch], return_tensors="pt"
    )
    assert set(made["labels"].unique().tolist()) == {0, 1, 255}
    small = {"hidden_sizes": [8, 8, 8, 8], "num_attention_heads": [1, 1, 1, 1], "depths": [1, 1, 1, 1]}
    network = SegformerForSemanticSegmentation(SegformerConfig(num_labels=2, decoder_hidden_size=8, **small))
    loss = network(pixel_values=made["pixel_values"], labels=made["labels"]).loss
    loss.backward()
    assert torch.isfinite(loss)


def by_decoders_of_masks(program: str):
    """Those of the table of decoders in tests/mask_files that begin with the program's name."""

    def read(sets: Sets) -> None:
        from ..mask_files.test_readers import READERS

        chosen = [reader for name, reader in READERS.items() if name.startswith(program)]
        assert chosen
        for reader in chosen:
            found = {key: mask if mask.ndim == 2 else mask[..., 0] for key, mask in reader(sets.folder).items()}
            sets.check_masks(found)

    return read


def _column(sets: Sets, name: str) -> list:
    return [row[name] for row in sets.rows]
