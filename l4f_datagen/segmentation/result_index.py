"""The names of ``segment``'s results, and the table that lists them."""

import csv
import io
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ..errors import UserError
from ..short import short
from ..storage import atomic

INDEX = "index.csv"
KINDS = {
    "png": "mask", "alpha.png": "alpha", "cutout.png": "cutout", "overlay.jpg": "overlay", "classes.png": "classes",
}  # fmt: skip
"""Columns by what follows KEY in a result's name."""
_COLUMNS = ("input", *KINDS.values(), "reason")
_MOST_BYTES = 1 << 30
_LONGEST_NAME = 255 - len("..12345678.tmp.") - max(map(len, KINDS))
"""Bytes of a KEY's last part: file systems allow 255, and a file has a longer name while it is written."""


class ResultIndex:
    """Images and the files made of them, as ``index.csv`` has them; for several threads.

    A row per image: its name, its results' paths below the output folder, and why it has none.
    """

    def __init__(self, rows: Mapping[str, Mapping[str, str]] | None = None):
        self.rows = dict(rows or {})
        self._lock = threading.Lock()

    @classmethod
    def read(cls, out: Path) -> "ResultIndex":
        """The index of an earlier run; an empty one if there was none.

        Raises:
            UserError: a file of that name is something else.
        """
        path = out / INDEX
        if not os.path.lexists(path):
            return cls()
        try:
            if path.stat().st_size > _MOST_BYTES:
                raise ValueError("it is too large")
            reader = csv.DictReader(io.StringIO(path.read_text("utf-8-sig"), newline=""), strict=True)
            if reader.fieldnames is None or tuple(reader.fieldnames) != _COLUMNS:
                raise ValueError(f"its columns are {short(reader.fieldnames)}")
            return cls({row["input"]: {name: row[name] or "" for name in _COLUMNS[1:]} for row in reader})
        except (OSError, ValueError, csv.Error) as error:
            raise UserError(
                str(path), got=f"a file that segment did not write ({short(error, 100)})",
                expected=f"none, or one with the columns {', '.join(_COLUMNS)}",
                remedy="move it away, or choose another --out",
            ) from error  # fmt: skip

    def add(self, image: str, files: Mapping[str, str], reason: str = "") -> None:
        """Note an image: its files (extension → path below the output folder), and why it has none."""
        row = dict.fromkeys(_COLUMNS[1:], "") | {KINDS[kind]: writable(path) for kind, path in files.items()}
        with self._lock:
            self.rows[writable(image)] = row | {"reason": reason}

    def files(self) -> Iterator[str]:
        """Paths of all results."""
        for row in self.rows.values():
            yield from (restored(row[name]) for name in KINDS.values() if row[name])

    def write(self, out: Path, earlier: "ResultIndex") -> int:
        """Write it, after the rows of ``earlier`` that still hold. Returns how many of those lost their files."""
        masks = {row["mask"] for row in self.rows.values() if row["mask"]}
        kept = {image: row for image, row in earlier.rows.items() if image not in self.rows}
        replaced = [image for image, row in kept.items() if row["mask"] in masks]
        for image in replaced:
            del kept[image]
        text = io.StringIO()
        writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
        writer.writeheader()
        for image, row in (kept | dict(sorted(self.rows.items()))).items():
            writer.writerow({"input": image, **row})
        atomic.write_bytes(out / INDEX, text.getvalue().encode())
        return len(replaced)


def writable(name: str) -> str:
    """A path as text of UTF-8: bytes that are none are written as ``\\xNN``."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def restored(name: str) -> str:
    """A path as the system has it, from a path of the index."""
    if "\\x" not in name:
        return name
    parts = name.split("\\x")
    content = os.fsencode(parts[0])
    for part in parts[1:]:
        try:
            content += bytes([int(part[:2], 16)]) + os.fsencode(part[2:])
        except ValueError:
            content += b"\\x" + os.fsencode(part)
    return os.fsdecode(content)


def check_names(images: Sequence[tuple[str, str]], kinds: Sequence[str]) -> None:
    """Refuse images of which two results would share a name, even where a file system ignores case.

    Raises:
        UserError: there are such.
    """
    taken: dict[str, str] = {}
    for image, key in images:
        for kind in kinds:
            other = taken.setdefault(f"{key}.{kind}".casefold(), image)
            if other != image:
                raise UserError(
                    "images", got=f"{short(other, 120)} and {short(image, 120)}, whose results would both be called "
                    f"{short(f'{key}.{kind}', 120)}", expected="images of different names, whatever their extensions",
                    remedy="use --names full, or segment them apart, with an --out each",
                )  # fmt: skip


def check_length(key: str) -> None:
    """Raise ValueError if results of this KEY could not be written for the length of their names."""
    longest = max(len(os.fsencode(part)) for part in key.split("/"))
    if longest > _LONGEST_NAME:
        raise ValueError(f"its name is too long by {longest - _LONGEST_NAME} bytes for its results' names")
