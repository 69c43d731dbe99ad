"""What time goes to: parts within parts, threads, and the line that generate -v ends with."""

import logging
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
import torch

from l4f_datagen.engines.local import generate
from l4f_datagen.process import device_clock, spending
from l4f_datagen.process.spending import SPENDING, Spending

from ..processes import PATIENCE

logger = logging.getLogger("l4f_datagen.tests")


@pytest.fixture
def clock(monkeypatch):
    """A clock that moves when it is told to."""
    now = SimpleNamespace(seconds=0.0)
    monkeypatch.setattr(spending.time, "perf_counter", lambda: now.seconds)
    return now


def test_a_part_counts_without_the_parts_within_it(clock):
    spent = Spending()
    spent.measured = True

    @spent.on("inner")
    def inner():
        clock.seconds += 3

    for _ in range(2):
        with spent.on("outer"):
            clock.seconds += 1
            inner()
    with pytest.raises(OSError), spent.on("failing"):
        clock.seconds += 2
        raise OSError
    assert spent._seconds == {"inner": 6.0, "outer": 2.0, "failing": 2.0}
    spent.add_device(5)
    assert re.fullmatch(
        r"time of the threads: inner 60%, outer 20%, failing 20%; \d+ cores? \d+% busy, the GPU 50%",
        spent.line(10, 4),
    )


def test_threads_count_together_and_apart(monkeypatch):
    """Each by a clock of its own, and all of them within a part at the same time."""
    spent, clocks, all_within = Spending(), threading.local(), threading.Barrier(4)
    spent.measured = True
    monkeypatch.setattr(spending.time, "perf_counter", lambda: clocks.__dict__.setdefault("seconds", 0.0))

    def work(_):
        with spent.on("outer"):
            clocks.seconds += 0.5
            with spent.on("inner"):
                all_within.wait(PATIENCE)
                clocks.seconds += 2

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(8)))
    assert spent._seconds == {"inner": 16.0, "outer": 4.0}


def test_nothing_is_measured_unless_it_is_told(caplog):
    spent = Spending()
    with caplog.at_level(logging.WARNING, "l4f_datagen"), spent.told(logger), spent.on("part"):
        assert not spent.measured
    assert not spent._seconds and not caplog.text
    with caplog.at_level(logging.INFO, "l4f_datagen"):
        with pytest.raises(OSError), spent.told(logger):
            raise OSError
        assert not spent.measured and not caplog.text
        with spent.told(logger):
            pass
        assert not caplog.text  # nothing that it knows of was done
        with spent.told(logger), spent.on("part"):
            time.sleep(0.001)
    assert "time of the threads: part 100%" in caplog.text


def test_generate_tells_every_part_and_writes_the_same_bytes(tiny_settings, tmp_path, caplog):
    with caplog.at_level(logging.INFO, "l4f_datagen"):
        generate(tiny_settings, tmp_path / "told")
    line = next(line for line in caplog.messages if line.startswith("time of the threads: "))
    parts = re.findall(r"([a-z ]+) (\d+)%", line.partition(": ")[2].partition(";")[0])
    assert {name.strip() for name, _ in parts} == {"codes", "synthesis", "masks and scores", "encoding", "writing"}
    assert abs(sum(int(share) for _, share in parts) - 100) <= 3 and "GPU" not in line
    caplog.clear()
    generate(tiny_settings, tmp_path / "plain")
    assert not caplog.messages
    for tar in ("00000.tar", "00002.tar"):
        assert (tmp_path / "told" / tar).read_bytes() == (tmp_path / "plain" / tar).read_bytes()


class Event:
    """What stands for CUDA's, which measure 40 ms between any two."""

    def __init__(self, enable_timing):
        assert enable_timing

    def record(self, stream):
        assert stream == "stream"

    def elapsed_time(self, other):
        return 40.0


def test_a_gpu_is_timed_by_its_own_clock(tiny_settings, monkeypatch):
    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: "stream")
    for measured in (False, True):
        monkeypatch.setattr(SPENDING, "measured", measured)
        monkeypatch.setattr(SPENDING, "_device", 0.0)
        for device in ("cuda", "cpu"):
            clock = device_clock.DeviceClock(torch.device(device))
            clock.stop()
            clock.count()
        assert SPENDING._device == pytest.approx(0.04 if measured else 0.0)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_is_busy_some_of_the_time(tiny_settings, tmp_path, caplog):
    settings = tiny_settings.model_copy(update={"device": "cuda"})
    with caplog.at_level(logging.INFO, "l4f_datagen"):
        generate(settings, tmp_path / "out")
    assert re.search(r"the GPU \d+%", caplog.text)
