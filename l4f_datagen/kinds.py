"""Kinds of things, each a file of its own in one folder: the files are the list, and no table repeats it."""

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

_PACKAGE = Path(__file__).resolve().parent
Thing = TypeVar("Thing")


@dataclass(frozen=True)
class Kinds:
    """The files of a folder of this package as values of a setting: ``hf_parquet.py`` is called ``hf-parquet``.

    Within ``Annotated[str, Kinds("export.formats")]`` it refuses other values. Nothing is imported to list them.
    """

    package: str
    """Dotted, below ``l4f_datagen``."""

    @property
    def names(self) -> tuple[str, ...]:
        """What there is, in the order of the alphabet."""
        files = _PACKAGE.joinpath(*self.package.split(".")).glob("*.py")
        return tuple(sorted(file.stem.replace("_", "-") for file in files if not file.stem.startswith("_")))

    def module(self, name: str) -> ModuleType:
        """The file of a kind, imported now."""
        return importlib.import_module(f"{__package__}.{self.package}.{name.replace('-', '_')}")

    def only(self, name: str, base: type[Thing]) -> type[Thing]:
        """The one class of a kind's file that is a ``base``."""
        (found,) = classes(self.module(name), base)
        return found

    def __get_pydantic_core_schema__(self, source: Any, handler: "GetCoreSchemaHandler") -> "CoreSchema":
        from pydantic_core import core_schema  # imported here: who lists files alone need not wait for it

        return core_schema.no_info_after_validator_function(self._known, handler(source))

    def _known(self, name: str) -> str:
        if name not in self.names:
            raise ValueError(f"one of {', '.join(self.names)}")
        return name


def classes(module: ModuleType, base: type[Thing]) -> Iterator[type[Thing]]:
    """Public classes that a module defines itself and that are a ``base``."""
    for name, value in vars(module).items():
        own = isinstance(value, type) and value.__module__ == module.__name__ and not name.startswith("_")
        if own and issubclass(value, base):
            yield value
