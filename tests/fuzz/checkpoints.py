"""Checkpoint files of other tools, with attacks put into them: nothing of a file ever runs."""

import io
import random
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import torch

from l4f_datagen import weights
from l4f_datagen.errors import UserError
from l4f_datagen.weights.inspection import inspect
from l4f_datagen.weights.layouts import rosinality
from tests.weights import forge

GOLDENS = Path(__file__).parents[2] / ".." / "shared" / "data" / "goldens"
CANARY = "l4f-fuzz-canary"
BYTES = 0.1
_ATTACKS = (
    b"cposix\nsystem\n(S'touch %s'\ntR0",
    b"(S'touch %s'\niposix\nsystem\n0",
    b"(cposix\nsystem\nS'touch %s'\no0",
    b"\x8c\x05posix\x8c\x06system\x93\x8c\x40touch %s\x85R0",
    b'cbuiltins\neval\n(S\'open("%s","w")\'\ntR0',
)
_OPCODES = (
    b"(.0123FIKLMNPRSTUVX]abcdegjlopqrst}uQhi\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8a\x8b"
    b"\x8c\x8d\x8e\x8f\x90\x91\x92\x93\x94\x95\x96\x97\x98BCG"
)
_FORBIDDEN_EVENTS = ("pickle.", "os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.", "exec", "socket.")


_LOAD = {
    "generator": weights.load_generator,
    "alpha": weights.load_alpha,
    "segmenter": weights.load_segmenter,
    "encoder": lambda path, allow_nan: weights.read_encoder(path),
}


class Executed(BaseException):
    """Something in the file ran; no handler of the code under test may swallow it."""


class _Watch:
    """Raises when, while it is on, the interpreter does what no reader of tensors does."""

    def __init__(self):
        self.on = False
        sys.addaudithook(self)

    def __call__(self, event: str, arguments: tuple) -> None:
        # A library may import a part of itself late; a file's own program text would have no file.
        if event == "exec" and not getattr(arguments[0], "co_filename", "<").startswith("<"):
            return
        if self.on and event.startswith(_FORBIDDEN_EVENTS):
            raise Executed(f"{event} {arguments!r:.200}")


_watch: list[_Watch] = []  # a hook cannot be taken away again, so there is one


_files: dict[str, bytes] = {}


def seeds() -> Mapping[str, bytes]:
    """The golden files of other implementations where they are at hand, and files in all forms that torch has."""
    torch.set_num_threads(1)
    if not _files:
        if GOLDENS.is_dir():
            golden = sorted(path for path in GOLDENS.iterdir() if path.suffix in (".pkl", ".pt"))
            _files.update((path.name, path.read_bytes()) for path in golden)
        made = forge.generator()
        content = {"g_ema": rosinality.state_dict(made), "latent_avg": made.w_avg}
        for name, zipped in (("rosinality.pt", True), ("rosinality-legacy.pt", False)):
            out = io.BytesIO()
            torch.save(content, out, _use_new_zipfile_serialization=zipped)
            _files[name] = out.getvalue()
        packed = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(_files["rosinality.pt"])) as source, zipfile.ZipFile(packed, "w", 8) as target:
            for member in source.namelist():
                target.writestr(member, source.read(member))
        _files["rosinality-deflated.pt"] = packed.getvalue()
        _files["nvidia.pkl"] = forge.nvidia_bytes({"G_ema": forge.nvidia_network(made)})
        out = io.BytesIO()
        torch.save({"state_dict": {f"module.{n}": t for n, t in forge.nvidia_state(made).items()}}, out)
        _files["nvidia-state.pt"] = out.getvalue()
        out = io.BytesIO()
        torch.save({"bg_extractor_ema": forge.alpha_state((8, 8, 4))}, out)
        _files["labels4free.pt"] = out.getvalue()
    return _files


def read(content: bytes) -> None:
    """Look into a file and load what is in it, watched.

    Raises:
        UserError: there is nothing that can be used.
        Executed: something of it ran.
    """
    if not _watch:
        _watch.append(_Watch())
    Path("file").write_bytes(content)
    whole = content in _files.values()  # what is imported late is imported then, before the watch is on
    _watch[0].on = not whole
    try:
        look("file")
    finally:
        _watch[0].on = False
    if Path(CANARY).exists():
        raise Executed("an attack wrote its file")


def look(path: str) -> None:
    """``inspect``, and the network that it finds loaded.

    Raises:
        UserError: there is none.
    """
    found = inspect(path, allow_nan=True)
    if found.problem:
        raise UserError(path, got=found.problem, expected="a network", remedy="none")
    for network in found.networks:
        _LOAD[network.kind](path, allow_nan=True)


def mutated(data: bytes, random: random.Random) -> bytes:
    """One file changed in one to four places, inside its archive where it is one."""
    others = list(_files.values())
    if data[:2] == b"PK" and random.random() < 0.7:
        return _mutated_archive(data, others, random)
    if random.random() < 0.1:
        return data[: random.randrange(len(data))]
    for _ in range(random.randint(1, 4)):
        data = random.choice(_MUTATIONS)(data, others, random)
    return data


def _mutated_archive(data: bytes, others: list[bytes], random: random.Random) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(out, "w") as target:
        members = source.infolist()
        chosen = members[0] if random.random() < 0.8 else random.choice(members)
        for info in members:
            content = source.read(info)
            if info is chosen:
                for _ in range(random.randint(1, 3)):
                    content = random.choice(_MUTATIONS)(content, others, random)
            target.writestr(info.filename, content)
    return out.getvalue()


def _position(data: bytes, random: random.Random) -> int:
    # Structure lies between the tensors; half of the changes go where there is more of it.
    limit = len(data) if random.random() < 0.5 else min(len(data), 4096)
    return random.randrange(limit) if limit else 0


def _flip(data, others, random):
    at = _position(data, random)
    return data[:at] + bytes([data[at] ^ 1 << random.randrange(8)]) + data[at + 1 :] if data else data


def _opcode(data, others, random):
    at = _position(data, random)
    return data[:at] + bytes([random.choice(_OPCODES)]) + data[at + 1 :]


def _number(data, others, random):
    at = _position(data, random)
    return data[:at] + random.choice((b"\xff" * 4, b"\0" * 4, b"\xff\xff\xff\x7f", b"\xff" * 8)) + data[at + 4 :]


def _cut(data, others, random):
    at = _position(data, random)
    return data[:at] + data[at + random.randint(1, 64) :]


def _repeat(data, others, random):
    at, size = _position(data, random), random.randint(1, 64)
    return data[: at + size] + data[at : at + size] * random.randint(1, 8) + data[at + size :]


def _splice(data, others, random):
    at, other = _position(data, random), random.choice(others)
    start = _position(other, random)
    return data[:at] + other[start : start + random.randint(1, 512)] + data[at:]


def _attack(data, others, random):
    at = _position(data, random)
    return data[:at] + random.choice(_ATTACKS) % CANARY.encode() + data[at:]


_MUTATIONS: tuple[Callable, ...] = (_flip, _opcode, _number, _cut, _repeat, _splice, _attack)
