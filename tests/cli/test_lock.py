"""Two commands that write into one folder."""

import signal

import l4f_datagen as l4f
from l4f_datagen.cli import main
from l4f_datagen.shards.format import layout
from tests import forked
from tests.processes import until
from tests.torture import command


def test_the_second_command_exits_2_and_names_the_first(tmp_path, capsys, caplog, tiny_settings):
    out = tmp_path / "set"
    long = tiny_settings.model_copy(update={"n": 100_000, "samples_per_shard": 10})
    words = command(tiny_settings, out)[3:]
    with forked.Process("l4f_datagen", command(long, out)[3:]) as first:
        until((out / layout.stats(0)).exists, first)
        assert main(words) == 2
        message = capsys.readouterr().err
        assert message.count("\n") == 1 and f"process {first.pid} on" in message and "is writing into" in message
        assert main(["finalize", str(out)]) == 2
    assert first.returncode == -signal.SIGKILL
    assert any(out.glob(".writing-*"))
    assert main([*words, "--overwrite"]) == 0
    assert "is stale (the process is gone); taken over" in caplog.text
    assert len(l4f.open_dataset(out)) == 23 and not list(out.glob(".*"))
