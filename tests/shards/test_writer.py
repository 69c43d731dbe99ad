import hashlib
import json
import tarfile
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from l4f_datagen.generation.stream import stream
from l4f_datagen.sample import Sample
from l4f_datagen.settings import GenerateSettings
from l4f_datagen.shards import writer
from l4f_datagen.shards.format import layout, schema
from l4f_datagen.shards.writer import write_shard


@pytest.fixture(scope="module")
def samples(tiny_checkpoint):
    return list(stream(GenerateSettings(n=10, generator=str(tiny_checkpoint), device="cpu", save="w")))


def write(folder, samples, shard=3):
    return write_shard(folder, shard, iter(samples), image_format="jpg", quality=95, mask_values="01")


def test_the_files_of_a_shard(tmp_path, samples):
    stats = write(tmp_path, samples)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(layout.of_shard(3))
    assert json.loads((tmp_path / "00003_stats.json").read_text()) == stats
    assert (stats["shard"], stats["samples"]) == (3, 10)
    for name, file in stats["files"].items():
        content = (tmp_path / name).read_bytes()
        assert file["bytes"] == len(content)
        assert file["sha256"] == hashlib.sha256(content).hexdigest()
    assert stats["files"]["00003.tar"]["md5"] == hashlib.md5((tmp_path / "00003.tar").read_bytes()).hexdigest()
    assert stats["rejected"] == {}
    assert stats["means"]["mask_area"] == pytest.approx(sum(s.metadata["mask_area"] for s in samples) / 10, abs=1e-6)


def test_rejected_candidates_are_counted_by_reason(tmp_path, samples):
    reasons = [("min_area", "max_components", "min_area"), (), ("min_area",)]
    samples = [replace(sample, rejected=why) for sample, why in zip(samples, reasons)]
    assert write(tmp_path, samples)["rejected"] == {"max_components": 1, "min_area": 3}


def test_the_tar_is_plain_and_says_nothing_of_when_and_who(tmp_path, samples):
    write(tmp_path, samples)
    content = (tmp_path / "00003.tar").read_bytes()
    assert content[257:263] == b"ustar\0"
    with tarfile.open(tmp_path / "00003.tar") as tar:
        entries = tar.getmembers()
    assert {(e.mtime, e.uid, e.gid, e.uname, e.type) for e in entries} == {(0, 0, 0, "", tarfile.REGTYPE)}
    names = [e.name for e in entries]
    extensions = ["alpha.png", "jpg", "json", "mask.png", "w.npy"]
    assert names == [f"{s.key}.{extension}" for s in samples for extension in extensions]


def test_the_same_samples_give_the_same_bytes(tmp_path, samples):
    for name in "ab":
        (tmp_path / name).mkdir()
        write(tmp_path / name, samples)
    for name in layout.of_shard(3):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_the_dali_index_points_at_the_members(tmp_path, samples):
    write(tmp_path, samples)
    content = (tmp_path / "00003.tar").read_bytes()
    head, *lines = (tmp_path / "00003.idx").read_text().splitlines()
    assert head == "v1.2 10" and len(lines) == 10
    with tarfile.open(tmp_path / "00003.tar") as tar:
        expected = {e.name: tar.extractfile(e).read() for e in tar}
    found = {}
    for line in lines:
        words = line.split()
        for extension, offset, size, name in zip(words[::4], words[1::4], words[2::4], words[3::4], strict=True):
            assert name.split(".", 1)[1] == extension
            found[name] = content[int(offset) : int(offset) + int(size)]
    assert found == expected


def test_parquet_and_json_say_the_same(tmp_path, samples):
    write(tmp_path, samples)
    table = pq.read_table(tmp_path / layout.parquet(3))
    assert table.schema.equals(schema.SCHEMA)
    with tarfile.open(tmp_path / "00003.tar") as tar:
        rows = [json.loads(tar.extractfile(e).read()) for e in tar if e.name.endswith(".json")]
    assert table.to_pylist() == rows


def test_a_failure_leaves_nothing_behind(tmp_path, samples):
    def breaking():
        yield from samples[:5]
        raise RuntimeError("generation failed")

    with pytest.raises(RuntimeError, match="generation failed"):
        write_shard(tmp_path, 0, breaking(), image_format="jpg", quality=95, mask_values="01")
    assert list(tmp_path.iterdir()) == []


def test_incomplete_metadata_is_refused(samples):
    row = dict(samples[0].metadata)
    for change in ({"psi": None}, {"extra": 1}):
        with pytest.raises(ValueError, match="expected"):
            schema.table([row | change])
    del row["psi"]
    with pytest.raises(ValueError, match="expected"):
        schema.table([row])


@pytest.mark.parametrize(
    ("side", "sizes"), [(128, [32, 32, 6]), (256, [8] * 8 + [6]), (1024, [1] * 70), (8, [32, 32, 6])]
)
def test_large_samples_are_encoded_fewer_at_a_time(side, sizes):
    blank = np.zeros((side, side), np.uint8)
    samples = (Sample(image=blank, alpha=blank, mask=blank, metadata={"index": index}) for index in range(70))
    chunks = list(writer._chunks(samples))
    assert [len(chunk) for chunk in chunks] == sizes
    assert [s.metadata["index"] for chunk in chunks for s in chunk] == list(range(70))
