"""An export is there whole or not at all, is the same every time, and needs no more memory for more samples."""

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tracemalloc
from pathlib import Path

import pytest

import l4f_datagen as l4f
from l4f_datagen.cli import main
from l4f_datagen.export import image_sets
from l4f_datagen.export.formats import folder, hf_parquet
from l4f_datagen.export.run import export
from l4f_datagen.making.render import render
from l4f_datagen.settings import ExportSettings, RenderSettings
from l4f_datagen.settings.export import FORMATS as ALL
from l4f_datagen.shards.format import layout, sealed

from ..faults import file_size_limit

FORMATS = ALL.names


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_data_set_gives_the_same_bytes(tmp_path, difficult, form):
    settings = ExportSettings(format=form, split="0.5/0.5")
    for name in ("a", "b"):
        export(settings, difficult, tmp_path / name)
    assert contents(tmp_path / "a") == contents(tmp_path / "b") != {}


@pytest.mark.parametrize("form", FORMATS)
def test_an_interrupted_export_leaves_nothing(tmp_path, generated, form):
    def interrupt(progress):
        assert progress.samples == progress.to_make == 23 and progress.shards == 3
        if progress.made == 12:
            assert progress.shard == 1 and not (tmp_path / "out").exists()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(ExportSettings(format=form), generated, tmp_path / "out", report=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_a_killed_export_is_not_there_and_can_be_made_again(tmp_path, generated):
    program = (
        "import os, signal, sys; from l4f_datagen.export.run import export; "
        "from l4f_datagen.settings import ExportSettings; "
        "export(ExportSettings(format='coco'), sys.argv[1], sys.argv[2], "
        "report=lambda p: p.made == 12 and os.kill(os.getpid(), signal.SIGKILL))"
    )
    done = subprocess.run([sys.executable, "-c", program, str(generated), str(tmp_path / "out")])
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "out").exists() and [p.name for p in tmp_path.iterdir()] == [".out.partial"]
    for name in ("out", "other"):
        export(ExportSettings(format="coco"), generated, tmp_path / name)
    assert contents(tmp_path / "out") == contents(tmp_path / "other")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["other", "out"]


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> dict[int, Path]:
    """Data sets by their number of samples."""
    folders = {n: tmp_path_factory.mktemp("memory") / f"s{n}" for n in (30, 330)}
    for n, path in folders.items():
        render(RenderSettings(n=n, size=16), path)
    return folders


@pytest.mark.parametrize("form", FORMATS)
def test_memory_does_not_grow_with_the_samples(monkeypatch, tmp_path, sources, form):
    monkeypatch.setattr(folder, "_ROWS", 10)
    monkeypatch.setattr(hf_parquet, "ROWS", 10)
    peaks = []
    for n in (30, 30, 330):  # once to import all there is
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        tracemalloc.start()
        export(ExportSettings(format=form, split="0.8/0.2"), sources[n], tmp_path / "out")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # 300 samples more: any row, entry or file that was kept would be more than 200 bytes for each.
    assert peaks[2] - peaks[1] < 60_000, peaks


@pytest.mark.parametrize("form", FORMATS)
def test_samples_of_a_list_are_left_out_and_the_others_stay_as_they_are(tmp_path, generated, form):
    whole, part = (
        export(ExportSettings(format=form, split="0.5/0.5", without=without), generated, tmp_path / name)
        for name, without in (("whole", None), ("part", ("000000003", "000000014 0", "000000015 1", "000000099")))
    )
    assert whole.left_out == 0 and part.left_out == 2
    assert sum(whole.counts.values()) == 23 and sum(part.counts.values()) == 21
    before, after = contents(tmp_path / "whole"), contents(tmp_path / "part")
    of_samples = {name for name in before if re.search(r"0000000\d\d", name)}
    gone = {name for name in of_samples if re.search("000000003|000000014", name)}
    assert gone == of_samples - set(after) and bool(gone) == (form != "hf-parquet")
    assert all(after[name] == before[name] for name in of_samples - gone)
    text = b"".join([*after.values(), *map(str.encode, after)])
    assert b"000000015" in text and b"000000003" not in text and b"000000014" not in text
    assert b"2 samples of the data set, which a list named, were left out" in after["README.md"]


def test_a_list_of_all_samples_leaves_nothing(tmp_path, generated, capsys):
    (tmp_path / "list.txt").write_text("\n".join(map(str, range(23))))
    words = ["export", str(generated), "--format", "folder", "--without", str(tmp_path / "list.txt")]
    assert main([*words, "--out", str(tmp_path / "out")]) == 2
    assert "all 23 samples" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["list.txt"]


def test_the_key_decides_where_a_sample_goes():
    keys = [f"{index:09d}" for index in range(20_000)]
    for shares in ((0.9, 0.1), (0.8, 0.15, 0.05)):
        found = [image_sets.image_set(key, shares) for key in keys]
        for name, share in zip(image_sets.NAMES, shares):
            assert found.count(name) / len(keys) == pytest.approx(share, abs=0.01)
        assert set(found) == set(image_sets.NAMES[: len(shares)])
    # For good: what was validation must not become training data with a later version.
    assert [image_sets.image_set(key, (0.5, 0.3, 0.2)) for key in keys[:8]] == PINNED


PINNED = ["test", "train", "train", "val", "val", "val", "test", "val"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"format": "coco", "mask_values": "01"}, ["mask-values: got 01 for coco, which has no mask files"]),
        ({"format": "yolo", "mask_values": "palette"}, ["yolo, which has no mask files"]),
        ({"format": "voc", "mask_values": "0255"}, ["0255 for voc", "palette or 01"]),
        ({"format": "fiftyone", "mask_values": "palette"}, ["palette for fiftyone", "01 or 0255"]),
    ],
    ids=lambda value: str(value)[:30],
)
def test_mask_values_that_a_format_cannot_hold(tmp_path, generated, settings, words):
    with pytest.raises(l4f.UserError) as error:
        export(ExportSettings(**settings), generated, tmp_path / "out")
    assert all(word in str(error.value) for word in words) and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", ["folder", "fiftyone", "hf-parquet"])
def test_ignored_pixels_are_not_turned_into_foreground(tmp_path, difficult, form):
    with pytest.raises(l4f.UserError, match="sample 000000008 has ignored pixels"):
        export(ExportSettings(format=form, mask_values="0255"), difficult, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_use_is_left_alone(tmp_path, generated):
    (tmp_path / "file").write_text("precious")
    for out, words in (
        (tmp_path, "holds file"),
        (tmp_path / "file", "got a file"),
        ("s3://bucket/set", "a place on this machine"),
    ):
        with pytest.raises(l4f.UserError, match=words):
            export(ExportSettings(format="yolo"), generated, out)
    assert contents(tmp_path) == {"file": b"precious"}
    (tmp_path / "empty").mkdir()
    assert export(ExportSettings(format="yolo"), generated, tmp_path / "empty").counts == {"train": 23}


def test_out_below_a_file(tmp_path, generated):
    (tmp_path / "file").write_text("precious")
    with pytest.raises(l4f.UserError, match="cannot be written|a file"):
        export(ExportSettings(format="yolo"), generated, tmp_path / "file" / "below")


def test_an_incomplete_data_set_is_refused(tmp_path, generated):
    copy = tmp_path / "s"
    shutil.copytree(generated, copy)
    (copy / layout.stats(1)).unlink()
    with pytest.raises(l4f.UserError, match="2 of 3 shards"):
        export(ExportSettings(format="coco"), copy, tmp_path / "out")


def tampered(source: Path, out: Path, change) -> Path:
    """A copy of a data set whose first shard went through ``change``, name → content or None; its length kept."""
    shutil.copytree(source, out)
    path = out / layout.tar(0)
    with tarfile.open(path) as tar:
        members = [(entry, tar.extractfile(entry).read()) for entry in tar]
    with tarfile.open(path, "w") as tar:
        for entry, content in members:
            content = change(entry.name, content)
            if content is not None:
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
    stats = json.loads((out / layout.stats(0)).read_text())
    stats["files"][layout.tar(0)]["bytes"] = os.path.getsize(path)
    (out / layout.stats(0)).write_bytes(sealed.seal(stats))
    return out


@pytest.mark.parametrize(
    ("name", "content", "form"),
    [
        ("000000003.mask.png", b"no image", "coco"),
        ("000000003.mask.png", None, "folder"),
        ("000000003.json", b"{", "folder"),
        ("000000003.jpg", None, "yolo"),
        ("000000003.alpha.png", None, "hf-parquet"),
    ],
)
def test_a_damaged_sample_is_named_and_nothing_is_left(tmp_path, generated, name, content, form):
    source = tampered(generated, tmp_path / "s", lambda n, c: content if n == name else c)
    with pytest.raises(l4f.WorkError, match="000000003"):
        export(ExportSettings(format=form), source, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def test_a_full_disk_is_told(tmp_path, generated):
    with file_size_limit(100), pytest.raises(l4f.WorkError, match="File too large; nothing was left"):
        export(ExportSettings(format="yolo"), generated, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
