import contextlib
import importlib
import random

import pytest

from l4f_datagen.errors import UserError
from l4f_datagen.weights.pickle import machine
from l4f_datagen.weights.pickle.modules import Stranger
from tests.fuzz import checkpoints


def test_the_watch_sees_an_execution(tmp_path, monkeypatch):
    """A reader that imports and calls is caught by the same run."""
    inert = machine.Machine.resolve, machine.Machine.call

    def resolve(self, module, name):
        found = inert[0](self, module, name)
        return getattr(importlib.import_module(module), name) if isinstance(found, Stranger) else found

    def call(self, function, arguments):
        return inert[1](self, function, arguments) if isinstance(function, machine.StandIn) else function(*arguments)

    monkeypatch.chdir(tmp_path)
    seeds = checkpoints.seeds()
    for content in seeds.values():
        checkpoints.read(content)
    monkeypatch.setattr(machine.Machine, "resolve", resolve)
    monkeypatch.setattr(machine.Machine, "call", call)
    with pytest.raises(checkpoints.Executed):
        for index in range(300):
            numbers = random.Random(index)
            with contextlib.suppress(UserError, TypeError, AttributeError):
                checkpoints.read(checkpoints.mutated(seeds[numbers.choice(sorted(seeds))], numbers))
