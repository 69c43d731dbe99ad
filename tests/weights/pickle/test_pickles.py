"""Attacks on the pickle machine: each is shown to work on the stock reader, and not on ours."""

import argparse
import copyreg
import io
import pickle
import re
import struct
import sys
import zipfile
from pathlib import Path

import pytest
import torch

from l4f_datagen import weights
from l4f_datagen.errors import UserError
from l4f_datagen.weights.containers.torch_file import LEGACY_START
from l4f_datagen.weights.pickle import pickles
from l4f_datagen.weights.pickle.allowed import allow_list
from l4f_datagen.weights.pickle.machine import MAX_OPERATIONS, Allowance, Damaged, Forbidden


class Trap:
    """Writes a file as soon as it is made."""

    def __new__(cls, path, **_):
        Path(path).write_text("executed")
        return super().__new__(cls)

    def __init__(self, *_, **__):
        pass


class StateTrap:
    """Writes a file as soon as it is given a state."""

    def __setstate__(self, path):
        Path(path).write_text("executed")


MODULE = Trap.__module__
NAME = f"{MODULE}.Trap"
EXTENSION = 0x71


def short(text: str) -> bytes:
    return b"\x8c" + bytes([len(text)]) + text.encode()


TRAP = f"c{MODULE}\nTrap\n".encode()
STACKED = short(MODULE) + short("Trap") + b"\x93"
STATE_TRAP = f"c{MODULE}\nStateTrap\n".encode()


def _attacks(path: str) -> dict[str, tuple[bytes, str]]:
    """Opcode → a pickle that writes to ``path``, and what the refusal has to name."""
    argument = short(path)
    return {
        "REDUCE": (TRAP + argument + b"\x85R.", NAME),
        "NEWOBJ": (b"\x80\x04" + TRAP + argument + b"\x85\x81.", NAME),
        "NEWOBJ_EX": (b"\x80\x04" + TRAP + argument + b"\x85}" + short("k") + b"K\x01s\x92.", NAME),
        "STACK_GLOBAL": (b"\x80\x04" + STACKED + argument + b"\x85R.", NAME),
        "OBJ": (b"(" + TRAP + argument + b"o.", NAME),
        "INST": (b"(" + argument + f"i{MODULE}\nTrap\n.".encode(), NAME),
        "BUILD": (STATE_TRAP + b")R" + argument + b"b.", f"{MODULE}.StateTrap"),
        "EXT1": (b"\x80\x04\x82" + bytes([EXTENSION]) + argument + b"\x85R.", "EXT1"),
        "EXT2": (b"\x80\x04\x83" + struct.pack("<H", EXTENSION) + argument + b"\x85R.", "EXT2"),
        "EXT4": (b"\x80\x04\x84" + struct.pack("<i", EXTENSION) + argument + b"\x85R.", "EXT4"),
        "PERSID": (b"P" + path.encode() + b"\n.", "persistent id"),
        "BINPERSID": (argument + b"Q.", "persistent id"),
        "after data": (b"]" + b"K\x01a" * 100 + TRAP + argument + b"\x85Ra.", NAME),
        "popped": (TRAP + argument + b"\x85R0N.", NAME),
        "as a dictionary's key": (b"}" + TRAP + argument + b"\x85RN" + b"s.", NAME),
        "frozen": (b"\x80\x04(" + TRAP + argument + b"\x85R\x91.", NAME),
    }


OPCODES = tuple(_attacks(""))


class _Stock(pickle._Unpickler):
    def persistent_load(self, identity):
        return Trap(identity)


@pytest.fixture
def canary(tmp_path):
    copyreg.add_extension(MODULE, "Trap", EXTENSION)
    yield tmp_path / "executed"
    copyreg.remove_extension(MODULE, "Trap", EXTENSION)


@pytest.mark.parametrize("opcode", OPCODES)
def test_the_attacks_are_real(opcode, canary):
    attack, _ = _attacks(str(canary))[opcode]
    _Stock(io.BytesIO(attack)).load()
    assert canary.exists()


@pytest.mark.parametrize("opcode", OPCODES)
def test_an_attack_is_refused_and_named(opcode, canary, tmp_path):
    attack, named = _attacks(str(canary))[opcode]
    with pytest.raises(Forbidden, match=named.replace(".", r"\.")):
        _load(attack)
    assert not canary.exists()


@pytest.mark.parametrize("opcode", OPCODES)
@pytest.mark.parametrize("wrap", ["file", "zip data.pkl", "legacy", "storage bytes", "gzip", "zip"])
def test_an_attack_is_refused_wherever_it_hides(opcode, wrap, canary, tmp_path):
    attack, named = _attacks(str(canary))[opcode]
    path = tmp_path / "attack.pkl"
    path.write_bytes(_WRAPS[wrap](attack if attack[:1] == b"\x80" else b"\x80\x04" + attack))
    with pytest.raises(UserError) as caught:
        weights.load_generator(path)
    assert "\n" not in str(caught.value)
    # Where torch keeps storages there are persistent ids, of one form.
    assert named in str(caught.value) or ("PERSID" in opcode and "persistent id" in str(caught.value))
    assert not canary.exists()


def _in_archive(attack: bytes) -> bytes:
    return _zipped({"archive/data.pkl": attack, "archive/version": b"3\n"})


def _in_legacy(attack: bytes) -> bytes:
    magic = pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2)
    assert LEGACY_START in magic
    system = {"protocol_version": 1001, "little_endian": True}
    return magic + pickle.dumps(1001, 2) + pickle.dumps(system, 2) + attack + pickle.dumps([], 2)


def _in_storage(attack: bytes) -> bytes:
    inner = _in_legacy(attack)
    payload = b"B" + struct.pack("<I", len(inner)) + inner
    return b"\x80\x04" + b"ctorch.storage\n_load_from_bytes\n" + payload + b"\x85R."


def _zipped(members: dict[str, bytes], compression=zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def _gzipped(content: bytes) -> bytes:
    import gzip

    return gzip.compress(content)


_WRAPS = {
    "file": lambda attack: attack,
    "zip data.pkl": _in_archive,
    "legacy": _in_legacy,
    "storage bytes": _in_storage,
    "gzip": _gzipped,
    "zip": lambda attack: _zipped({"weights.pkl": attack}),
}


def _load(data: bytes, size: int = 1 << 20):
    allowance = Allowance(bytes=size)

    def no_storage(_):
        raise Forbidden("a storage")

    return pickles.load(memoryview(data), allowed=allow_list(allowance, no_storage), allowance=allowance)[0]


@pytest.mark.parametrize(
    "module, name",
    [("os", "system"), ("posix", "system"), ("builtins", "eval"), ("builtins", "getattr"), ("pickle", "loads"),
     ("subprocess", "Popen"), ("torch", "load"), ("torch.hub", "load"), ("numpy", "load"), ("functools", "partial"),
     ("dnnlib.util", "open_url"), ("torch_utils.persistence", "_src_to_module"), ("builtins", "__import__"),
     ("argparse.Namespace", "__init__"), ("argparse", "Namespace.__class__"), ("torch.storage", "torch"),
     ("collections", "OrderedDict.__reduce__"), ("sys", "exit"), ("importlib", "import_module")],
)  # fmt: skip
def test_a_global_outside_the_list_is_named(module, name):
    with pytest.raises(Forbidden, match=f"{module}.{name}"):
        _load(b"\x80\x04" + short(module) + short(name) + b"\x93.")


def test_no_class_of_the_list_is_changed_by_a_state():
    attack = b"\x80\x04" + b"cargparse\nNamespace\n" + b"N}" + short("poisoned") + b"K\x01s\x86b."
    pickle.loads(attack)
    assert argparse.Namespace.poisoned == 1  # the attack is real
    del argparse.Namespace.poisoned
    with pytest.raises(Forbidden, match="argparse.Namespace"):
        _load(attack)
    assert not hasattr(argparse.Namespace, "poisoned")


def test_the_allow_list_imports_nothing():
    _load(b"\x80\x04cpytorch_lightning.callbacks.model_checkpoint\nModelCheckpoint\n)\x81.")
    assert "pytorch_lightning" not in sys.modules
    with pytest.raises(Forbidden):
        _load(b"\x80\x04cthis\ns\n.")
    assert "this" not in sys.modules


@pytest.mark.parametrize("protocol", range(6))
def test_plain_values_come_back(protocol):
    value = {
        "numbers": [0, 1, -1, 255, 256, 65536, -(2**31), 2**40, True, False, None, 1.5, float("inf")],
        "text": ("", "ψ", "a" * 300),
        "bytes": [b"", b"\x00\xff", b"x" * 500],
        "nested": {"a": [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)], ("k", 1): {}},
        "sets": [{1, 2}, frozenset({"a"})],
    }
    loaded = _load(pickle.dumps(value, protocol))
    loaded["bytes"] = [bytes(item) for item in loaded["bytes"]]
    assert loaded == value


def test_shared_and_circular_values_come_back():
    inner = [1]
    value = [inner, inner]
    value.append(value)
    loaded = _load(pickle.dumps(value))
    assert loaded[0] is loaded[1] and loaded[2] is loaded


@pytest.mark.parametrize("length", [1 << 31, 1 << 62, (1 << 64) - 1])
@pytest.mark.parametrize("opcode", [b"\x8e", b"\x8d", b"\x96"])
def test_a_length_that_the_file_does_not_have_is_refused(opcode, length):
    with pytest.raises(Damaged, match="too early"):
        _load(b"\x80\x05" + opcode + struct.pack("<Q", length) + b"abc.")


@pytest.mark.parametrize(
    "bomb",
    {
        "marks": b"(" * 100_000 + b".",
        "tuples": b")" + b"\x85" * 100_000 + b".",
        "lists": b"]" * 100_000 + b"a" * 99_999 + b".",
        "operations": b"N0" * (MAX_OPERATIONS // 2 + 1) + b"N.",
        "copies": b"(" + b"N" * 100_000 + b"t\x940cbuiltins\nlist\n\x94" + b"0h\x01h\x00\x85R" * 100 + b".",
        "a deep key": b"})" + b"\x85" * 100_000 + b"Ns.",
        "a long key": b"}(" + b"N" * 100_000 + b"tNs.",
        "a long integer": b"\x8b" + struct.pack("<i", 1 << 20) + b"\x01" * (1 << 20) + b".",
    }.items(),
    ids=lambda item: item[0],
)
def test_a_bomb_is_refused(bomb):
    with pytest.raises(Forbidden):
        _load(b"\x80\x04" + bomb[1])


def test_tensors_cannot_be_larger_than_the_file(tmp_path):
    for tensor in (torch.zeros(1).expand(1 << 20), torch.zeros(4).as_strided((4, 4), (1, 0))):
        torch.save({"g_ema": {"conv1.conv.modulation.weight": tensor}}, tmp_path / "expanded.pt")
        with pytest.raises(UserError, match="larger than its storage"):
            weights.load_generator(tmp_path / "expanded.pt")


def test_one_storage_cannot_be_read_again_and_again(tmp_path):
    shared = torch.zeros(1 << 18)
    state = {f"style.{index}.weight": shared for index in range(1, 100)}
    torch.save({"g_ema": {"conv1.conv.modulation.weight": shared, **state}}, tmp_path / "shared.pt")
    with pytest.raises(UserError, match="more bytes of tensors than the file can hold"):
        weights.load_generator(tmp_path / "shared.pt")


@pytest.mark.parametrize(
    "data", [b"", b".", b"\x80", b"\x80\x04", b"N", b"h\x05.", b"\xff.", b"t.", b"s.", b"0.", b"R."]
)
def test_what_is_no_pickle_is_damaged(data):
    with pytest.raises(Damaged):
        _load(data)


@pytest.mark.parametrize(
    "attack",
    [
        b"\x80\x04c\x1b]0;title\x07\nname\n.",
        b"\x80\x04}" + short("\x1b[31mred\nline") + b"K\x01s.",
        b"\x80\x04}"
        + short("g_ema")
        + b"}"
        + short("conv1.conv.modulation.weight")
        + b"K\x01s"
        + short("convs.\x1b[31m.x")
        + b"K\x01ss.",
    ],
)
def test_a_message_cannot_control_a_terminal(attack, tmp_path):  # fmt: skip
    path = tmp_path / "attack.pkl"
    path.write_bytes(attack)
    with pytest.raises(UserError) as caught:
        weights.load_generator(path)
    assert str(caught.value).isprintable() and len(str(caught.value)) < 500 + len(str(path))


def test_zip_members_with_odd_names_write_nothing(tmp_path):
    archive = tmp_path / "folder" / "odd.zip"
    archive.parent.mkdir()
    for name in ("../escaped.pkl", "/tmp/../escaped.pkl", "a\\..\\escaped.pkl", "../../data.pkl", "..data.pkl"):
        archive.write_bytes(_zipped({name: TRAP + short(str(tmp_path / "executed")) + b"\x85R."}))
        with pytest.raises(UserError):
            weights.load_generator(archive)
        assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["odd.zip"]


def test_a_member_that_claims_another_size_is_refused(tmp_path):
    path = tmp_path / "short.pt"
    with zipfile.ZipFile(path, "w") as target:
        torch.save({"g_ema": {"conv1.conv.modulation.weight": torch.zeros(100)}}, tmp_path / "whole.pt")
        with zipfile.ZipFile(tmp_path / "whole.pt") as source:
            for info in source.infolist():
                content = source.read(info)
                target.writestr(info.filename, content[:100] if "/data/0" in info.filename else content)
    with pytest.raises(UserError, match="too short"):
        weights.load_generator(path)


@pytest.mark.parametrize(
    "state",
    [
        b"}",  # nothing of a module
        b"}(" + short("_parameters") + b"}" + short("_buffers") + b"}u",  # no modules
        b"}(" + short("_parameters") + b"}" + short("_buffers") + b"}" + short("_modules") + b"]u",  # a list of them
    ],
)
def test_an_unknown_class_that_is_no_module_is_refused_by_name(state):
    for end in (state + b"b.", b"."):
        allowance = Allowance(bytes=1 << 20)
        with pytest.raises(Forbidden, match=re.escape(NAME)):
            pickles.load(
                memoryview(TRAP + b")\x81" + end), allowed=allow_list(allowance, pytest.fail), allowance=allowance
            )


def test_modules_within_modules_cost_work_by_their_number():
    module = b"}(" + short("_parameters") + b"}" + short("_buffers") + b"}" + short("_modules") + b"}"
    # Each module holds the one before it four times: 4 to the 30th in all.
    text = TRAP + b")\x81" + module + b"ub"
    for _ in range(30):
        inner = b"(" + b"".join(short(str(n)) + b"h\x00" for n in range(4)) + b"u"
        text = text + b"\x94q\x000" + TRAP + b")\x81" + module + inner + b"ub"
    allowance = Allowance(bytes=1 << 20)
    found, _ = pickles.load(memoryview(text + b"."), allowed=allow_list(allowance, pytest.fail), allowance=allowance)
    with pytest.raises(Forbidden, match="operations"):
        found.state_dict()
