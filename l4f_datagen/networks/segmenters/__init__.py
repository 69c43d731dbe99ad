"""Segmenters, one file per architecture; what lies here is what there is."""

import importlib
import pkgutil
from functools import cache

from ..segmenter import Segmenter


@cache
def architectures() -> dict[str, type[Segmenter]]:
    """The class of every architecture, by its name."""
    found: dict[str, type[Segmenter]] = {}
    for file in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{file.name}")
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Segmenter) and value.__module__ == module.__name__:
                found[value.name] = value
    return found
