"""``settings.json`` and ``log.jsonl`` of training runs, ``experiment.json``, and kept results."""

import json
import random
from collections.abc import Mapping
from pathlib import Path

from l4f_datagen.experiment import results
from l4f_datagen.experiment.record import FILE, Record
from l4f_datagen.experiment.record import FORMAT as EXPERIMENT
from l4f_datagen.training.core.run_files import FORMAT, LOG, SETTINGS, as_line, log_lines, read_settings

from .mutations import json_mutated

TOKENS = (b"[" * 3000, b'{"a":' * 3000, b"1e400", b"NaN", b"9" * 5000, b"null", b"true", b'"', b"\\ud800", b",", b"}",
          b"\n", b"\r", b"\xff")  # fmt: skip
_SETTINGS = {"format": FORMAT, "version": 1, "stage": "train-alpha", "settings": {"n": 3}, "identity": {"n": 3}}


def seeds() -> Mapping[str, bytes]:
    """One of each."""
    timed = {"generate": {"seconds": 3.5, "hardware": {"cpu": "x", "cores": 2}}}
    return {
        SETTINGS: json.dumps(_SETTINGS).encode(),
        LOG: b"".join(as_line({"iteration": n, "loss": 0.5, "steps_per_second": 3.0}) for n in range(5)),
        FILE: json.dumps({"format": EXPERIMENT, "version": 1, "stages": timed}).encode(),
        "result.json": json.dumps({"rows": [{"role": "measured", "miou": 0.5}], "settings": {}}).encode(),
    }


def mutated(content: bytes, numbers: random.Random) -> bytes:
    """A field of it, or of one of its lines, changed."""
    lines = content.splitlines()
    which = numbers.randrange(len(lines))
    lines[which] = json_mutated(lines[which], numbers)
    return b"\n".join(lines)


def read(content: bytes) -> None:
    """Each kind as what reads it."""
    for name in (LOG, FILE, "result.json", SETTINGS):
        Path(name).write_bytes(content)
    for line in log_lines(Path(LOG)):
        float(line["iteration"])
    record = Record(Path())
    for stage in record.stages:
        float(record.seconds(stage))
    found = results.read(Path("result.json"))
    assert found is None or isinstance(found["rows"], list)
    if b"train-alpha" in content:
        json.dumps(read_settings(Path()))
