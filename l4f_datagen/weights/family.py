"""What a family of segmenters of another library declares: ``hf:WHAT`` say, with what may stand for WHAT."""

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import ClassVar

from ..devices import too_little_memory
from ..errors import UserError
from ..networks.segmenter import Segmenter
from ..short import short


class Family:
    """Segmenters that another library makes by name. A file of ``families`` holds one class of this kind."""

    forms: ClassVar[str]
    """What may stand behind the colon, for people."""

    def begin(self, what: str, *, classes: int, size: int) -> tuple[Segmenter, tuple[str, ...]]:
        """A network to train, and what was taken from files and what was not, one sentence each.

        What no file fills has torch's random weights. Nothing is downloaded, and no code of a file is run.

        Args:
            what: what stands behind the colon.
            size: side of the training crops in pixels.

        Raises:
            UserError: there is no such network, or its library is not installed.
        """
        raise NotImplementedError

    def again(
        self, architecture: Mapping[str, object], *, foreground: Sequence[int] | None, size: int | None
    ) -> Segmenter:
        """The network whose ``architecture`` a card states, ``name`` among it, with any weights.

        Raises:
            UserError: its library is not installed.
            Exception: what is stated is impossible.
        """
        raise NotImplementedError

    def files(self, what: str) -> Sequence[Path]:
        """The files that a network to train is made from, by whose content a run is the same one.

        Raises:
            UserError: they are not there.
        """
        return ()


def library(name: str, package: str, extra: str) -> ModuleType:
    """A library that networks come from.

    Args:
        name: the network, for messages.
        extra: the extra that installs the package.

    Raises:
        UserError: it is not installed, or cannot be imported.
    """
    remedy = f'pip install "l4f-datagen[{extra}]"'
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        raise UserError(name, got=f"no package {error.name}", expected=f"the extra `{extra}`", remedy=remedy) from error
    except Exception as error:  # of a library that does not go with this torch: whatever it raises
        if too_little_memory(error):
            raise
        raise UserError(
            name, got=f"a package {package} that cannot be imported ({type(error).__name__}: {short(error, 120)})",
            expected="one that goes with the installed torch", remedy=remedy,
        ) from error  # fmt: skip
