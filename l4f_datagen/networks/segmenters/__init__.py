"""Segmenters, one file per architecture; what lies here, and what other packages add, is what there is."""

import importlib
import logging
import pkgutil
from collections.abc import Iterator
from functools import cache
from importlib.metadata import entry_points
from types import ModuleType

from ..segmenter import Segmenter

logger = logging.getLogger(__name__)
GROUP = "l4f_datagen.segmenters"
"""The entry points of other packages, each a module like the files here."""


@cache
def architectures() -> dict[str, type[Segmenter]]:
    """The class of every architecture, by its name."""
    found: dict[str, type[Segmenter]] = {}
    for module in _modules():
        for value in vars(module).values():
            own = isinstance(value, type) and value.__module__ == module.__name__
            if own and issubclass(value, Segmenter) and value.signs:  # others belong to a family
                if value.name in found:  # the files here come first, and their names stay theirs
                    logger.warning("%s of %s is left out: that name is taken", value.name, module.__name__)
                else:
                    found[value.name] = value
    return found


def _modules() -> Iterator[ModuleType]:
    for file in pkgutil.iter_modules(__path__):
        yield importlib.import_module(f"{__name__}.{file.name}")
    for entry in entry_points(group=GROUP):
        try:
            yield entry.load()
        except Exception as error:  # another package's code may raise anything
            of = entry.dist.name if entry.dist else "another package"
            logger.warning("%s of %s: %s: %s", entry.name, of, type(error).__name__, error)
