"""Two commands that write into one folder."""

import signal
import subprocess
import time

import l4f_datagen as l4f
from l4f_datagen.cli import main
from l4f_datagen.shards.format import layout
from tests.engines.test_local import command


def test_the_second_command_exits_2_and_names_the_first(tmp_path, capsys, caplog, tiny_settings):
    out = tmp_path / "set"
    long = tiny_settings.model_copy(update={"n": 100_000, "samples_per_shard": 10})
    first = subprocess.Popen(command(long, out), stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (out / layout.stats(0)).exists():
        assert first.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    words = command(tiny_settings, out)[3:]
    assert main(words) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1 and f"process {first.pid} on" in message and "is writing into" in message
    assert main(["finalize", str(out)]) == 2
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert any(out.glob(".writing-*"))
    assert main([*words, "--overwrite"]) == 0
    assert "is stale (the process is gone); taken over" in caplog.text
    assert len(l4f.open_dataset(out)) == 23 and not list(out.glob(".*"))
