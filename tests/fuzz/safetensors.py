"""safetensors files: networks in every number type, training states; headers changed by their structure."""

import json
import random
import struct
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from l4f_datagen.errors import UserError
from l4f_datagen.networks.segmenters.unet import UNet
from l4f_datagen.weights.containers import safetensors_file
from l4f_datagen.weights.native import state
from tests.weights import forge

from .checkpoints import look
from .mutations import VALUES

BYTES = 0.4
_NAMES = (*safetensors_file.NUMBER_TYPES, "F4", "F6_E2M3", "F8_E8M0", "C128", "f32", "", "F32\n", "U1")
_SIZES = (0, 1, 2, 3, 4, 8, 16, 2**31, 2**47, 2**48, 2**63, 2**64, 10**30, -1, 0.5, "4", None, [4], True)


def seeds() -> Mapping[str, bytes]:
    """Networks of ours and of others, and what a training keeps."""
    torch.set_num_threads(1)
    made = forge.generator()
    ours = {name: tensor.detach().clone().contiguous() for name, tensor in made.state_dict().items()}
    found = {
        "generator": save(ours),
        "nvidia": save({f"module.{name}": tensor for name, tensor in forge.nvidia_state(made).items()}),
        "unet": save(dict(UNet(width=4, depth=1).state_dict())),
        "state": save(ours, {"numbers": json.dumps({"p": 0.5, "scalers": {"g": {}}, "best": {}})}),
    }
    for name in ("float16", "bfloat16", "float64", "float8_e4m3fn", "float8_e5m2"):
        found[name] = save({key: tensor.to(getattr(torch, name)) for key, tensor in ours.items()})
    return found


def mutated(content: bytes, numbers: random.Random) -> bytes:
    """A file with one to three changes of its header, or of what its header says of its length."""
    length = int.from_bytes(content[:8], "little")
    header, body = json.loads(content[8 : 8 + length]), content[8 + length :]
    for _ in range(numbers.randint(1, 3)):
        _change(header, numbers)
    text = json.dumps(header).encode()
    if numbers.random() < 0.1:
        name = numbers.choice(sorted(header) or ["a"])
        text = text[:-1] + b"," + json.dumps({name: header.get(name)}).encode()[1:]
    length = len(text) if numbers.random() < 0.9 else numbers.choice((0, 1, len(text) + 8, 2**31, 2**63, 2**64 - 1))
    return struct.pack("<Q", length) + text + (body if numbers.random() < 0.9 else body[: numbers.randrange(len(body))])


def _change(header: dict[str, Any], numbers: random.Random) -> None:
    names = sorted(header)
    if not names:
        return
    name = numbers.choice(names)
    entry, kind = header[name], numbers.randrange(9)
    if kind == 0:
        header[name] = deepcopy(numbers.choice(VALUES))
    elif kind == 1:
        header[numbers.choice(("a", "module." + name, name + ".x", "x" * 100_000, "__metadata__"))] = entry
    elif kind == 2:
        del header[name]
    elif isinstance(entry, dict) and "shape" in entry and isinstance(entry["shape"], list):
        shape, offsets = entry["shape"], entry["data_offsets"]
        if kind == 3:
            entry["dtype"] = numbers.choice(_NAMES)
        elif kind == 4 and shape:
            shape[numbers.randrange(len(shape))] = numbers.choice(_SIZES)
        elif kind == 5:
            shape[:] = numbers.choice(
                ([], [1] * 9, [1] * 1000, [0, 2**40], shape[::-1], [*shape, 1], [2**32, 2**32, 0])
            )
        elif kind == 6 and isinstance(offsets, list) and offsets:
            offsets[numbers.randrange(len(offsets))] = numbers.choice(_SIZES)
        elif kind == 7:
            entry["data_offsets"] = header[numbers.choice(names)].get("data_offsets", [0, 0])
        else:
            entry[numbers.choice(("dtype", "shape", "data_offsets", "more"))] = deepcopy(numbers.choice(VALUES))


def read(content: bytes) -> None:
    """As a checkpoint, and as what a training goes on from."""
    path = Path("file.safetensors")
    path.write_bytes(content)
    try:
        with state.opened(path) as (tensors, _):
            assert all(tensor.device.type == "cpu" for tensor in tensors.values())
    except UserError:
        pass  # few are states
    look(str(path))
