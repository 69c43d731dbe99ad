"""Kinds of things, each a file of its own in one folder: the files are the list, and no table repeats it."""

import importlib
import logging
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

from .errors import UserError
from .short import short

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

logger = logging.getLogger(__name__)
_PACKAGE = Path(__file__).resolve().parent
Thing = TypeVar("Thing")


GROUPS = {
    "export.formats": "l4f_datagen.formats",
    "networks.segmenters": "l4f_datagen.segmenters",
    "weights.families": "l4f_datagen.families",
    "weights.layouts": "l4f_datagen.layouts",
    "worlds": "l4f_datagen.worlds",
}
"""Folder → the group of entry points by which other packages add to it, each a module like the files there."""


@dataclass(frozen=True)
class Kinds:
    """The files of a folder of this package as values of a setting: ``hf_parquet.py`` is called ``hf-parquet``.

    Within ``Annotated[str, Kinds("export.formats")]`` it refuses other values. Nothing is imported to list them. Where
    the folder has a group of entry points, modules of other packages are as good as files.
    """

    package: str
    """Dotted, below ``l4f_datagen``."""
    families: str = ""
    """The folder of families, dotted: ``NAME:WHAT`` is a value too, where NAME is one of its files."""

    @property
    def names(self) -> tuple[str, ...]:
        """What there is, in the order of the alphabet."""
        return tuple(sorted({*_files(self.package), *added(self.package)}))

    def module(self, name: str) -> ModuleType:
        """The file of a kind, or the module of another package, imported now.

        Raises:
            UserError: the other package's module cannot be imported.
        """
        if entry := added(self.package).get(name):
            return loaded(entry)
        return importlib.import_module(f"{__package__}.{self.package}.{name.replace('-', '_')}")

    def modules(self) -> Iterator[ModuleType]:
        """All of them, imported now. One of another package that cannot be is told and left out."""
        folder = importlib.import_module(f"{__package__}.{self.package}")
        for file in pkgutil.iter_modules(folder.__path__):
            yield importlib.import_module(f"{folder.__name__}.{file.name}")
        for entry in added(self.package).values():
            try:
                yield loaded(entry)
            except UserError as error:
                logger.warning("%s", error)

    def only(self, name: str, base: type[Thing]) -> type[Thing]:
        """The one class of a kind's file that is a ``base``."""
        (found,) = classes(self.module(name), base)
        return found

    def __get_pydantic_core_schema__(self, source: Any, handler: "GetCoreSchemaHandler") -> "CoreSchema":
        from pydantic_core import core_schema  # imported here: who lists files alone need not wait for it

        return core_schema.no_info_after_validator_function(self._known, handler(source))

    @property
    def forms(self) -> tuple[str, ...]:
        """All values, for people: the names, and ``NAME:…`` of every family."""
        return (*self.names, *(f"{family}:…" for family in self._families()))

    def _families(self) -> tuple[str, ...]:
        return Kinds(self.families).names if self.families else ()

    def _known(self, name: str) -> str:
        family, colon, what = name.partition(":")
        if name not in self.names and not (colon and what and family in self._families()):
            raise ValueError(f"one of {', '.join(self.forms)}")
        return name


@cache
def added(package: str) -> dict[str, EntryPoint]:
    """What other packages add to a folder of this one: name → entry point.

    A name means what it means without them: one that is taken, by this package or by another of them, is told and
    left out.
    """
    found: dict[str, EntryPoint] = {}
    own = _files(package)
    for entry in entry_points(group=GROUPS[package]) if package in GROUPS else ():
        if entry.name in own or entry.name in found:
            whose = "this program" if entry.name in own else _package_of(found[entry.name])
            logger.warning("%s of %s is left out: %s has that name", entry.name, _package_of(entry), whose)
        else:
            found[entry.name] = entry
    return found


def _files(package: str) -> list[str]:
    files = _PACKAGE.joinpath(*package.split(".")).glob("*.py")
    return [file.stem.replace("_", "-") for file in files if not file.stem.startswith("_")]


def _package_of(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else "another package"


def loaded(entry: EntryPoint) -> ModuleType:
    """The module that an entry point names.

    Raises:
        UserError: it cannot be imported, or is no module.
    """
    of = f"{entry.name} of {_package_of(entry)}"
    try:
        module = entry.load()
    except Exception as error:  # another package's code: whatever it raises is that package's
        said = f"{type(error).__name__}: {error}"
        raise UserError(of, got=short(said), expected="a module", remedy="mend or remove that package") from error
    if not isinstance(module, ModuleType):
        raise UserError(of, got=short(module), expected="a module", remedy=f"let {entry.group} name a module")
    return module


def classes(module: ModuleType, base: type[Thing]) -> Iterator[type[Thing]]:
    """Public classes that a module defines itself and that are a ``base``."""
    for name, value in vars(module).items():
        own = isinstance(value, type) and value.__module__ == module.__name__ and not name.startswith("_")
        if own and issubclass(value, base):
            yield value
