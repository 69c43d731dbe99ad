"""A family of checkpoints is one file: what lies in the folder of layouts is found, and nothing else knows of it."""

import json

import pytest
import torch

from l4f_datagen import weights
from l4f_datagen.cli import main
from l4f_datagen.errors import UserError
from l4f_datagen.weights import layouts, native
from l4f_datagen.weights.conversion.convert import convert
from l4f_datagen.weights.inspection import inspect
from l4f_datagen.weights.layouts import registry

FAMILY = '''
"""Generators of a program that puts "net/" before each of our names, and slashes between their parts."""

from l4f_datagen.weights.assembly.assemble import build_generator, settled
from l4f_datagen.weights.pickle.tensors import load_tensor
from l4f_datagen.weights.layouts.layout import Layout


def recognises(content):
    return isinstance(content, dict) and "net/constant" in content


def read(content):
    names = {name: name.removeprefix("net/").replace("/", ".") for name in content if name.startswith("net/")}
    tensors = {ours: settled(load_tensor(content[theirs]), theirs) for theirs, ours in names.items()}
    return build_generator(tensors), ("it was slashed",)


LAYOUT = Layout(
    name="slashed",
    kind="generator",
    held="a slashed generator",
    asked="the slashed layout (net/)",
    signs="names that begin with net/",
    recognises=recognises,
    read=read,
    parts={"extra": "the slashed extra"},
)
'''


@pytest.fixture
def family(tmp_path, monkeypatch):
    """The package with one file more in its folder of layouts."""
    (tmp_path / "family").mkdir()
    (tmp_path / "family" / "slashed.py").write_text(FAMILY)
    monkeypatch.setattr(layouts, "__path__", [*layouts.__path__, str(tmp_path / "family")])
    registry.layouts.cache_clear()
    yield
    registry.layouts.cache_clear()


@pytest.fixture
def checkpoint(tmp_path):
    network = weights.load_generator("vessels64")
    state = {f"net/{name.replace('.', '/')}": tensor for name, tensor in network.state_dict().items()}
    torch.save({**state, "extra": torch.zeros(3)}, tmp_path / "slashed.pt")
    return tmp_path / "slashed.pt"


def test_one_file_is_a_family(family, checkpoint, tmp_path, capsys):
    found = inspect(checkpoint)
    assert found.layout == "slashed" and found.networks[0].notes == ("it was slashed",)
    network, source = weights.read_generator(checkpoint)
    assert source.format == "slashed"
    ours = weights.load_generator("vessels64").state_dict()
    assert all(torch.equal(tensor, ours[name]) for name, tensor in network.state_dict().items())
    done = convert(checkpoint, tmp_path / "native")
    assert done.source_format == "slashed" and done.largest_difference == 0
    assert native.read_card(tmp_path / "native")["source"]["generator"]["format"] == "slashed"
    assert main(["inspect", str(checkpoint), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["layout"] == "slashed"
    with pytest.raises(UserError, match="a slashed generator"):
        weights.load_alpha(checkpoint)


def test_an_unknown_file_is_told_of_every_family(family, tmp_path):
    torch.save({"epoch": 3}, tmp_path / "other.pt")
    assert "slashed: names that begin with net/" in inspect(tmp_path / "other.pt").looked_for
    with pytest.raises(UserError, match=r"in the slashed layout \(net/\), .* or "):
        weights.load_generator(tmp_path / "other.pt")
    (tmp_path / "text.pt").write_text("hello")
    with pytest.raises(UserError, match=r"a known layout \(.*slashed.*\)"):
        inspect(tmp_path / "text.pt")


def test_without_it_nobody_knows_it(checkpoint):
    assert inspect(checkpoint).layout != "slashed"


def test_every_family_tells_what_it_is():
    assert {layout.kind for layout in registry.layouts()} == {"generator", "alpha", "segmenter"}
    for layout in registry.layouts():
        assert layout.name and layout.held and layout.signs
        assert not layout.recognises({}) and not layout.recognises(None)
