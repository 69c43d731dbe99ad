"""One file per format: its class of ``Target``. The file's name is the format's."""

from ...settings.export import FORMATS
from ..target import Target


def target_of(name: str) -> type[Target]:
    """The class that writes a format; its libraries are imported now."""
    return FORMATS.only(name, Target)  # type: ignore[type-abstract] - a class that is not abstract is found
