"""Native folders whose tensors are of other types than float32."""

import hashlib
import json

import pytest
import torch
from safetensors.torch import save_file

from l4f_datagen import weights
from l4f_datagen.errors import UserError
from l4f_datagen.weights import native

from .. import forge


def _folder(tmp_path, dtype):
    made = forge.generator()
    native.save(tmp_path, generator=made)
    state = {name: tensor.detach().to(dtype).contiguous() for name, tensor in made.state_dict().items()}
    save_file(state, tmp_path / "generator.safetensors")
    card = json.loads((tmp_path / "model.json").read_text())
    card["generator"]["tensors"] = {
        name: hashlib.sha256(bytes(tensor.reshape(-1).view(torch.uint8).tolist())).hexdigest()
        for name, tensor in state.items()
    }
    (tmp_path / "model.json").write_text(json.dumps(card))
    return state


@pytest.mark.parametrize("name", ["bfloat16", "float16", "float64", "float8_e4m3fn", "float8_e5m2"])
def test_numbers_with_a_point_become_single(name, tmp_path):
    state = _folder(tmp_path, getattr(torch, name))
    network = weights.load_generator(tmp_path)
    for key, tensor in network.state_dict().items():
        torch.testing.assert_close(tensor, state[key].float(), atol=0, rtol=0)


@pytest.mark.parametrize("name", ["int8", "uint8", "uint16", "uint32", "int64", "bool", "complex64"])
def test_other_numbers_are_refused_by_their_type(name, tmp_path):
    _folder(tmp_path, getattr(torch, name))
    with pytest.raises(UserError, match=f"of the type {name}"):
        weights.load_generator(tmp_path)


def test_a_changed_byte_is_noticed_whatever_the_type(tmp_path):
    _folder(tmp_path, torch.bfloat16)
    data = bytearray((tmp_path / "generator.safetensors").read_bytes())
    data[-1] ^= 1
    (tmp_path / "generator.safetensors").write_bytes(data)
    with pytest.raises(UserError, match="that is not the one of model.json"):
        weights.load_generator(tmp_path)
