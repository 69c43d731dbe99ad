"""Two writers of one folder."""

import json
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import threading
import time

import fsspec
import pytest

from l4f_datagen.errors import UserError, WorkError
from l4f_datagen.storage import lock
from l4f_datagen.storage import owner as processes
from l4f_datagen.storage.lock import writing
from l4f_datagen.storage.opening import open_store
from tests.processes import PATIENCE, until

HOLDER = """
import sys, time
from l4f_datagen.storage.lock import writing
shards = range(int(sys.argv[2]), int(sys.argv[3])) if len(sys.argv) > 2 else None
with writing(sys.argv[1], shards):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(params=["folder", "memory"])
def store(request, tmp_path):
    """A folder and an object storage, both quick to call a writer dead."""
    store = open_store(tmp_path / "a b" / "ü" if request.param == "folder" else "memory://bucket/a b/ü")
    store.beat = 0.05
    store.make_writable()
    yield store
    fsspec.filesystem("memory").store.clear()


class Holder:
    """Another process that has the lock."""

    def __init__(self, folder, *shards: int):
        words = [sys.executable, "-c", HOLDER, str(folder), *map(str, shards)]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "held\n"

    def end(self):
        self.process.communicate()

    def kill(self):
        """Without waiting for it: as a process whose parent does not look, it stays listed."""
        self.process.send_signal(signal.SIGKILL)
        os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT)


def locks(place):
    return [name for name in open_store(place).listing() if name.startswith(lock.PREFIX)]


def leave_lock(store, token="f" * 12, **fields):
    """The lock file of a writer on another machine."""
    process = {"host": "elsewhere", "machine": "0" * 16, "pid": 77, "started": 1}
    content = {"token": token, "start": None, "stop": None, "process": process, "since": "2001-01-01 00:00:00 UTC",
               "holds": True, "beats": 3} | fields  # fmt: skip
    store.write_bytes(f"{lock.PREFIX}{token}{lock.SUFFIX}", json.dumps(content).encode())


def test_the_second_writer_is_refused_and_told_who_the_first_is(store):
    with writing(store):
        with pytest.raises(UserError) as error, writing(store):
            pass
        assert len(locks(store)) == 1
    host = re.escape(processes.this().host)
    assert re.search(rf"process {os.getpid()} on {host} \(since 20\d\d-\d\d-\d\d [\d:]+ UTC\)", str(error.value))
    assert not locks(store)
    with writing(store):
        assert len(locks(store)) == 1


def test_ranges_that_overlap_are_refused_others_coexist(store):
    with writing(store, range(2)), writing(store, range(2, 5)), writing(store, range(7, 9)):
        assert len(locks(store)) == 3
        for shards in (range(1, 2), range(4, 8), range(100), None):
            with pytest.raises(UserError, match="shards \\d:\\d"), writing(store, shards):
                pass
        with writing(store, range(5, 7)), writing(store, range(0)):
            pass
    assert not locks(store)


def test_another_process_is_refused_while_it_lives_and_taken_over_when_it_is_dead(tmp_path, caplog):
    holder = Holder(tmp_path / "set")
    with pytest.raises(UserError, match=f"process {holder.process.pid} on"), writing(tmp_path / "set"):
        pass
    holder.kill()
    assert len(locks(tmp_path / "set")) == 1
    with writing(tmp_path / "set"):
        assert len(locks(tmp_path / "set")) == 1
    assert f"the lock of process {holder.process.pid} on" in caplog.text
    assert "is stale (the process is gone); taken over" in caplog.text
    assert list((tmp_path / "set").iterdir()) == []


def test_dead_writers_of_other_shards_leave_nothing(tmp_path):
    holder, other = Holder(tmp_path, 0, 2), Holder(tmp_path, 2, 4)
    holder.kill()
    with writing(tmp_path, range(4, 6)):
        assert len(locks(tmp_path)) == 2  # ours, and that of the one that lives
    other.end()
    assert list(tmp_path.iterdir()) == []


def test_a_process_with_the_number_of_a_dead_one_is_another(store):
    us = processes.this()
    leave_lock(store, process={"host": us.host, "machine": us.machine, "pid": os.getppid(), "started": 12})
    with writing(store):
        pass
    assert not locks(store)


def test_a_clock_that_jumps_changes_nothing(tmp_path, monkeypatch):
    holder = Holder(tmp_path)
    for seconds in (0, 2**33):
        os.utime(tmp_path / locks(tmp_path)[0], (seconds, seconds))
        monkeypatch.setattr(time, "time", lambda seconds=seconds: seconds)
        with pytest.raises(UserError, match="is writing"), writing(tmp_path):
            pass
    holder.kill()
    with writing(tmp_path):
        pass


def test_another_machine_that_shows_no_sign_of_life_is_taken_over_after_watching(store, caplog):
    leave_lock(store)
    begin = time.monotonic()
    with writing(store):
        waited = time.monotonic() - begin
        assert len(locks(store)) == 1
    assert waited >= 6 * store.beat
    assert "process 77 on elsewhere (since 2001-01-01 00:00:00 UTC) may still be writing; watching it" in caplog.text
    assert "is stale (no sign of life for 0 s); taken over" in caplog.text


def test_another_machine_that_shows_signs_of_life_is_refused(store, monkeypatch):
    monkeypatch.setattr(processes, "alive", lambda process: None)  # as if all others were on other machines
    monkeypatch.setattr(lock, "_alive", processes.alive)
    monkeypatch.setattr(lock, "_SILENT_BEATS", PATIENCE / store.beat)  # until it is seen, however busy the machine is
    with writing(store), pytest.raises(UserError, match="is writing"), writing(store):
        pass


def test_a_file_that_nobody_understands_is_watched_too(store):
    store.write_bytes(f"{lock.PREFIX}x{lock.SUFFIX}", b"{")
    with writing(store):
        assert len(locks(store)) == 1


@pytest.mark.parametrize("remote", [False, True])
def test_of_many_that_come_at_once_exactly_one_gets_it(store, monkeypatch, remote):
    if remote:
        monkeypatch.setattr(lock, "_alive", lambda writer: None)
    store.beat = 1.0  # six of them without a sign of life, and a slow machine makes a writer look dead
    inside, most, got, barrier = 0, 0, [], threading.Barrier(6)
    counting = threading.Lock()

    def come():
        nonlocal inside, most
        barrier.wait()
        try:
            with writing(store):
                with counting:
                    inside += 1
                    most = max(most, inside)
                time.sleep(1)
                with counting:
                    inside -= 1
                got.append(True)
        except UserError:
            got.append(False)

    threads = [threading.Thread(target=come) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1 and sum(got) >= 1 and len(got) == 6
    assert not locks(store)


@pytest.mark.parametrize("takes_over", [lambda store: store.remove(*locks(store)), leave_lock])
def test_who_was_taken_for_dead_gives_up(store, takes_over):
    with writing(store) as held:
        held.check()

        def is_told():
            takes_over(store)
            held.check()

        with pytest.raises(WorkError, match="took this one for dead"):
            until(is_told)


def test_who_took_over_is_not_disturbed_by_the_one_that_comes_back(store):
    leave_lock(store)
    with writing(store) as held:
        leave_lock(store)
        until(lambda: held.check() or len(locks(store)) == 1)


def test_what_this_process_could_not_remove_does_not_shut_it_out(store, monkeypatch, caplog):
    def unreachable(*names):
        raise WorkError("no connection")

    with pytest.raises(RuntimeError, match="the work"), writing(store):
        monkeypatch.setattr(store, "remove", unreachable)
        raise RuntimeError("the work")
    monkeypatch.undo()
    assert len(locks(store)) == 1 and "stays behind (no connection)" in caplog.text
    with writing(store):
        pass
    assert not locks(store)


def test_a_forked_child_does_not_count_as_its_parent(tmp_path):
    with writing(tmp_path):
        with multiprocessing.get_context("fork").Pool(1) as pool:
            refused = pool.apply(_is_refused, (tmp_path,))
        assert refused and len(locks(tmp_path)) == 1


def _is_refused(folder):
    try:
        with writing(folder):
            return False
    except UserError:
        return True


OF_NOBODY = {
    "nothing": b"",
    "zeros": bytes(300),
    "no JSON": b"{",
    "null": b"null",
    "a list": b"[]",
    "deep": b"[" * 100_000,
    "deep within": b'{"process": ' * 50_000,
    "very long": b" " * (1 << 20),
    "an endless number": b'{"beats": ' + b"9" * 10_000 + b"}",
    "no process": b'{"token": "0", "start": null, "stop": null}',
    "half a range": {"start": 3},
    "text for shards": {"start": "0", "stop": "9"},
    "a number for a token": {"token": 7},
    "no process of this number": {"process": {"pid": 10**30}},
    "all processes": {"process": {"pid": -1}},
    "another word for a process": {"process": {"name": "x"}},
    "text for beats": {"beats": "many"},
    "lines for a host": {"process": {"host": "a\nb\x1b[31m"}},
}


@pytest.mark.parametrize("case", OF_NOBODY)
def test_a_lock_that_says_nothing_of_use_is_nobodys_after_a_while(case, store, caplog):
    content = OF_NOBODY[case]
    if isinstance(content, dict):
        with writing(store):
            fields = json.loads(store.read_bytes(locks(store)[0]))
        process = fields["process"] | content.get("process", {})
        content = json.dumps(fields | content | {"process": process}).encode()
    store.write_bytes(f"{lock.PREFIX}{'0' * 12}{lock.SUFFIX}", content)
    with writing(store):
        assert len(locks(store)) == 1
    assert "is stale (no sign of life" in caplog.text and not locks(store)
