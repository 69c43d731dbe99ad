"""Kinds of damage of a data set, as functions that do it to a folder of three shards with four samples each."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from l4f_datagen.mask_files import png as mask_png
from l4f_datagen.settings import RenderSettings
from l4f_datagen.shards import reader, writer
from l4f_datagen.shards.format import encoding, layout, sealed
from l4f_datagen.storage.opening import open_store

SETTINGS = RenderSettings(n=12, size=16, samples_per_shard=4)
TAR, PARQUET, INDEX, STATS = (name(1) for name in (layout.tar, layout.parquet, layout.index, layout.stats))


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
    "a mask of another size": (member("mask.png", mask_png.encode(np.zeros((4, 4), "u1"), "01")), "000000005"),
    "an image of another size": (
        member("jpg", encoding.encode_image(np.zeros((8, 16, 3), "u1"), "jpg", 90)), "000000005",
    ),
}  # fmt: skip
"""Damage that only those meet who read samples."""


def told(code: int, said: str, named: str) -> None:
    """Assert that a command failed with one line of its own that names what is wrong."""
    lines = [line for line in said.splitlines() if line.startswith("l4f-datagen: ")]
    assert code == 1, (code, said)
    assert "Traceback" not in said and len(lines) == 1 and named in lines[0] and "damaged" in lines[0], said
    assert len(lines[0]) < 1000
