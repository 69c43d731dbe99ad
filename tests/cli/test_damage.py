"""Damage is one class: every command that reads a data set tells every kind of it in one line, exit 1, and names it."""

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import l4f_datagen as l4f
from l4f_datagen.cli import main
from l4f_datagen.engines.render import render
from l4f_datagen.settings import RenderSettings
from l4f_datagen.shards import encoding, layout, reader, sealed, writer
from l4f_datagen.shards.damage import Damaged
from l4f_datagen.storage.opening import open_store

SETTINGS = RenderSettings(n=12, size=16, samples_per_shard=4)
TAR, PARQUET, INDEX, STATS = (name(1) for name in (layout.tar, layout.parquet, layout.index, layout.stats))


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "set"
    render(SETTINGS, folder)
    return folder


@pytest.fixture
def folder(made, tmp_path) -> Path:
    return shutil.copytree(made, tmp_path / "set")


def rewritten(change: Callable[[bytes], bytes], name: str = TAR) -> Callable[[Path], None]:
    """A file's bytes changed, and nothing else."""
    return lambda folder: (folder / name).write_bytes(change((folder / name).read_bytes())) and None


def with_members(change: Callable[[dict[str, bytes]], dict[str, bytes] | None], *, which: int = 5) -> Callable:
    """The second shard with other members for one sample, written as if it had always had them."""

    def damage(folder: Path) -> None:
        store = open_store(folder)
        tar, lines = TAR, []
        found = list(reader.read_members(store, 1))
        with store.replacing(tar) as file:
            hashing = writer._HashingFile(file)
            archive = writer.TarWriter(hashing)
            for key, members in found:
                changed = change(dict(members)) if int(key) == which else members
                if changed is None:
                    continue
                places = []
                for extension in sorted(changed):
                    content = changed[extension]
                    name = f"{key}.{extension}"
                    places.append((extension, archive.add(name, content), len(content), name))
                lines.append(writer.index_line(places))
            archive.close()
            digest = hashing.digest()
        index = writer.index_content(lines)
        store.write_bytes(INDEX, index)
        stats = json.loads((folder / STATS).read_bytes())
        stats["files"] |= {TAR: digest, INDEX: writer._digest(index)}
        store.write_bytes(STATS, sealed.seal(stats))

    return damage


def member(extension: str, content: bytes | Callable[[bytes], bytes] | None) -> Callable:
    """One member of a sample changed, or left out."""

    def change(members: dict[str, bytes]) -> dict[str, bytes]:
        if content is None:
            del members[extension]
        else:
            members[extension] = content(members[extension]) if callable(content) else content
        return members

    return with_members(change)


def swapped(folder: Path) -> None:
    """The files of two shards, exchanged."""
    for zero, one in zip(layout.of_shard(0), layout.of_shard(1), strict=True):
        (folder / zero).rename(folder / "kept")
        (folder / one).rename(folder / zero)
        (folder / "kept").rename(folder / one)


def in_its_place(name: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).mkdir()

    return damage


def other_stats(**values) -> Callable[[Path], None]:
    return lambda folder: (folder / STATS).write_bytes(
        sealed.seal(json.loads((folder / STATS).read_bytes()) | values)
    ) and None  # fmt: skip


def other_description(*path: str, value: object) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        description = inner = json.loads((folder / layout.DATASET).read_bytes())
        for name in path[:-1]:
            inner = inner[name]
        inner[path[-1]] = value
        (folder / layout.DATASET).write_bytes(sealed.seal(description))

    return damage


WRONG_ROW = json.dumps({"key": "000000005"}).encode()
EVERYWHERE = {
    "a tar cut at a member": (rewritten(lambda c: c[:1024]), TAR),
    "a tar cut inside a member": (rewritten(lambda c: c[:700]), TAR),
    "an empty tar": (rewritten(lambda c: b""), TAR),
    "no tar": (lambda folder: (folder / TAR).unlink(), TAR),
    "a folder in place of a tar": (in_its_place(TAR), TAR),
    "no rows": (lambda folder: (folder / PARQUET).unlink(), PARQUET),
    "empty rows": (rewritten(lambda c: b"", PARQUET), PARQUET),
    "no index": (lambda folder: (folder / INDEX).unlink(), INDEX),
    "an empty index": (rewritten(lambda c: b"", INDEX), INDEX),
    "empty stats": (rewritten(lambda c: b"", STATS), STATS),
    "stats that are null": (rewritten(lambda c: b"null", STATS), STATS),
    "stats of zeros": (rewritten(lambda c: bytes(len(c)), STATS), STATS),
    "stats with a flipped digit": (rewritten(lambda c: c.replace(b'"samples": 4', b'"samples": 5'), STATS), STATS),
    "deep stats": (rewritten(lambda c: b"[" * 50_000, STATS), STATS),
    "stats of another shard": (lambda f: shutil.copy(f / layout.stats(0), f / STATS) and None, STATS),
    "stats of another data set": (other_stats(fingerprint="0" * 64), STATS),
    "stats with text for a number": (other_stats(samples="4"), STATS),
    "stats without files": (other_stats(files={}), STATS),
    "swapped shards": (swapped, layout.stats(0)),
    "a description that is cut short": (rewritten(lambda c: c[:300], layout.DATASET), layout.DATASET),
    "an empty description": (rewritten(lambda c: b"", layout.DATASET), layout.DATASET),
    "a description of zeros": (rewritten(lambda c: bytes(len(c)), layout.DATASET), layout.DATASET),
    "a million million shards": (other_description("counts", "shards", value=10**12), layout.DATASET),
    "as many samples": (other_description("counts", "samples", value=10**15), layout.DATASET),
    "no samples": (other_description("counts", "samples", value=0), layout.DATASET),
    "no samples in a shard": (other_description("settings", "samples_per_shard", value=0), layout.DATASET),
    "fewer than none": (other_description("settings", "samples_per_shard", value=-4), layout.DATASET),
    "text for a threshold": (other_description("settings", "threshold", value="0.5"), layout.DATASET),
    "settings that are a list": (other_description("settings", value=[]), layout.DATASET),
    "no counts": (other_description("counts", value=None), layout.DATASET),
    "a number for a fingerprint": (other_description("fingerprint", value=7), layout.DATASET),
    "a world that is text": (other_description("world", value="vessels"), layout.DATASET),
}
"""Damage that any reader meets, before the first sample."""
OF_SAMPLES = {
    "a tar of zeros": (rewritten(lambda c: bytes(len(c))), TAR),
    "a tar with a zeroed header": (rewritten(lambda c: c[:512] + bytes(len(c) - 512)), TAR),
    "a damaged header": (rewritten(lambda c: b"\xff" + c[1:]), TAR),
    "a size below zero": (rewritten(lambda c: c[:124] + b"-0000001000\0" + c[136:]), TAR),
    "a size beyond the end": (rewritten(lambda c: c[:124] + b"77777777777\0" + c[136:]), TAR),
    "a lost sample": (with_members(lambda members: None), TAR),
    "metadata that are null": (member("json", b"null"), "000000005"),
    "metadata that are a list": (member("json", b"[1]"), "000000005"),
    "metadata that are cut": (member("json", lambda c: c[:9]), "000000005"),
    "metadata without keys": (member("json", WRONG_ROW), "000000005"),
    "deep metadata": (member("json", b"[" * 5000), "000000005"),
    "no metadata": (member("json", None), "000000005"),
    "no image": (member("jpg", None), "000000005"),
    "no mask": (member("mask.png", None), "000000005"),
    "an empty image": (member("jpg", b""), "000000005"),
    "an image that is none": (member("jpg", b"no image at all"), "000000005"),
    "an image that is cut": (member("jpg", lambda c: c[: len(c) // 2]), "000000005"),
    "a mask that is cut": (member("mask.png", lambda c: c[: len(c) // 2]), "000000005"),
    "a mask with a flipped bit": (member("mask.png", lambda c: c[:-20] + bytes([c[-20] ^ 1]) + c[-19:]), "000000005"),
    "a mask of another size": (member("mask.png", encoding.encode_mask(np.zeros((4, 4), "u1"))), "000000005"),
    "an image of another size": (
        member("jpg", encoding.encode_image(np.zeros((8, 16, 3), "u1"), "jpg", 90)), "000000005",
    ),
}  # fmt: skip
"""Damage that only those meet who read samples."""

_READERS = {
    **{f"export {name}": ["export", "SET", "--format", name, "--out", "OUT/out"]
       for name in ("coco", "yolo", "voc", "folder", "hf-parquet", "fiftyone")},
    "preview": ["preview", "SET", "--out", "OUT/sheet.png"],
    "evaluate masks": ["evaluate", "masks", "SET", "SET"],
    "train-segmenter": ["train-segmenter", "--shards", "SET", "--out", "OUT/run", "--iterations", "40", "--size", "32",
                        "--batch-size", "4", "--device", "cpu"],
}  # fmt: skip
_OTHERS = {
    "stats": ["stats", "SET", "--json", "OUT/stats.json"],
    "finalize": ["finalize", "SET"],
}


NOT_READ = {"train-segmenter": ("metadata",), "evaluate masks": ("metadata", "image", "another size")}
"""What commands leave alone of samples."""


def run(words: list[str], folder: Path, tmp_path: Path, capfd) -> tuple[int, str]:
    """The exit code of a command and what it said on standard error."""
    words = [word.replace("SET", str(folder)).replace("OUT", str(tmp_path)) for word in words]
    code = main(words)
    return code, capfd.readouterr().err


def told(code: int, said: str, named: str) -> None:
    """Assert that a command failed with one line of its own that names what is wrong."""
    lines = [line for line in said.splitlines() if line.startswith("l4f-datagen: ")]
    assert code == 1, (code, said)
    assert "Traceback" not in said and len(lines) == 1 and named in lines[0] and "damaged" in lines[0], said
    assert len(lines[0]) < 1000


@pytest.mark.parametrize("case", EVERYWHERE)
@pytest.mark.parametrize("command", ["export coco", "preview", "evaluate masks", "stats", "finalize"])
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
