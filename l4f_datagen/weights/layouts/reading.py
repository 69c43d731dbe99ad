"""Files that are no native checkpoints: opened as the families of layouts need it, and the network in them read."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from ...devices import too_little_memory
from ...errors import UserError
from .. import strangers
from ..assembly.errors import Misfit, Unsupported
from ..containers import files
from ..foreign_encoders import find_encoder
from ..kinds import KINDS, Kind, Network, with_article
from . import registry
from .layout import Beside


def opened(path: Path, name: str) -> AbstractContextManager[files.Content]:
    """The content of a file as ``files.opened`` gives it, with what the families pickle and how they are called.

    Raises:
        UserError: as ``files.opened``.
    """
    names = ", ".join(dict.fromkeys(layout.name for layout in registry.layouts()))
    expected = f"a checkpoint: a native folder, or a file of a known layout ({names})"
    return files.opened(path, name, records=registry.records(), expected=expected)


def read(content: object, kind: Kind, name: str) -> tuple[Network, str, tuple[str, ...]]:
    """A network of a file, the name of its layout, and what had to be decided on the way.

    To be called while the file is ``opened``, which answers for damage that shows only when tensors are read.

    Args:
        name: the file as the user called it, for messages.

    Raises:
        UserError: it holds no such network, another one, or one whose tensors do not fit together; says which.
    """
    layout = registry.layout_of(content, kind)
    if layout is None:
        raise UserError(
            name, got=_held(content, kind), expected=f"a checkpoint with {_asked(kind)}",
            remedy=strangers.remedy_for(content),
        )  # fmt: skip
    try:
        network, notes = layout.read(content)
    except Unsupported as error:
        raise UserError(
            name,
            got=files.reason(error),
            expected="a StyleGAN2 generator of the skip architecture",
            remedy="choose another file" + (f"; it would take {error.takes}" if error.takes else ""),
        ) from error
    except files.BROKEN:
        raise  # about the file, not about the network: whoever opened it says so
    except (*files.DAMAGE, Misfit) as error:
        if too_little_memory(error):
            raise  # about the machine, not about the file
        raise UserError(
            name,
            got=f"{with_article(kind)} that does not fit its layout ({files.reason(error)})",
            expected=f"the tensors of {with_article(kind)} in the layout {layout.name}",
            remedy="if other tools read it, it is of another kind; else download it again",
        ) from error
    return network, layout.name, notes


def beside(content: object, kind: Kind) -> Beside:
    """What a file holds beside a network that was ``read`` from it, for a training that goes on.

    To be called while the file is ``opened``, which answers for damage that shows only when tensors are read.
    """
    layout = registry.layout_of(content, kind)
    return layout.beside(content) if layout and layout.beside else Beside()


def _asked(kind: Kind) -> str:
    """What a file has to hold, in the words of all layouts of a kind of network."""
    asked = [layout.asked for layout in registry.layouts_of(kind) if layout.asked]
    return f"{with_article(kind)} in {_either(asked)}" if asked else with_article(kind)


def _either(phrases: Sequence[str]) -> str:
    *others, last = phrases
    return f"{', '.join(others)} or {last}" if others else last


def _held(content: object, wanted: Kind) -> str:
    """What the content of a file is instead."""
    if wanted == "encoder" and (encoder := find_encoder(content)):
        return str(encoder)
    found = (registry.layout_of(content, kind) for kind in KINDS)
    return next((layout.held for layout in found if layout), None) or strangers.describe(content)
