"""Damage is one class: every command that reads a data set tells every kind of it in one line, exit 1, and names it."""

import logging
import shutil
from pathlib import Path

import pytest

import l4f_datagen as l4f
from l4f_datagen.cli import main
from l4f_datagen.loading.dataset import TrainingDataset
from l4f_datagen.making.render import render
from l4f_datagen.shards.damage import Damaged
from l4f_datagen.shards.format import layout
from tests.damages import EVERYWHERE, INDEX, OF_SAMPLES, PARQUET, SETTINGS, STATS, TAR, rewritten, told


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "set"
    render(SETTINGS, folder)
    return folder


@pytest.fixture
def folder(made, tmp_path) -> Path:
    return shutil.copytree(made, tmp_path / "set")


_READERS = {
    **{f"export {name}": ["export", "SET", "--format", name, "--out", "OUT/out"]
       for name in ("coco", "yolo", "voc", "folder", "hf-parquet", "fiftyone")},
    "preview": ["preview", "SET", "--out", "OUT/sheet.png"],
    "gallery": ["gallery", "SET", "--out", "OUT/pages"],
    "evaluate masks": ["evaluate", "masks", "SET", "SET"],
    "train-segmenter": ["train-segmenter", "--shards", "SET", "--out", "OUT/run", "--iterations", "40", "--size", "32",
                        "--batch-size", "4", "--device", "cpu"],
}  # fmt: skip
_OTHERS = {
    "stats": ["stats", "SET", "--json-file", "OUT/stats.json"],
    "finalize": ["finalize", "SET"],
}


NOT_READ = {"train-segmenter": ("metadata",), "evaluate masks": ("metadata", "image", "another size")}
"""What commands leave alone of samples."""


def run(words: list[str], folder: Path, tmp_path: Path, capfd) -> tuple[int, str]:
    """The exit code of a command and what it said on standard error."""
    words = [word.replace("SET", str(folder)).replace("OUT", str(tmp_path)) for word in words]
    code = main(words)
    return code, capfd.readouterr().err


@pytest.mark.parametrize("case", EVERYWHERE)
@pytest.mark.parametrize("command", ["export coco", "preview", "gallery", "evaluate masks", "stats", "finalize"])
def test_damage_is_told_by_every_command(case, command, folder, tmp_path, capfd):
    damage, named = EVERYWHERE[case]
    damage(folder)
    told(*run((_READERS | _OTHERS)[command], folder, tmp_path, capfd), named)


@pytest.mark.parametrize("case", OF_SAMPLES)
@pytest.mark.parametrize("command", _READERS)
def test_damage_of_samples_is_told_by_all_that_read_them(case, command, folder, tmp_path, capfd):
    if command in NOT_READ and any(word in case for word in NOT_READ[command]):
        pytest.skip("it does not read that")
    damage, named = OF_SAMPLES[case]
    damage(folder)
    told(*run(_READERS[command], folder, tmp_path, capfd), named)


@pytest.mark.parametrize("case", [*EVERYWHERE, *OF_SAMPLES])
def test_damage_is_told_in_python(case, folder):
    damage, named = (EVERYWHERE | OF_SAMPLES)[case]
    damage(folder)
    with pytest.raises(Damaged, match=named) as error:
        list(l4f.open_dataset(folder))
    assert isinstance(error.value, (l4f.WorkError, ValueError)) and "\n" not in str(error.value)


@pytest.mark.parametrize("case", [*EVERYWHERE, *OF_SAMPLES])
def test_damage_is_told_in_training(case, folder):
    if "metadata" in case:
        pytest.skip("it does not read them")
    damage, named = (EVERYWHERE | OF_SAMPLES)[case]
    damage(folder)
    with pytest.raises(Damaged, match=named):
        list(TrainingDataset(folder))


_MADE_AGAIN = [case for case, (_, named) in EVERYWHERE.items() if named != layout.DATASET and "folder" not in case]


@pytest.mark.parametrize("case", _MADE_AGAIN)
def test_what_a_data_set_lost_is_made_again_when_it_grows(case, folder, tmp_path, caplog):
    more = SETTINGS.model_copy(update={"n": 16})
    render(more, tmp_path / "grown")
    damage, named = EVERYWHERE[case]
    damage(folder)
    with caplog.at_level(logging.WARNING):
        render(more, folder)
    assert named in caplog.text and "made again" in caplog.text
    names = sorted(path.name for path in folder.iterdir())
    assert names == sorted(path.name for path in (tmp_path / "grown").iterdir())
    assert all((folder / name).read_bytes() == (tmp_path / "grown" / name).read_bytes() for name in names)


@pytest.mark.parametrize("case", [*EVERYWHERE, *OF_SAMPLES])
def test_verify_lists_it(case, folder, capfd):
    damage, named = (EVERYWHERE | OF_SAMPLES)[case]
    damage(folder)
    assert main(["verify", str(folder)]) == 1
    said = capfd.readouterr()
    assert "Traceback" not in said.err and (named in said.out or TAR in said.out or named in said.err)


def test_a_data_set_without_permission(folder, tmp_path, capfd):
    (folder / TAR).chmod(0)
    try:
        with open(folder / TAR, "rb"):
            pytest.skip("this user may read everything")
    except PermissionError:
        pass
    code, said = run(_READERS["preview"], folder, tmp_path, capfd)
    assert code == 1 and TAR in said and "Traceback" not in said


MADE_AGAIN = {
    "an empty index": (rewritten(lambda c: b"", INDEX), INDEX),
    "an index of zeros": (rewritten(lambda c: bytes(len(c)), INDEX), INDEX),
    "rows of zeros": (rewritten(lambda c: bytes(len(c)), PARQUET), PARQUET),
    "a tar of zeros": (rewritten(lambda c: bytes(len(c)), TAR), TAR),
    "stats of another shard": (lambda f: shutil.copy(f / layout.stats(0), f / STATS) and None, STATS),
    "empty stats": (rewritten(lambda c: b"", STATS), STATS),
    "stats of zeros": (rewritten(lambda c: bytes(len(c)), STATS), STATS),
    "another shard's tar": (lambda f: shutil.copy(f / layout.tar(2), f / TAR) and None, TAR),
    **{f"{name} is empty": (rewritten(lambda c: b"", name), name) for name in (*layout.FINAL,)},
    **{f"{name} is all zeros": (rewritten(lambda c: bytes(len(c)), name), name) for name in (*layout.FINAL,)},
    "checksums with another digit": (
        rewritten(lambda c: c[:-70] + b"0" * 6 + c[-64:], layout.CHECKSUMS),
        layout.CHECKSUMS,
    ),
    "rows of all samples, cut": (rewritten(lambda c: c[:-20], layout.METADATA), layout.METADATA),
}


@pytest.mark.parametrize("case", MADE_AGAIN)
def test_what_a_finished_folder_lost_is_told_and_made_again(case, made, folder, caplog):
    damage, named = MADE_AGAIN[case]
    damage(folder)
    with caplog.at_level(logging.WARNING):
        render(SETTINGS, folder)
    assert named in caplog.text and "made again" in caplog.text
    files = sorted(path.name for path in made.iterdir())
    assert files == sorted(path.name for path in folder.iterdir())
    assert all((made / name).read_bytes() == (folder / name).read_bytes() for name in files)


@pytest.mark.parametrize("name", [layout.CARD, *layout.FINAL])
def test_finalize_makes_what_is_missing(name, made, folder, capfd):
    (folder / name).unlink()
    assert main(["finalize", str(folder)]) == 0
    assert (folder / name).read_bytes() == (made / name).read_bytes()


def test_a_finished_folder_is_left_alone(made, folder, caplog):
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    with caplog.at_level(logging.WARNING):
        render(SETTINGS, folder)
    assert not caplog.text and before == {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
