"""The folder of codes while it is made: batch by batch, each there whole or not at all, whenever it is killed."""

import contextlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..addresses import hidden_within
from ..errors import UserError
from ..mask_files import values as mask_values
from ..settings import same
from ..short import short
from ..storage import atomic, atomic_folders
from ..storage.lock import writing
from .codes import (
    CODES,
    DESCRIPTION,
    FORMAT,
    INDEX,
    VERSION,
    Codes,
    Row,
    as_csv,
    read_description,
    read_file,
    write_file,
)
from .unusual import told

_PARTS = ".parts"
"""Batches that ``codes.safetensors`` does not hold yet."""
SHEET = "sheet.png"


@dataclass(frozen=True)
class Place:
    """Where the code of a photograph lies."""

    codes: Codes
    number: int

    @property
    def row(self) -> Row:
        """What is known of it."""
        return self.codes.rows[self.number]


class CodesFolder:
    """A folder that is written into; codes that are there stay, until a photograph's pixels are others."""

    def __init__(self, path: Path):
        self.path = path
        self.description: Mapping[str, Any] = {}
        self.done: dict[str, Place] = {}
        """Finished photographs by key."""
        self._next = 0

    @contextlib.contextmanager
    def opened(self, description: Mapping[str, Any], *, overwrite: bool, results: Sequence[str]) -> Iterator[None]:
        """Have the folder for oneself while the block lasts.

        Args:
            description: ``codes.json`` but for format and version; ``settings``, ``identity`` and ``defaults`` as
                ``settings.same.describe`` gives them.
            results: names of the folders in it that hold pictures.

        Raises:
            UserError: somebody else writes into it, or it holds other things or codes made in another way.
        """
        atomic.check_folder(self.path, f"out {self.path}")
        with writing(self.path):
            self._begin(dict(description), overwrite, results)
            yield

    def add(self, w: Tensor, rows: Sequence[Row], noise: Sequence[Tensor] | None) -> None:
        """Keep the codes of a batch, whose pictures are there already. Raises ``CannotWrite``."""
        file = self.path / _PARTS / f"{self._next:06d}.safetensors"
        atomic.make_folder(file.parent)
        write_file(file, w.cpu(), rows, [maps.cpu() for maps in noise] if noise else None)
        self._take(file)
        self._next += 1

    def finish(self, keys: Sequence[str]) -> Codes:
        """Put all codes into one file, those of ``keys`` first and in this order. Raises ``CannotWrite``."""
        order = [key for key in keys if key in self.done]
        order += [key for key in self.done if key not in set(order)]
        places = [self.done[key] for key in order]
        if not places:
            raise UserError(
                str(self.path), got="no photograph that could be read", expected="at least one",
                remedy="look at those that are named above",
            )  # fmt: skip
        w = torch.stack([place.codes.w[place.number] for place in places])
        maps = [place.codes.noise for place in places]
        noise = None
        if all(one is not None for one in maps):
            layers = range(len(maps[0] or ()))
            noise = [torch.stack([(p.codes.noise or ())[i][p.number] for p in places]) for i in layers]
        rows = told([place.row for place in places])
        write_file(self.path / CODES, w, rows, noise)
        atomic.write_bytes(self.path / INDEX, as_csv(rows))
        atomic_folders.remove(self.path / _PARTS)
        return read_file(self.path / CODES, self.path, self.description)

    def _begin(self, description: dict[str, Any], overwrite: bool, results: Sequence[str]) -> None:
        defaults: Collection[str] = description.pop(same.DEFAULTS, ())
        description = hidden_within({"format": FORMAT, "version": VERSION, **description})
        if (self.path / DESCRIPTION).is_file():
            if overwrite:
                self._remove(results)
            else:
                there = read_description(self.path)
                same.check(self.path, "codes", there, description, defaults)
                description[mask_values.SETTING] = mask_values.of_pictures(there)
        elif foreign := sorted(p.name for p in self.path.iterdir() if not p.name.startswith(".")):
            raise UserError(
                f"out {self.path}", got=f"a folder without {DESCRIPTION} that holds {short(foreign[0])}",
                expected="a new or empty folder, or one of codes to continue", remedy="choose another folder",
            )  # fmt: skip
        atomic.write_bytes(
            self.path / DESCRIPTION, json.dumps(description, indent=2, ensure_ascii=False).encode() + b"\n"
        )
        self.description = description
        atomic_folders.settle(self.path)
        atomic_folders.settle(self.path / _PARTS)
        parts = sorted((self.path / _PARTS).glob("*.safetensors"))
        for file in (self.path / CODES, *parts):
            if file.is_file():
                self._take(file)
        self._next = int(parts[-1].stem) + 1 if parts and parts[-1].stem.isdigit() else len(parts)

    def _take(self, file: Path) -> None:
        codes = read_file(file, self.path, self.description)
        self.done |= {row.key: Place(codes, number) for number, row in enumerate(codes.rows)}

    def _remove(self, results: Sequence[str]) -> None:
        # What says that something is finished goes first.
        for name in (CODES, INDEX, SHEET):
            (self.path / name).unlink(missing_ok=True)
        for name in (_PARTS, *results):
            atomic_folders.remove(self.path / name)
