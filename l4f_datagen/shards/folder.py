"""A data set folder as a whole: what it is, which shards are done, when it is complete."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import UserError
from . import atomic, card, index, layout

FORMAT = "l4f-datagen-dataset"
VERSION = 1


def open_for_writing(folder: Path, description: Mapping[str, Any], *, overwrite: bool = False) -> None:
    """Create a data set folder, or continue the one that is there.

    Args:
        description: content of ``dataset.json`` less format and version: ``settings``, ``identity``
            (``settings.identity``), ``checkpoints``, ``versions``, ``counts``, ``world`` when it is rendered,
            ``source`` when it is imported.
        overwrite: remove a data set with other settings, its files only, and start anew.

    Raises:
        UserError: not a folder, not writable, another program's, or another data set's.
    """
    _make_writable(folder)
    atomic.remove_temporaries(folder)
    description = {"format": FORMAT, "version": VERSION, **description}
    if (folder / layout.DATASET).exists():
        existing = read_description(folder)
        if overwrite:
            _remove_dataset(folder, existing)
        else:
            _check_same(folder, existing, description)
            if existing["counts"]["samples"] == description["counts"]["samples"]:
                return
            # What tells of all samples is about to be untrue.
            for name in layout.FINAL:
                (folder / name).unlink(missing_ok=True)
            description["versions"] = existing["versions"]
    elif foreign := sorted(path.name for path in folder.iterdir() if not path.name.startswith(".")):
        raise UserError(
            f"out {folder}",
            got=f"a folder without {layout.DATASET} that holds {foreign[0]}"
            + (f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""),
            expected="a new or empty folder, or a data set to continue",
            remedy="choose another folder",
        )
    # The card first: it names the tars for whoever loads the folder, dataset.json makes it a data set.
    atomic.write_bytes(folder / layout.CARD, card.render(description).encode())
    atomic.write_bytes(folder / layout.DATASET, _to_json(description))


def read_description(folder: Path) -> dict[str, Any]:
    """``dataset.json`` of a folder.

    Raises:
        UserError: there is none, or it is not ours.
    """
    path = folder / layout.DATASET
    try:
        description = json.loads(path.read_text())
        if description["format"] == FORMAT and description["version"] == VERSION:
            return description
        problem = f'"format": {description["format"]!r}, "version": {description["version"]!r}'
    except FileNotFoundError:
        problem = "no such file" if folder.is_dir() else "no such folder"
    except (OSError, ValueError, KeyError, TypeError) as error:
        problem = f"something unreadable ({error})"
    raise UserError(
        str(path), got=problem, expected=f'"format": "{FORMAT}", "version": {VERSION}', remedy="name a data set folder"
    )


def shard_done(folder: Path, shard: int, samples: int) -> bool:
    """Whether a shard is finished with that many samples, its files as long as its stats say."""
    try:
        stats = json.loads((folder / layout.stats(shard)).read_text())
        sizes = {name: file["bytes"] for name, file in stats["files"].items()}
        return stats["samples"] == samples and all((folder / n).stat().st_size == s for n, s in sizes.items())
    except (OSError, ValueError, KeyError, TypeError):
        return False


def remove_shard(folder: Path, shard: int) -> None:
    """Remove what is left of a shard that is to be made again, its stats first."""
    for name in layout.of_shard(shard):
        (folder / name).unlink(missing_ok=True)
    atomic.sync_folder(folder)


def finalize(folder: Path, shards: int) -> None:
    """Write the files over all shards, once every shard is done."""
    if not all((folder / name).is_file() for name in layout.FINAL):
        index.write_indexes(folder, shards, name=folder.resolve().name)


def _make_writable(folder: Path) -> None:
    probe = folder / f".probe{atomic.SUFFIX}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except (FileExistsError, NotADirectoryError):
        raise UserError(f"out {folder}", got="a file", expected="a folder", remedy="choose another path") from None
    except OSError as error:
        raise UserError(
            f"out {folder}", got=f"a place that cannot be written ({error.strerror})", expected="a writable folder",
            remedy="choose another path or change its permissions",
        ) from None  # fmt: skip


def _check_same(folder: Path, existing: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    old, new = existing["identity"], wanted["identity"]
    different = [
        f"{key.removesuffix('_sha256')} (another checkpoint)" if key.endswith("_sha256")
        else f"{key} ({old.get(key)} there, {new.get(key)} here)"
        for key in sorted({*old, *new})
        if old.get(key) != new.get(key)
    ]  # fmt: skip
    remedy = "use the same settings, another folder, or --overwrite to replace what is there"
    if different:
        raise UserError(
            f"out {folder}",
            got=f"a data set with other settings: {', '.join(different)}",
            expected="the same settings",
            remedy=remedy,
        )
    have, want = existing["counts"]["samples"], wanted["counts"]["samples"]
    if want < have:
        raise UserError(
            f"n for {folder}", got=want, expected=f"at least the {have} that it was begun with", remedy=remedy
        )


def _remove_dataset(folder: Path, existing: Mapping[str, Any]) -> None:
    """Remove the files of a data set; anything else in the folder stays."""
    (folder / layout.DATASET).unlink()  # from here on it is no data set any more
    for name in (*layout.FINAL, layout.CARD):
        (folder / name).unlink(missing_ok=True)
    for shard in range(existing["counts"]["shards"]):
        remove_shard(folder, shard)


def _to_json(value: object) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"
