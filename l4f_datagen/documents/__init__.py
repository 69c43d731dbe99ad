"""Files of JSON, YAML and NumPy, whoever wrote them: read within bounds, or refused with what is wrong in words.

What comes back of JSON and YAML is plain (dict with words as keys, list, str, int, float, bool, None), at most
``DEPTH`` deep, its whole numbers have 64 bits and its text can be written as UTF-8: nothing that is done with it later
runs away.
"""

from pathlib import Path
from typing import Any

from .bounds import DEPTH, Unreadable, read_file
from .from_json import JSON_BYTES, read_json
from .from_yaml import YAML_BYTES, read_yaml

__all__ = [
    "DEPTH",
    "JSON_BYTES",
    "YAML_BYTES",
    "Unreadable",
    "load_json",
    "load_yaml",
    "read_file",
    "read_json",
    "read_yaml",
]


def load_json(path: Path, name: str | None = None, **options: Any) -> Any:
    """As ``read_json``, from a file of this machine."""
    return read_json(read_file(path, most=options.get("most", JSON_BYTES)), name or str(path), **options)


def load_yaml(path: Path, name: str | None = None, **options: Any) -> Any:
    """As ``read_yaml``, from a file of this machine."""
    return read_yaml(read_file(path, most=options.get("most", YAML_BYTES)), name or str(path), **options)
