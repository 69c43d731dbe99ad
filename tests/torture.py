"""Kills ``generate`` at random moments and fills its disk; the data set must not show it.

``python -m tests.torture 50``
"""

import hashlib
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from l4f_datagen.engines.local import generate
from l4f_datagen.settings import GenerateSettings
from l4f_datagen.shards.verify.verification import verify

from . import forked
from .processes import until

FULL_DISK = 1
"""Exit code of failed work."""


def fingerprints(folder: Path) -> dict[str, str]:
    """SHA-256 of every file, hidden ones too."""
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


def command(settings: GenerateSettings, out: Path, *flags: str) -> list[str]:
    """The command that generates what ``settings`` say."""
    values = settings.model_dump(include={"n", "generator", "batch_size", "samples_per_shard", "threshold", "device"})
    words = [word for name, value in values.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    return [sys.executable, "-m", "l4f_datagen", "generate", "--out", str(out), *words, *flags]


def kill_at_random(settings: GenerateSettings, out: Path, numbers: random.Random, flags: Sequence[str] = ()) -> bool:
    """Start ``generate`` and kill it somewhere; whether it was still at work."""
    # The moment is a number of finished shards and some milliseconds, whatever the machine's speed.
    wanted = _finished(out) + numbers.randint(0, 2)
    with forked.Process("l4f_datagen", command(settings, out, *flags)[3:]) as process:
        until(lambda: _finished(out) >= wanted or process.poll() is not None)
        time.sleep(numbers.random() * 0.05)
    return process.returncode == -signal.SIGKILL


KILLED = """
import json, os, signal, sys
import l4f_datagen as l4f
settings, out, samples = l4f.GenerateSettings(**json.loads(sys.argv[1])), sys.argv[2], int(sys.argv[3])
l4f.generate(settings, out, report=lambda progress: progress.made == samples and os.kill(os.getpid(), signal.SIGKILL))
"""


def kill_after(settings: GenerateSettings, out: Path | str, samples: int, folder: Path) -> None:
    """Let a process that generates kill itself when it has made so many samples, however fast it is."""
    program = folder / "killed.py"
    program.write_text(KILLED)
    environment = {**os.environ, "PYTHONPATH": str(forked.ROOT)}
    words = [settings.model_dump_json(), str(out), str(samples)]
    (ended,) = forked.together(str(program), [words], folder, [environment])
    assert ended.returncode == -signal.SIGKILL, ended.stderr


def fill_the_disk(settings: GenerateSettings, out: Path, numbers: random.Random, tar_bytes: int) -> bool:
    """Run ``generate`` where the system refuses files beyond some size below a tar's; whether it failed by that."""
    limit = numbers.randint(4096, tar_bytes - 1)
    done = subprocess.run(
        command(settings, out),
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert done.returncode in (0, FULL_DISK), done.stderr
    # Before it may stand that the lock of a killed process was taken over.
    assert not done.returncode or "no room left" in done.stderr.splitlines()[-1], done.stderr
    assert not list(out.glob(".*")), "failed work leaves no temporary file"
    return done.returncode == FULL_DISK


def finish(settings: GenerateSettings, out: Path) -> dict[str, str]:
    """Let ``generate`` end undisturbed and ``verify`` read it; the files of the folder."""
    done = forked.run(command(settings, out)[3:])
    assert done.returncode == 0, done.stderr
    assert not (findings := verify(out).findings), findings
    return fingerprints(out)


def _finished(out: Path) -> int:
    return len(list(out.glob("*_stats.json"))) if out.exists() else 0


def main(times: int, seed: int) -> None:
    """Disturb one data set ``times`` times: every fifth time a full disk, kills of one or two processes else."""
    numbers = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        # More shards than finish before the last disturbance, so that each one hits.
        settings = GenerateSettings(n=60 * times, samples_per_shard=25, batch_size=5, device="cpu")
        whole, out = Path(name) / "whole" / "set", Path(name) / "disturbed" / "set"
        generate(settings, whole)
        expected, tar_bytes = fingerprints(whole), min(tar.stat().st_size for tar in whole.glob("*.tar"))
        hits = 0
        for number in range(times):
            if number % 5 == 4:
                hit, what = fill_the_disk(settings, out, numbers, tar_bytes), "full disk"
            else:
                flags = ("--devices", "cpu,cpu") if number % 5 == 3 else ()
                hit, what = kill_at_random(settings, out, numbers, flags), "kill"
            hits += hit
            print(f"{number + 1}/{times} {what}: {'hit' if hit else 'came late'}, {_finished(out)} shards", flush=True)
        assert finish(settings, out) == expected, "the data set differs"
        assert hits > times // 2, f"only {hits} of {times} disturbances hit"
        print(f"{hits} of {times} disturbances hit (seed {seed}); the data set has the bytes of an undisturbed one")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50, int(sys.argv[2]) if len(sys.argv) > 2 else 0)
