"""Mutated checkpoint files: never an execution, never a hang, always a good load or exactly one UserError.

python -m tests.weights.fuzz 10000
"""

import io
import os
import random
import signal
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import torch

from l4f_datagen import weights
from l4f_datagen.errors import UserError

SECONDS_PER_FILE = 20
GOLDENS = Path(__file__).parents[2] / ".." / "shared" / "data" / "goldens"
CANARY = "l4f-fuzz-canary"
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


def corpus() -> dict[str, bytes]:
    """The golden checkpoint files by name, and one of them as older versions of torch wrote it."""
    files = {path.name: path.read_bytes() for path in sorted(GOLDENS.iterdir()) if path.suffix in (".pkl", ".pt")}
    older = io.BytesIO()
    content = torch.load(io.BytesIO(files["rosinality-converted-32.pt"]), weights_only=True)
    torch.save(content, older, _use_new_zipfile_serialization=False)
    return files | {"rosinality-legacy-32.pt": older.getvalue()}


def mutated(data: bytes, others: list[bytes], random: random.Random) -> bytes:
    """One file changed in one to four places, inside its archive where it is one."""
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


def _out_of_time(*_: object) -> None:
    raise TimeoutError(f"more than {SECONDS_PER_FILE} s for one file")


def run(count: int, *, seed: int = 0, folder: Path) -> Counter:
    """Load ``count`` mutated files; how many loaded and how many were refused.

    Works in ``folder``, which an attack that runs would write to.

    Raises:
        AssertionError: a file ran something, took too long or raised something else than a UserError; names it.
    """
    if not _watch:
        _watch.append(_Watch())
    files, outcomes, here = corpus(), Counter(), os.getcwd()
    for name, data in files.items():  # what is imported late is imported now, before the watch is on
        (folder / "whole").write_bytes(data)
        assert _load(folder / "whole"), name
    names, others = list(files), list(files.values())
    previous = signal.signal(signal.SIGALRM, _out_of_time)
    os.chdir(folder)
    try:
        for index in range(count):
            numbers = random.Random(f"{seed}/{index}")
            name = numbers.choice(names)
            path = folder / f"mutated{Path(name).suffix}"
            path.write_bytes(mutated(files[name], others, numbers))
            signal.alarm(SECONDS_PER_FILE)
            _watch[0].on = True
            try:
                outcomes["loaded" if _load(path) else "refused"] += 1
            except BaseException as error:
                raise AssertionError(f"mutation {index} of seed {seed}, of {name}: {error!r}") from error
            finally:
                _watch[0].on = False
                signal.alarm(0)
            assert not (folder / CANARY).exists(), f"mutation {index} of seed {seed}, of {name}, was executed"
    finally:
        os.chdir(here)
        signal.signal(signal.SIGALRM, previous)
    return outcomes


def _load(path: Path) -> bool:
    alpha = b"bg_extractor" in path.read_bytes()
    try:
        (weights.load_alpha if alpha else weights.load_generator)(path)
    except UserError as error:
        assert "\n" not in str(error)
        return False
    return True


def main() -> None:
    """Fuzz as many files as the first argument says, with the seed that the second says."""
    count, seed = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    torch.set_num_threads(1)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        outcomes = run(count, seed=seed, folder=Path(folder))
    print(f"{count} files in {time.monotonic() - started:.0f} s: {dict(outcomes)}")


if __name__ == "__main__":
    main()
