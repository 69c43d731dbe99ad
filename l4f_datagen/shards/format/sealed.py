"""JSON files that hold their own checksum, so that no byte of them changes unnoticed."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from ...documents import Unreadable, read_json

KEY = "checksum"
"""Last key of a sealed file: the SHA-256 of the file without this key."""


def seal(content: Mapping[str, Any]) -> bytes:
    """A JSON object as the bytes of a file."""
    rest = {key: value for key, value in content.items() if key != KEY}
    return _dump(rest | {KEY: hashlib.sha256(_dump(rest)).hexdigest()})


def holds(content: bytes) -> bool:
    """Whether the bytes of a file are as ``seal`` gave them."""
    try:
        return content == seal(read_json(content, "a sealed file", kind=dict))
    except Unreadable:
        return False


def _dump(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values, indent=2, ensure_ascii=False).encode() + b"\n"
