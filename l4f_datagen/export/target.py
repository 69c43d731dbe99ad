"""What all formats have in common: where their files go, and which mask values they can hold."""

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from ..mask_files.values import MaskValues
from ..settings import ExportSettings
from ..storage import atomic
from .item import Item


@dataclass(frozen=True)
class Plan:
    """What an export is about."""

    settings: ExportSettings
    mask_values: MaskValues | None
    """Resolved; None for a format without mask files."""
    image_sets: Sequence[str]
    """All that there are, in order."""
    description: Mapping[str, Any]
    """``dataset.json`` of the data set."""
    licence: str
    """The licence that the samples are under."""


def in_braces(names: Sequence[str]) -> str:
    """Names that stand for one another in a path, as a shell has it."""
    return names[0] if len(names) == 1 else f"{{{','.join(names)}}}"


class Target(abc.ABC):
    """One format's files in a folder that is there and empty. Memory must not grow with the number of samples."""

    MASK_VALUES: ClassVar[tuple[MaskValues, ...]] = ()
    """What its mask files may hold, the default first; none for a format without mask files."""
    NAMES_CLASS: ClassVar = True
    """Whether its files name the class."""
    NAMES_IMAGES: ClassVar = False
    """Whether its files name images by addresses, so that something may be put before them."""

    def __init__(self, folder: Path, plan: Plan):
        self.folder, self.plan = folder, plan

    @property
    def mask_values(self) -> MaskValues:
        """What its mask files hold, of a format that has some."""
        assert self.plan.mask_values is not None, "a format without mask files writes none"
        return self.plan.mask_values

    @abc.abstractmethod
    def add(self, item: Item) -> None:
        """Take in the next sample."""

    @abc.abstractmethod
    def contents(self) -> Mapping[str, str]:
        """What is where, for the card: paths, and what they hold."""

    def finish(self) -> None:  # noqa: B027, most have nothing to do
        """Write what can only be written after the last sample."""

    def close(self) -> None:  # noqa: B027
        """Close what is open, whether it went well or not."""

    def notes(self) -> Sequence[str]:
        """What the user should know: what the format could not say."""
        return ()

    def header(self) -> str:
        """What stands before the card's first heading."""
        return ""

    def _create(self, *parts: str) -> Path:
        """A folder inside the export's."""
        path = self.folder.joinpath(*parts)
        atomic.make_folder(path)
        return path

    def _names(self) -> str:
        """The image sets for the card: one, or all of them in braces."""
        return in_braces(self.plan.image_sets)

    def _set_folder(self, image_set: str) -> str:
        """Folder of an image set's own, for formats that have no word for sets: none when there is but one."""
        return image_set if len(self.plan.image_sets) > 1 else ""
