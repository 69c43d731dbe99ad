"""A table of what samples weigh in the loss: a CSV file of keys and weights."""

import csv
import io
import math
from collections.abc import Mapping
from pathlib import Path

from ...documents import Unreadable, read_file
from ...errors import UserError
from ...short import short
from ...storage import atomic

_COLUMNS = ["key", "weight"]
_MOST_BYTES, _MOST_WEIGHT = 1 << 28, 1e6


def write(path: Path, weights: Mapping[str, float]) -> None:
    """Write a table; samples that it does not name weigh 1."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows(sorted(weights.items()))
    atomic.write_bytes(path, text.getvalue().encode())


def read(place: str) -> dict[str, float]:
    """Weights by key.

    Raises:
        UserError: there is no such file, or it is no such table.
    """
    path = Path(place).expanduser()
    try:
        content = read_file(path, most=_MOST_BYTES)
        if len(content) > _MOST_BYTES:
            raise ValueError(f"more than {_MOST_BYTES} bytes")
        rows = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        if next(rows, None) != _COLUMNS:
            raise ValueError("its first line is another one")
        weights = {key: float(weight) for key, weight in rows}
        for key, weight in weights.items():
            if not (math.isfinite(weight) and 0 <= weight <= _MOST_WEIGHT):
                raise ValueError(f"the weight {weight:g} of {short(key, 40)}")
    except (Unreadable, ValueError, csv.Error) as error:
        problem = error.got if isinstance(error, Unreadable) else f"no such table ({short(error, 100)})"
        raise UserError(
            f"sample_weights {place}", got=problem, expected="a CSV file with the columns key and weight, 0 or more",
            remedy="check the file",
        ) from error  # fmt: skip
    return weights
