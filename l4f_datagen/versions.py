"""Versions of the packages that results depend on."""

import contextlib
import platform
from collections.abc import Mapping, Sequence
from importlib import metadata


def versions(packages: Sequence[str]) -> Mapping[str, str]:
    """Versions of Python and of those of ``packages`` that are installed, by name."""
    found = {"python": platform.python_version()}
    for package in packages:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return found
