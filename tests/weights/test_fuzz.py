import importlib
import random

import pytest

from l4f_datagen import weights
from l4f_datagen.errors import UserError
from l4f_datagen.weights import machine, native

from . import forge, fuzz


def test_mutated_files_load_or_are_refused(goldens, tmp_path):
    outcomes = fuzz.run(300, folder=tmp_path)
    # Both happen, else the mutations were too mild or too harsh to find anything.
    assert outcomes["refused"] > 100 and outcomes["loaded"] > 10


def test_the_watch_sees_an_execution(goldens, tmp_path, monkeypatch):
    """A reader that imports and calls is caught by the same run."""
    inert = machine.Machine.resolve, machine.Machine.call

    def resolve(self, module, name):
        try:
            return inert[0](self, module, name)
        except machine.Forbidden:
            return getattr(importlib.import_module(module), name)

    def call(self, function, arguments):
        return inert[1](self, function, arguments) if isinstance(function, machine.StandIn) else function(*arguments)

    monkeypatch.setattr(machine.Machine, "resolve", resolve)
    monkeypatch.setattr(machine.Machine, "call", call)
    with pytest.raises(AssertionError, match="Executed"):
        fuzz.run(300, folder=tmp_path)


@pytest.mark.parametrize("name", ["generator.safetensors", "model.json"])
def test_mutated_native_folders_load_or_are_refused(name, tmp_path):
    native.save(tmp_path, generator=forge.generator())
    whole = (tmp_path / name).read_bytes()
    refused = 0
    for index in range(150):
        (tmp_path / name).write_bytes(fuzz.mutated(whole, [whole], random.Random(index)))
        try:
            weights.load_generator(tmp_path)
        except UserError as error:
            assert "\n" not in str(error)
            refused += 1
    assert refused > 50
