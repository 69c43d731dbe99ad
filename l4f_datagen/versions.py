"""Versions of the packages that results depend on."""

import contextlib
import platform
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import metadata

ENCODING = "2"
"""How samples become bytes. It rises when the same pixels give other bytes, so that a data set can say which it has."""


def versions(packages: Sequence[str]) -> Mapping[str, str]:
    """Versions of Python, of the encoding of samples, and of those of ``packages`` that are installed, by name."""
    found = {"python": platform.python_version(), "encoding": ENCODING}
    installed = {package: _version(package) for package in packages}
    return found | {package: version for package, version in installed.items() if version is not None}


@cache
def _version(package: str) -> str | None:
    # Looked up once: it is read from the package's files.
    with contextlib.suppress(metadata.PackageNotFoundError):
        return metadata.version(package)
    return None
