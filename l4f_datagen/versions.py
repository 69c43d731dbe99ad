"""Versions of the packages that results depend on."""

import contextlib
import platform
from collections.abc import Mapping, Sequence
from importlib import metadata

ENCODING = "2"
"""How samples become bytes. It rises when the same pixels give other bytes, so that a data set can say which it has."""


def versions(packages: Sequence[str]) -> Mapping[str, str]:
    """Versions of Python, of the encoding of samples, and of those of ``packages`` that are installed, by name."""
    found = {"python": platform.python_version(), "encoding": ENCODING}
    for package in packages:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return found
