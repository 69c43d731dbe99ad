import os
import random
import resource
import signal
import subprocess

import pytest

from l4f_datagen.engines.local import generate
from l4f_datagen.errors import UserError, WorkError
from l4f_datagen.shards.format import layout
from l4f_datagen.shards.reader import open_dataset
from tests import forked, torture
from tests.processes import until
from tests.torture import command, fingerprints


@pytest.fixture
def undisturbed(tmp_path, tiny_settings) -> dict[str, str]:
    generate(tiny_settings, tmp_path / "undisturbed")
    return fingerprints(tmp_path / "undisturbed")


def test_a_complete_folder(undisturbed):
    shards = {name for shard in range(3) for name in layout.of_shard(shard)}
    assert set(undisturbed) == shards | set(layout.FINAL) | {layout.DATASET, layout.CARD}


def test_the_same_settings_give_the_same_bytes(tmp_path, tiny_settings, undisturbed):
    generate(tiny_settings, tmp_path / "again")
    # wids.json names the data set after its folder.
    again = fingerprints(tmp_path / "again")
    assert {k: v for k, v in again.items() if k != layout.WIDS} == {
        k: v for k, v in undisturbed.items() if k != layout.WIDS
    }


def test_starting_again_makes_nothing_twice(tmp_path, tiny_settings, undisturbed):
    folder = tmp_path / "undisturbed"
    times = {p.name: p.stat().st_mtime_ns for p in folder.iterdir()}
    progress = generate(tiny_settings, folder)
    assert (progress.made, progress.samples) == (0, 23)
    assert {p.name: p.stat().st_mtime_ns for p in folder.iterdir()} == times


@pytest.mark.parametrize("lost", [layout.stats(1), layout.tar(0), layout.METADATA, layout.parquet(2)])
def test_what_is_lost_is_made_again(tmp_path, tiny_settings, undisturbed, lost):
    folder = tmp_path / "undisturbed"
    (folder / lost).unlink()
    generate(tiny_settings, folder)
    assert fingerprints(folder) == undisturbed


def test_a_larger_n_extends(tmp_path, tiny_settings):
    extended, whole = tmp_path / "a" / "set", tmp_path / "b" / "set"
    generate(tiny_settings.model_copy(update={"n": 7}), extended)
    first = fingerprints(extended)
    generate(tiny_settings.model_copy(update={"n": 15}), extended)
    progress = generate(tiny_settings, extended)
    assert progress.made == 13  # the full shard stayed, the short one was made again
    generate(tiny_settings, whole)
    assert fingerprints(extended) == fingerprints(whole)
    assert first["00000.tar"] != fingerprints(whole)["00000.tar"]


def test_other_settings_change_nothing(tmp_path, tiny_settings, undisturbed):
    with pytest.raises(UserError, match="seed"):
        generate(tiny_settings.model_copy(update={"seed": 9}), tmp_path / "undisturbed")
    assert fingerprints(tmp_path / "undisturbed") == undisturbed


def test_progress_counts_every_sample(tmp_path, tiny_settings):
    reports = []
    generate(tiny_settings, tmp_path / "set", report=reports.append)
    assert [r.made for r in reports] == list(range(1, 24))
    assert [r.shard for r in reports] == [0] * 10 + [1] * 10 + [2] * 3
    assert {(r.to_make, r.samples, r.shards) for r in reports} == {(23, 23, 3)}


def test_killed_at_any_moment_and_started_again_gives_the_same_bytes(tmp_path, tiny_settings):
    settings = tiny_settings.model_copy(update={"n": 1200, "samples_per_shard": 40})
    generate(settings, tmp_path / "whole" / "set")
    out, numbers = tmp_path / "killed" / "set", random.Random(4)
    kills = [torture.kill_at_random(settings, out, numbers) for _ in range(5)]
    assert sum(kills) >= 2
    assert torture.finish(settings, out) == fingerprints(tmp_path / "whole" / "set")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_exits_130_and_what_was_finished_stays(tmp_path, tiny_settings, number):
    settings = tiny_settings.model_copy(update={"n": 100_000, "samples_per_shard": 50})
    told = tmp_path / "told"
    told.touch()
    with forked.Process("l4f_datagen", command(settings, tmp_path / "set")[3:], errors=str(told)) as process:
        until((tmp_path / "set" / layout.stats(0)).exists, process, told.read_text)
        process.send_signal(number)
        assert process.wait() == 130
    errors = told.read_text()
    assert errors.count("\n") == 1 and "interrupted" in errors
    assert not list((tmp_path / "set").glob(".*"))
    assert len(open_dataset(tmp_path / "set", allow_incomplete=True)) >= 50


def test_no_room_left_keeps_what_is_finished(tmp_path, tiny_settings, undisturbed):
    """A real refusal of the system: files may not grow beyond a limit."""
    largest = max((tmp_path / "undisturbed" / layout.tar(shard)).stat().st_size for shard in range(2))
    settings = tiny_settings.model_copy(update={"n": 40, "samples_per_shard": 10})
    out = tmp_path / "set"
    generate(settings.model_copy(update={"n": 20}), out)
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest // 2, old[1]))
        with pytest.raises(WorkError, match="no room left while writing shard 2.*run the same command again"):
            generate(settings, out)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert not list(out.glob(".*")) and not (out / layout.tar(2)).exists()
    assert (out / layout.stats(1)).exists()
    generate(settings, out)
    generate(settings, tmp_path / "other" / "set")
    assert fingerprints(out) == fingerprints(tmp_path / "other" / "set")


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk_ends_with_1_and_a_second_start_continues(tmp_path, tiny_settings):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "none", disk], capture_output=True).returncode:
        pytest.skip("this machine mounts nothing")
    try:
        settings = tiny_settings.model_copy(update={"n": 200, "samples_per_shard": 20})
        done = forked.run(command(settings, disk / "set")[3:])
        assert done.returncode == 1, done.stderr
        assert done.stderr.count("\n") == 1 and "No space left" in done.stderr
        finished = fingerprints(disk / "set")
        assert layout.stats(0) in finished and not any(name.endswith(".tmp") for name in finished)
        subprocess.run(["mount", "-o", "remount,size=30m", disk], check=True)
        assert forked.run(command(settings, disk / "set")[3:]).returncode == 0
        generate(settings, tmp_path / "whole" / "set")
        assert fingerprints(disk / "set") == fingerprints(tmp_path / "whole" / "set")
    finally:
        subprocess.run(["umount", disk], check=True)
