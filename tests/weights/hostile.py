"""Small files that want to hang, fill the memory or crash: each with what its refusal has to say.

Name → (what writes the file or folder, words of the one line). They are read by ``test_hostile`` within limits.
"""

import gzip
import io
import json
import os
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save

from l4f_datagen.networks.segmenters.unet import UNet
from l4f_datagen.weights import native
from l4f_datagen.weights.containers.torch_file import LEGACY_START
from l4f_datagen.weights.layouts import rosinality

from . import forge

DEEP = 60
"""Levels that each hold the one below twice: text, hash or comparison of the whole would have 2⁶⁰ parts."""
EDGE = 2**61 - 1
"""Whole numbers that differ by multiples of it have one hash."""


def text(value: str) -> bytes:
    """A short text of a pickle."""
    return b"\x8c" + bytes([len(value)]) + value.encode()


def long(value: int) -> bytes:
    """A whole number of a pickle."""
    size = (value.bit_length() >> 3) + 1
    return b"\x8a" + bytes([size]) + value.to_bytes(size, "little", signed=True)


def memoised(kind: str = "list", depth: int = DEEP) -> bytes:
    """Lists, tuples or dictionaries in each other, every one twice."""
    if kind == "tuple":
        return b")" + b"2\x86" * depth
    out = b"]q\x00" if kind == "list" else b"}q\x00"
    for level in range(depth):
        inner = b"h" + bytes([level])
        if kind == "list":
            out += b"0](" + inner + inner + b"e"
        else:
            out += b"0}(" + text("a") + inner + text("b") + inner + b"u"
        out += b"q" + bytes([level + 1])
    return out


def pickled(*parts: bytes) -> bytes:
    """A pickle of protocol 4 with one value."""
    return b"\x80\x04" + b"".join(parts) + b"."


def network(**state: bytes) -> bytes:
    """A network as NVIDIA's PyTorch code pickles it, its state given as parts of a pickle."""
    out = b"ctorch_utils.persistence\n_reconstruct_persistent_obj\n}("
    out += text("type") + text("class") + text("class_name") + state.pop("class_name", text("G"))
    out += text("state") + b"}("
    for name, value in state.items():
        out += text(name) + value
    return out + b"uu\x85R"


def modules(**children: bytes) -> bytes:
    """The modules of a network."""
    return b"}(" + b"".join(text(name) + value for name, value in children.items()) + b"u"


def tensorflow(version: bytes = b"K\x04", components: bytes | None = None, **static: bytes) -> bytes:
    """A network as NVIDIA's TensorFlow code pickles it."""
    out = b"cdnnlib.tflib.network\nNetwork\n)\x81}(" + text("version") + version
    out += text("static_kwargs") + b"}(" + b"".join(text(name) + value for name, value in static.items()) + b"u"
    if components is not None:
        out += text("components") + components
    return out + text("variables") + b"]ub"


def _nvidia(**attributes: bytes) -> bytes:
    block = network(_modules=modules())
    synthesis = network(_modules=modules(b4=block))
    mapping = network(_modules=modules())
    return pickled(
        b"}" + text("G_ema") + network(_modules=modules(mapping=mapping, synthesis=synthesis), **attributes), b"s"
    )


def _tensorflow(**static: bytes) -> bytes:
    parts = b"}(" + text("mapping") + tensorflow() + text("synthesis") + tensorflow() + b"u"
    return pickled(tensorflow(components=parts, **static))


def _state(change: Callable[[dict], object]) -> bytes:
    state = rosinality.state_dict(forge.generator())
    return _saved(change(state) or state)


def _saved(content: object, **options: object) -> bytes:
    out = io.BytesIO()
    torch.save(content, out, **options)
    return out.getvalue()


def _views(count: int) -> bytes:
    """A torch file, deflated, with ``count`` tensors in each of two storages, taken in turn."""
    storages = [torch.randn(2_000_000) for _ in range(2)]
    state = rosinality.state_dict(forge.generator())
    whole = _saved(state | {f"convs.{n}.conv.weight": storages[n % 2][n : n + 9] for n in range(count)})
    return _deflated(whole)


def _deflated(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(name, source.read(name))
    return out.getvalue()


def _zip(members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def _bomb_of_two_wrappers() -> bytes:
    packer = zlib.compressobj(0, wbits=31)
    inner = gzip.compress(bytes(100 << 20), 1)
    return gzip.compress(inner + packer.flush(), 9)


def _lying_size(claimed: int) -> bytes:
    """A member of zeros that says that it is small."""
    data = bytearray(_zip({"weights.pkl": bytes(60 << 20)}))
    at = data.index(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", claimed)
    data[22:26] = struct.pack("<I", claimed)
    return bytes(data)


def _overlapping(count: int, shift: int = 0) -> bytes:
    """One member's bytes under many names."""
    body = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = body.compress(bytes(1 << 20)) + body.flush()
    local = struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, 0, 8, 0, 0, 0, len(packed), 1 << 20, 1, 0) + b"a" + packed
    central = b""
    for index in range(count):
        name = f"{index:06}".encode()
        fields = (b"PK\x01\x02", 20, 20, 0, 8, 0, 0, 0, len(packed), 1 << 20, len(name), 0, 0, 0, 0, 0, 0)
        central += struct.pack("<4s6H3I5H2I", *fields) + name
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, count, count, len(central), len(local) + shift, 0)
    return local + central + end


def _safetensors(header: object, body: bytes = b"", *, length: int | None = None) -> bytes:
    data = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(data) if length is None else length) + data + body


def _entry(dtype: str = "F32", shape: object = (4,), offsets: object = (0, 16)) -> dict:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def _ours(change: Callable[[dict], object]) -> bytes:
    state = {n: t.detach().clone().contiguous() for n, t in forge.generator().state_dict().items()}
    return save(change(state) or state)


def _long_mapping() -> bytes:
    made = forge.generator(z_dim=1, w_dim=1)
    state = rosinality.state_dict(made)
    flat = torch.zeros(1, 1)
    for index in range(3, 3_000):
        state |= {f"style.{index}.weight": flat, f"style.{index}.bias": flat[0]}
    return _saved(state)


def _empty_classes() -> bytes:
    state = dict(UNet(width=4, depth=1).state_dict())
    return _saved(state | {"scores.weight": torch.empty(1 << 40, 0, 1, 1), "scores.bias": torch.empty(0)})


FILES: dict[str, tuple[Callable[[], bytes], str]] = {
    # Text, hashes and comparisons of values that hold themselves many times.
    "class name, lists": (lambda: pickled(network(class_name=memoised(), _modules=modules())), "module"),
    "class name, tuples": (lambda: pickled(network(class_name=memoised("tuple"), _modules=modules())), "module"),
    "class name, dictionaries": (lambda: pickled(network(class_name=memoised("dict"), _modules=modules())), "module"),
    "c_dim": (lambda: _nvidia(c_dim=memoised()), "class-conditional"),
    "c_dim, tuples": (lambda: _nvidia(c_dim=memoised("tuple")), "class-conditional"),
    "img_channels": (lambda: _nvidia(img_channels=memoised()), "image channels"),
    "img_channels, tuples": (lambda: _nvidia(img_channels=memoised("tuple")), "image channels"),
    "version": (lambda: pickled(tensorflow(version=memoised())), "before StyleGAN"),
    "label_size": (lambda: _tensorflow(label_size=memoised()), "class-conditional"),
    "nonlinearity": (lambda: _tensorflow(nonlinearity=memoised()), "of another kind"),
    "nonlinearity, tuples": (lambda: _tensorflow(nonlinearity=memoised("tuple")), "of another kind"),
    "num_channels": (lambda: _tensorflow(num_channels=memoised()), "image channels"),
    "resample_kernel": (lambda: _tensorflow(resample_kernel=memoised()), "resampling filter"),
    "resample_kernel, tuples": (lambda: _tensorflow(resample_kernel=memoised("tuple")), "resampling filter"),
    "conv_clamp": (lambda: _tensorflow(conv_clamp=memoised("tuple")), "missing|variables"),
    "a number type": (lambda: pickled(b"cnumpy\ndtype\n", memoised(), b"\x85R"), "an array of"),
    "an encoding": (lambda: pickled(b"c_codecs\nencode\n", text("a"), memoised(), b"\x86R"), "latin-1"),
    "keywords": (lambda: pickled(b"cargparse\nNamespace\n)", memoised("dict"), b"\x92"), "keywords"),
    "a tensor of lists": (
        lambda: pickled(b"}", text("conv1.conv.modulation.weight"), memoised(), b"s"),
        "a list where",
    ),
    "lists alone": (lambda: pickled(memoised()), "pickled list"),
    "dictionaries alone": (lambda: pickled(memoised("dict")), "entries a, b"),
    "legacy magic": (
        lambda: b"\x80\x02\x8a\x0a" + LEGACY_START + b"0" + memoised() + b"." + pickled(memoised()) * 4,
        "another kind of torch file",
    ),
    "legacy storages": (
        lambda: (
            pickle.dumps(0x1950A86A20F9469CFC6C, 2)
            + pickle.dumps(1001, 2)
            + pickle.dumps({"little_endian": True}, 2)
            + pickle.dumps({}, 2)
            + b"\x80\x02]("
            + memoised()
            + memoised("tuple")
            + b"e."
        ),
        "storages",
    ),
    # Keys of one hash.
    "colliding numbers": (lambda: pickled(b"}(", *(long(EDGE * n) + b"N" for n in range(1, 30_000)), b"u"), "collide"),
    "colliding floats": (
        lambda: pickled(b"}(", *(b"G" + struct.pack(">d", 2.0 ** (61 * n)) + b"N" for n in range(-17, 16)), b"u"),
        "collide",
    ),
    "colliding tuples": (
        lambda: pickled(b"}(", *(long(EDGE * n) + b"\x85N" for n in range(1, 30_000)), b"u"),
        "collide",
    ),
    "colliding members of a set": (
        lambda: pickled(b"\x8f(", *(long(EDGE * n) for n in range(1, 30_000)), b"\x90"),
        "collide",
    ),
    "colliding members of a frozen set": (
        lambda: pickled(b"(", *(long(EDGE * n) for n in range(1, 30_000)), b"\x91"),
        "collide",
    ),
    "colliding keys of an ordered dictionary": (
        lambda: pickled(
            b"ccollections\nOrderedDict\n](", *(long(EDGE * n) + b"N\x86" for n in range(1, 30_000)), b"e\x85R"
        ),
        "collide",
    ),
    # Work and memory of the machine.
    "a long tuple handed over often": (
        lambda: pickled(b"(", b"N" * 200_000, b"tq\x000](", b"cargparse\nNamespace\nh\x00R" * 20_000, b"e"),
        "arguments",
    ),
    "a list copied often": (
        lambda: pickled(b"](", b"N" * 100_000, b"eq\x000](", b"cbuiltins\nlist\nh\x00\x85R" * 20_000, b"e"),
        "operations",
    ),
    "a dictionary copied often": (
        lambda: pickled(
            b"}(",
            *(b"J" + struct.pack("<i", n) + b"N" for n in range(50_000)),
            b"uq\x000](",
            b"cbuiltins\ndict\nh\x00\x85R" * 20_000,
            b"e",
        ),
        "operations",
    ),
    "many sets": (lambda: pickled(b"](", b"\x8f" * 600_000, b"e"), "operations"),
    "deep lists": (lambda: pickled(b"](" * 100_000 + b"e" * 100_000), "nested deeper"),
    "deep tuples": (lambda: pickled(b")" + b"\x85" * 100_000), "nested deeper"),
    "a long whole number": (lambda: pickled(b"\x8b", struct.pack("<i", 1 << 20), b"\x7f" * (1 << 20)), "an integer of"),
    "many digits": (lambda: b"(lp0\nI" + b"9" * 1000 + b"\na.", "an integer of 1000 digits"),
    "a long name": (lambda: pickled(b"\x8d", struct.pack("<Q", 4 << 20), b"a" * (4 << 20), text("b"), b"\x93"), "aaa…"),
    "a name that controls a terminal": (lambda: pickled(b"c\x1b[31mred\nname\n"), r"\?\[31mred"),
    "a text of wide characters": (
        lambda: pickled(b"\x8d", struct.pack("<Q", (8 << 20) + 4), b"a" * (8 << 20), "🎉".encode()),
        "a text of",
    ),
    "many names": (
        lambda: pickled(b"}(", *(text(f"module.n{n}.x") + b"N" for n in range(80_000)), b"u"),
        "a checkpoint of something else",
    ),
    "many dictionaries of many names": (
        lambda: pickled(
            b"}(",
            *(text(f"k{n}") + b"}(" + b"".join(text(f"n{m}") + b"N" for m in range(900)) + b"u" for n in range(80)),
            b"u",
        ),
        "a checkpoint of something else",
    ),
    "many layers": (_long_mapping, "a layer of the number"),
    # Archives.
    "one storage, many views": (lambda: _views(2000), "operations|fit|bytes of tensors"),
    "wrapped bombs": (_bomb_of_two_wrappers, "when it is unpacked"),
    "a member of a lying size": (lambda: _lying_size(1000), "damaged"),
    "members over each other": (lambda: _overlapping(5000), "overlap|when it is unpacked"),
    "a member before the beginning": (lambda: _overlapping(1, shift=10), "before its beginning"),
    # Tensors.
    "a tensor of 2⁴⁰ classes": (_empty_classes, "classes|not fit"),
    "an expanded tensor": (
        lambda: _state(lambda state: state.update({"style.1.weight": torch.zeros(1).expand(1 << 20, 1 << 20)})),
        "larger than its storage",
    ),
    # safetensors.
    "a header of 2⁶⁰ bytes": (lambda: _safetensors({}, length=(1 << 47) - 1), "header"),
    "a header of lists": (lambda: _safetensors(b"[" * (4 << 20)), "lists|known kind"),
    "a deep header": (lambda: _safetensors(b'{"a":' + b"[" * (4 << 20)), "lists and objects"),
    "a header that is long": (lambda: _safetensors(b"{" + b" " * (9 << 20) + b"}"), "a safetensors header of"),
    "a name twice": (
        lambda: _safetensors(b'{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"a":{}}'),
        "twice",
    ),
    "many names of tensors": (
        lambda: _safetensors({str(n): _entry(shape=[0], offsets=[0, 0]) for n in range(50_000)}),
        "tensors",
    ),
    "tensors over each other": (lambda: _safetensors({"a": _entry(), "b": _entry()}, bytes(16)), "overlap"),
    "bytes between tensors": (lambda: _safetensors({"a": _entry(offsets=(16, 32))}, bytes(32)), "overlap|between"),
    "bytes behind": (lambda: _safetensors({"a": _entry()}, bytes(20)), "behind the last"),
    "too few bytes": (lambda: _safetensors({"a": _entry()}, bytes(8)), "from byte 0 to 16 of 8"),
    "another size": (lambda: _safetensors({"a": _entry(shape=(5,))}, bytes(16)), "of 20 bytes"),
    "sizes without end": (lambda: _safetensors({"a": _entry(shape=[2**40] * 8)}, bytes(16)), "sizes|size|bytes"),
    "a negative size": (lambda: _safetensors({"a": _entry(shape=[-4])}, bytes(16)), "sizes"),
    "half a size": (lambda: _safetensors({"a": _entry(shape=[4.5])}, bytes(16)), "sizes"),
    "a long number": (lambda: _safetensors(b'{"a":' + b"9" * 100_000 + b"}"), "number"),
    "many dimensions": (lambda: _safetensors({"a": _entry(shape=[1] * 60 + [4])}, bytes(16)), "61 dimensions"),
    "numbers of four bits": (lambda: _safetensors({"a": _entry("F4")}, bytes(16)), "of the type F4"),
    "complex numbers": (
        lambda: _ours(lambda state: state.update({"constant": state["constant"].to(torch.complex64)})),
        "complex64",
    ),
    "whole numbers": (
        lambda: _ours(lambda state: state.update({"constant": state["constant"].to(torch.int32)})),
        "int32",
    ),
    "no numbers": (lambda: _ours(lambda state: state.update({"constant": state["constant"][:0]})), "shape"),
    "a name of lines": (lambda: _safetensors({"a\nb\x1b[31m": _entry("F4")}, bytes(16)), "F4"),
}
"""Lone files."""


def _card(whole: Path, folder: Path, change: Callable[[dict], object]) -> None:
    folder.mkdir()
    os.link(whole / "generator.safetensors", folder / "generator.safetensors")
    card = json.loads((whole / "model.json").read_text())
    changed = change(card)
    content = changed if isinstance(changed, bytes) else json.dumps(card).encode()
    (folder / "model.json").write_bytes(content)


WRONG = (3, "text", [], [[]], True, 0.5, {"a": [1]})
CARDS: dict[str, tuple[Callable[[dict], object], str]] = {
    "deep": (lambda card: b"[" * 100_000, "lists and objects"),
    "long": (lambda card: b"[" + b" " * (5 << 20) + b"]", "bytes"),
    "twice": (lambda card: b'{"format":1,"format":2}', "twice"),
    "a long number": (lambda card: b'{"version":' + b"9" * 100_000 + b"}", "number"),
    "not UTF-8": (lambda card: b"\xff\xfe\xff", "UTF"),
    "a format of lists": (lambda card: card.update(format=[[["a"]]]), "another kind"),
    **{
        f"{name} is {value!r}": (lambda card, name=name, value=value: card.update({name: value}), f"model.json: {name}")
        for name, kinds in (
            ("name", (str,)),
            ("licence", (str,)),
            ("source", (str, dict)),
            ("training", (str, dict)),
            ("quality", (dict,)),
            ("generator", (dict,)),
            ("alpha", (dict,)),
        )
        for value in WRONG
        if not isinstance(value, kinds)
    },
    **{
        f"generator.{name} is {value!r}": (
            lambda card, name=name, value=value: card["generator"].update({name: value}),
            f"model.json: generator.{name}",
        )
        for name, kinds in (("architecture", (dict,)), ("tensors", ()), ("parameters", (int,)))
        for value in WRONG
        if not isinstance(value, kinds) or isinstance(value, bool)
    },
    **{
        f"conv_clamp is {value!r}": (
            lambda card, value=value: card["generator"]["architecture"].update(conv_clamp=value),
            "conv_clamp",
        )
        for value in ("256", [1], True, -1, 0, float("nan"), float("inf"), {"a": 1})
    },
}
"""Cards of native folders whose networks are whole."""


def write(folder: Path) -> dict[str, tuple[Path, str]]:
    """All of them in one folder: name → where it is and the words of its refusal."""
    made = {}
    for index, (name, (content, words)) in enumerate(FILES.items()):
        path = folder / f"file{index}"
        path.write_bytes(content())
        made[name] = path, words
    native.save(folder / "whole", generator=forge.generator(), card={"licence": "MIT"})
    for index, (name, (change, words)) in enumerate(CARDS.items()):
        path = folder / f"folder{index}"
        _card(folder / "whole", path, change)
        made[f"card: {name}"] = path, words
    return made
