"""Processes that wait for each other: aloud, not for ever, and never deaf."""

import os
import signal

import pytest

from l4f_datagen.cli import main
from tests import forked
from tests.processes import free_port, until

WORDS = ["train-alpha", "--preset", "paper", "--generator", "vessels64", "--device", "cpu", "--out"]


@pytest.fixture
def port():
    with free_port() as found:
        yield found


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"RANK": "x"}, "RANK: got x"),
        ({"RANK": "2"}, "RANK: got 2"),
        ({"RANK": "-1"}, "RANK: got -1"),
        ({}, "RANK: got nothing"),
        ({"RANK": "0", "WORLD_SIZE": "0"}, "WORLD_SIZE: got 0"),
        ({"RANK": "0", "WORLD_SIZE": "many"}, "WORLD_SIZE: got many"),
        ({"RANK": "0", "MASTER_PORT": "99999"}, "MASTER_PORT: got 99999"),
        ({"RANK": "0", "L4F_WAIT_FOR_PEERS": "soon"}, "L4F_WAIT_FOR_PEERS: got soon"),
        ({"RANK": "1", "MASTER_ADDR": "nosuch.invalid"}, "nobody knows"),
    ],
    ids=str,
)
def test_numbers_that_cannot_be(variables, said, tmp_path, monkeypatch, capsys):
    for name, value in ({"WORLD_SIZE": "2"} | variables).items():
        monkeypatch.setenv(name, value)
    assert main([*WORDS, str(tmp_path / "run")]) == 2
    assert said in capsys.readouterr().err and not (tmp_path / "run").exists()


@pytest.mark.parametrize(("rank", "number"), [(0, None), (1, None), (0, signal.SIGTERM), (1, signal.SIGINT)])
def test_nobody_comes(rank, number, tmp_path, port):
    environment = {**os.environ, "RANK": str(rank), "WORLD_SIZE": "2", "MASTER_PORT": str(port)}
    environment["L4F_WAIT_FOR_PEERS"] = "3" if number is None else "600"
    errors = tmp_path / "errors"
    errors.touch()
    words = [*WORDS, str(tmp_path / "run")]
    with forked.Process("l4f_datagen", words, environment=environment, errors=str(errors)) as process:
        until(lambda: "\n" in errors.read_text(), process, errors.read_text)
        first = errors.read_text().splitlines()[0]
        assert f"process {rank} of 2 waits for" in first and str(port) in first
        if number is not None:
            process.send_signal(number)
        assert process.wait() == (1 if number is None else 130)
    error = errors.read_text()
    assert "Traceback" not in error
    assert ("waited 3 s" if number is None else "interrupted") in error
