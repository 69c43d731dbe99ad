import importlib

import pytest

from l4f_datagen.weights import machine

from . import fuzz


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
