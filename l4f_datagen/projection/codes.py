"""A folder of codes: what photographs became in the latent space of one generator, and how well."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from ..documents import JSON_BYTES, Unreadable, load_json, read_json
from ..errors import UserError
from ..networks.synthesis import GeneratorArchitecture, Synthesis
from ..short import short
from ..weights.containers import safetensors_file, tensor_file
from ..weights.containers.files import DAMAGE
from ..weights.source import Source

FORMAT, VERSION = "l4f-datagen-codes", 1
DESCRIPTION, CODES, INDEX, IMAGES = "codes.json", "codes.safetensors", "index.csv", "images"
"""``codes.json`` says whose codes they are; ``images/KEY.png`` are the photographs as the generator would draw them."""
_W, _ROWS, _NOISE = "w", "rows", "noise."
_MOST_ROW = 1 << 16
"""Bytes of a row; the names of files are the longest of it."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """What is known of one photograph and its code."""

    key: str
    """Its name without its extension, by which results are called: ``images/KEY.png``."""
    file: str
    """The photograph, as a person would look for it."""
    sha256: str
    """Of the pixels that were projected, lower-case hexadecimal."""
    space: str
    """``w``: all layers have the same code; ``w+``: each has its own."""
    how: str
    """``encoder``, ``optimise``, or ``encoder+optimise``."""
    error: float
    """Root mean square difference between photograph and reconstruction, in grey levels of 0 to 255."""
    psnr: float
    """The same as peak signal-to-noise ratio, in dB."""
    undrawn: float
    """The error over the photograph's contrast, the standard deviation of its colours: 0 if all of it is drawn."""
    distance: float
    """Root mean square distance of the code from the mean code, in standard deviations of codes that are drawn."""
    seconds: float
    """Time of its batch over the photographs in it."""
    warnings: str = ""
    """What a person should know before it is used; empty as a rule."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Codes:
    """Codes of N photographs in order."""

    folder: Path
    w: Tensor
    """(N, num_ws, w_dim) float32, always w+; codes of the space w are repeated."""
    rows: tuple[Row, ...]
    noise: tuple[Tensor, ...] | None
    """The noise maps (N, H, W) of every styled convolution, float32; None: the generator's own are meant."""
    description: Mapping[str, Any]
    """``codes.json``."""

    def __len__(self) -> int:
        return len(self.rows)

    def image(self, number: int) -> Path:
        """Where the photograph lies as it was projected: RGB PNG of the generator's height and width."""
        return self.folder / IMAGES / f"{self.rows[number].key}.png"

    def number(self, key: str) -> int:
        """The place of a photograph by its key.

        Raises:
            UserError: there is none of this name.
        """
        for number, row in enumerate(self.rows):
            if row.key == key:
                return number
        raise UserError(
            str(self.folder), got=f"no photograph of this name ({short(key, 80)})",
            expected=f"one of its {len(self)}, {short(self.rows[0].key, 80)} say", remedy=f"see {INDEX}",
        )  # fmt: skip

    def noise_of(self, numbers: Sequence[int] | slice) -> tuple[Tensor, ...] | Literal["const"]:
        """The noise of some photographs as ``Synthesis.synthesize`` takes it."""
        return "const" if self.noise is None else tuple(maps[numbers] for maps in self.noise)


def read_codes(folder: str | Path, generator: tuple[Synthesis, Source] | None = None) -> Codes:
    """The codes of a folder that ``project`` wrote.

    Args:
        generator: as ``weights.read_generator`` gives it: codes of another one are refused. None: whose they are does
            not matter.

    Raises:
        UserError: it is no such folder, unfinished, damaged, or of another generator.
    """
    path = Path(folder).expanduser()
    description = read_description(path)
    if generator is not None:
        check_generator(path, description, generator[1])
    if not (path / CODES).is_file():
        raise UserError(
            str(path), got=f"a folder of codes that lacks {CODES}: the projection was not finished",
            expected="a finished one", remedy="run the same l4f-datagen project again; it continues",
        )  # fmt: skip
    codes = read_file(path / CODES, path, description)
    if generator is not None:
        _check_shapes(path, codes, generator[0].architecture)
    return codes


def read_description(folder: Path) -> dict[str, Any]:
    """``codes.json`` of a folder.

    Raises:
        UserError: there is none, or it is damaged or not ours.
    """
    path = folder / DESCRIPTION
    try:
        found = load_json(path, most=JSON_BYTES, kind=dict)
    except Unreadable as error:
        problem = error.got if path.exists() else "no such file" if folder.is_dir() else "no such folder"
    else:
        generator = found.get("generator")
        if (found.get("format"), found.get("version")) != (FORMAT, VERSION):
            problem = f'"format": {short(found.get("format"), quotes=True)}, "version": {short(found.get("version"))}'
        elif not isinstance(generator, dict) or not isinstance(generator.get("sha256"), str):
            problem = f"{short(generator)} for generator"
        elif not isinstance(found.get("identity"), dict) or not isinstance(found.get("settings", {}), dict):
            problem = f"{short(found.get('identity'))} for identity, {short(found.get('settings'))} for settings"
        else:
            return found
    raise UserError(
        str(path), got=problem, expected=f'"format": "{FORMAT}", "version": {VERSION}',
        remedy="name the --out folder of l4f-datagen project",
    )  # fmt: skip


def check_generator(folder: Path, description: Mapping[str, Any], source: Source) -> None:
    """Refuse codes of another generator, by the SHA-256 of its file.

    Raises:
        UserError: they are.
    """
    theirs = description["generator"]
    if theirs["sha256"] != source.sha256:
        raise UserError(
            str(folder), got=f"codes of the generator {short(theirs.get('name'))} ({theirs['sha256'][:12]}…)",
            expected=f"codes of {source.name} ({source.sha256[:12]}…)",
            remedy="name the generator that they were projected with, or project the photographs again",
        )  # fmt: skip


def read_file(file: Path, folder: Path, description: Mapping[str, Any]) -> Codes:
    """The codes of one file of a folder.

    Raises:
        UserError: it is damaged.
    """
    try:
        with file.open("rb") as opened:
            stored = safetensors_file.load(opened, file.stat().st_size).tensors
            tensors = {name: tensor.load().clone() for name, tensor in stored.items()}
        w, content = tensors.pop(_W), tensors.pop(_ROWS)
        rows = tuple(_row(line, file) for line in bytes(content.numpy()).splitlines())
        noise = tuple(tensors[f"{_NOISE}{number}"] for number in range(len(tensors)))
        if w.ndim != 3 or not all(len(part) == len(rows) for part in (w, *noise)) or not torch.isfinite(w).all():
            raise ValueError(
                f"{len(rows)} rows beside codes of the shape {tuple(w.shape)}, or some that are not finite"
            )
    except (*DAMAGE, KeyError, ValueError) as error:
        raise UserError(
            str(file), got=f"a damaged file ({short(error, 160)})", expected="codes as l4f-datagen project writes them",
            remedy="copy it again, or remove the folder and project the photographs again",
        ) from error  # fmt: skip
    return Codes(folder=folder, w=w.float(), rows=rows, noise=noise or None, description=description)


def write_file(file: Path, w: Tensor, rows: Sequence[Row], noise: Sequence[Tensor] | None) -> None:
    """Write codes and their rows into one file, so that none is ever seen without the other. Raises ``CannotWrite``."""
    lines = b"\n".join(json.dumps(asdict(row), ensure_ascii=False).encode() for row in rows)
    tensors = {_W: w.float(), _ROWS: torch.frombuffer(bytearray(lines), dtype=torch.uint8)}
    tensors |= {f"{_NOISE}{number}": maps.float() for number, maps in enumerate(noise or ())}
    tensor_file.save(file, tensors)


def as_csv(rows: Sequence[Row]) -> bytes:
    """``index.csv``: the rows, numbered as the codes are, for people and spreadsheets."""
    text = io.StringIO()
    names = [field.name for field in fields(Row)]
    writer = csv.DictWriter(text, ["row", *names], lineterminator="\n")
    writer.writeheader()
    for number, row in enumerate(rows):
        writer.writerow({"row": number, **asdict(row)})
    return text.getvalue().encode()


_KINDS: Mapping[str, tuple[type, ...]] = {
    field.name: (float, int) if field.type is float else (str,) for field in fields(Row)
}


def _row(line: bytes, file: Path) -> Row:
    values = read_json(line, str(file), kind=dict, most=_MOST_ROW)
    if values.keys() != _KINDS.keys() or not all(isinstance(values[name], kind) for name, kind in _KINDS.items()):
        raise ValueError(f"a row {short(values, 80)}")
    if not values["key"] or any(part in ("", "..", ".") for part in values["key"].split("/")):
        raise ValueError(f"a key {short(values['key'], 80)} that is no name")
    return Row(**values)


def _check_shapes(folder: Path, codes: Codes, architecture: GeneratorArchitecture) -> None:
    wanted = (architecture.num_ws, architecture.w_dim)
    sizes = [tuple(maps.shape[1:]) for maps in codes.noise or ()]
    if tuple(codes.w.shape[1:]) != wanted or (sizes and sizes != architecture.noise_sizes):
        raise UserError(
            str(folder / CODES), got=f"codes of {codes.w.shape[1]} layers × {codes.w.shape[2]}",
            expected=f"{wanted[0]} × {wanted[1]}, as its generator takes them",
            remedy="copy the folder again, or project the photographs again",
        )  # fmt: skip
