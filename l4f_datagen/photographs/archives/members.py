"""Tells which members of an archive are photographs."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from .. import names
from ..left_out import LeftOut
from ..picture import limits

_MOST_DEEP = 50
"""How many folders within folders are looked at."""
Member = TypeVar("Member")


def photographs(
    members: Iterable[Member], left_out: LeftOut, *, name: Callable[[Member], str], size: Callable[[Member], int]
) -> list[Member]:
    """Select the photographs among the regular files of an archive, in its order, and count the others.

    As in WebDataset, KEY.jpg or KEY.png is a photograph, and KEY.mask.png beside it is not. KEY.left.png is one where
    there is no KEY.png.
    """
    members = list(members)
    pictures = []
    for member in members:
        path = name(member)
        if any(names.is_hidden(part) for part in path.split("/") if part not in (".", "..")):
            left_out.add("hidden", path)
        elif names.extension(path) not in names.PICTURES:
            left_out.add_other(path)
        elif size(member) > limits.max_bytes():
            left_out.add(f"of more than {limits.max_bytes() >> 20} MiB", path)
        else:
            pictures.append(member)
    stems = {names.stem(name(member)) for member in pictures}
    labels = _label_folders(map(name, pictures))
    kept = []
    for member in pictures:
        path = name(member)
        key = _key(path)
        beside = key in stems and key != names.stem(path)
        if beside or names.is_label(path, stems) or path.rpartition("/")[0] in labels:
            left_out.add("labels and side pictures of others", path)
        else:
            kept.append(member)
    return kept


def _key(path: str) -> str:
    """A path up to the first dot of its last part: a sample's key."""
    folder, slash, last = path.rpartition("/")
    return folder + slash + last.partition(".")[0]


def _label_folders(paths: Iterable[str]) -> set[str]:
    """Folders inside the archive that hold labels of others, and all below them."""
    folders = {path.rpartition("/")[0] for path in paths}
    every = {
        "/".join(parts[:deep])
        for folder in folders
        if (parts := folder.split("/"))
        for deep in range(1, min(len(parts), _MOST_DEEP) + 1)
    }
    below: dict[str, list[str]] = {}
    for folder in every - {""}:
        parent, _, last = folder.rpartition("/")
        below.setdefault(parent, []).append(last)
    marked = {f"{parent}/{last}".lstrip("/") for parent, lasts in below.items() for last in names.label_folders(lasts)}
    return {folder for folder in folders if any(folder == m or folder.startswith(f"{m}/") for m in marked)}
