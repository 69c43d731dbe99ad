import hashlib
import json
import random
import shutil
from pathlib import Path

import pytest

import l4f_datagen as l4f
from l4f_datagen.engines.remaking import remake
from l4f_datagen.making.render import render
from l4f_datagen.settings import RenderSettings
from l4f_datagen.shards.format import layout, sealed
from l4f_datagen.shards.verify.verification import verify


def fingerprints(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


@pytest.fixture
def folder(tmp_path, tiny_settings):
    l4f.generate(tiny_settings, tmp_path / "s")
    return tmp_path / "s"


def flip(path: Path, numbers: random.Random) -> None:
    content = bytearray(path.read_bytes())
    content[numbers.randrange(len(content))] ^= 1 << numbers.randrange(8)
    path.write_bytes(content)


@pytest.mark.parametrize("seed", range(3))
def test_flipped_bytes_come_back(folder, seed):
    before, numbers = fingerprints(folder), random.Random(seed)
    flip(folder / layout.tar(0), numbers)
    flip(folder / layout.parquet(1), numbers)
    flip(folder / layout.index(1), numbers)
    flip(folder / layout.METADATA, numbers)
    flip(folder / layout.CARD, numbers)
    done = remake(folder)
    assert (done.made, done.different, done.unknown, done.left) == ([0, 1], [], [], [])
    assert fingerprints(folder) == before


@pytest.mark.parametrize("name", [*layout.of_shard(1), *layout.FINAL, layout.CARD])
def test_any_file_that_is_lost_or_flipped_comes_back(folder, name):
    before = fingerprints(folder)
    times = {p.name: p.stat().st_mtime_ns for p in folder.iterdir() if p.name[:5] in ("00000", "00002")}
    for damage in (lambda path: path.unlink(), lambda path: flip(path, random.Random(5))):
        damage(folder / name)
        done = remake(folder)
        assert done.made == ([1] if name.startswith("00001") else []) and done.left == []
        assert done.unknown == ([1] if name == layout.stats(1) else [])
        assert fingerprints(folder) == before
    assert all((folder / name).stat().st_mtime_ns == time for name, time in times.items()), "a whole shard was touched"


def test_what_is_whole_is_left_alone(folder):
    times = {p.name: p.stat().st_mtime_ns for p in folder.iterdir()}
    assert remake(folder).made == []
    assert {p.name: p.stat().st_mtime_ns for p in folder.iterdir()} == times


def test_leftovers_and_shards_too_many_are_removed(folder):
    before = fingerprints(folder)
    (folder / ".00001.tar.tmp").write_bytes(b"half")
    for name in layout.of_shard(3):
        shutil.copy(folder / name.replace("00003", "00002"), folder / name)
    assert {(f.shard, f.file) for f in verify(folder).findings} == {
        (None, ".00001.tar.tmp"), *((3, name) for name in layout.of_shard(3)),
    }  # fmt: skip
    assert remake(folder).left == []
    assert fingerprints(folder) == before


def test_other_bytes_than_before_are_told(folder):
    """A shard that another version made, by its stats: the same settings do not give its bytes any more."""
    stats = json.loads((folder / layout.stats(0)).read_text())
    stats["files"][layout.tar(0)]["sha256"] = "0" * 64
    (folder / layout.stats(0)).write_bytes(sealed.seal(stats))
    description = json.loads((folder / layout.DATASET).read_text())
    description["versions"]["pillow"] = "1.0"
    (folder / layout.DATASET).write_bytes(sealed.seal(description))
    done = remake(folder)
    assert done.different == [layout.tar(0)] and done.left == []
    assert done.versions["pillow"][0] == "1.0" and list(done.versions) == ["pillow"]


def test_a_damaged_description_is_not_guessed(folder):
    flip(folder / layout.DATASET, random.Random(1))
    flip(folder / layout.tar(1), random.Random(1))
    before = fingerprints(folder)
    with pytest.raises(l4f.WorkError, match="dataset.json is damaged.*restore it"):
        remake(folder)
    assert fingerprints(folder) == before


def test_another_checkpoint_is_refused_and_nothing_changes(folder, tiny_checkpoint, tmp_path):
    flip(folder / layout.tar(1), random.Random(1))
    before = fingerprints(folder)
    with pytest.raises(l4f.UserError, match="alpha .another checkpoint., generator .another checkpoint"):
        remake(folder, generator="vessels")
    assert fingerprints(folder) == before
    moved = tmp_path / "moved"
    shutil.copytree(tiny_checkpoint, moved)
    assert remake(folder, generator=str(moved)).different == []


def test_what_was_rendered_is_rendered_again(tmp_path):
    render(RenderSettings(n=23, size=16, samples_per_shard=10), tmp_path / "s")
    before = fingerprints(tmp_path / "s")
    flip(tmp_path / "s" / layout.tar(2), random.Random(0))
    assert remake(tmp_path / "s").made == [2]
    assert fingerprints(tmp_path / "s") == before
