import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from l4f_datagen.errors import UserError
from l4f_datagen.weights.native import state


def _trained(seed=0):
    torch.manual_seed(seed)
    module = nn.Linear(3, 2)
    adam = torch.optim.Adam(module.parameters())
    module(torch.ones(1, 3)).sum().backward()
    adam.step()
    return module, adam


def _save(path, **changes):
    module, adam = _trained()
    tensors = state.of_module("net", module) | state.of_adam("adam", adam) | changes
    state.save(path, {name: tensor for name, tensor in tensors.items() if tensor is not None}, {"p": 0.5, "best": {}})
    return module


def _restore(path):
    module, adam = _trained(1)
    with state.opened(path) as (tensors, numbers):
        state.into_module("net", module, tensors)
        state.into_adam("adam", adam, tensors)
        return module, state.number(numbers, "p"), state.section(numbers, "best")


def test_what_is_saved_comes_back(tmp_path):
    saved = _save(tmp_path / "state")
    module, p, best = _restore(tmp_path / "state")
    assert p == 0.5 and best == {}
    torch.testing.assert_close(module.weight, saved.weight, atol=0, rtol=0)


def _numbers(text):
    def write(path):
        module, adam = _trained()
        tensors = state.of_module("net", module) | state.of_adam("adam", adam)
        save_file({name: t.detach().contiguous() for name, t in tensors.items()}, path, metadata={"numbers": text})

    return write


DAMAGE = {
    "missing": lambda path: None,
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_bytes(b"<html>"),
    "cut": lambda path: (_save(path), path.write_bytes(path.read_bytes()[:-4])),
    "a tensor missing": lambda path: _save(path, **{"net.weight": None}),
    "a tensor of another shape": lambda path: _save(path, **{"net.weight": torch.zeros(5)}),
    "a moment of another shape": lambda path: _save(path, **{"adam.0.exp_avg": torch.zeros(5)}),
    "a moment of nothing": lambda path: _save(path, **{"adam.7.exp_avg": torch.zeros(2, 3)}),
    "a moment without a number": lambda path: _save(path, **{"adam.x.exp_avg": torch.zeros(2, 3)}),
    "no numbers": lambda path: save_file({"a": torch.zeros(1)}, path),
    "numbers that are none": _numbers('{"p": "half", "best": {}}'),
    "numbers that are missing": _numbers("{}"),
    "a section that is none": _numbers('{"p": 0.5, "best": [1]}'),
    "no JSON": _numbers("{"),
    "no object": _numbers("[]"),
    "deep numbers": _numbers("[" * 100_000),
    "a long number": _numbers('{"p": ' + "9" * 100_000 + "}"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_damage_is_one_line_that_names_the_file(case, tmp_path):
    path = tmp_path / "state.safetensors"
    DAMAGE[case](path)
    with pytest.raises(UserError, match="no readable training state") as caught:
        _restore(path)
    line = str(caught.value)
    assert str(path) in line and line.isprintable() and len(line) < 500
