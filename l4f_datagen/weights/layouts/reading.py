"""The content of a file that is no native checkpoint → the network in it."""

from ...devices import too_little_memory
from ...errors import UserError
from .. import strangers
from ..assembly.assemble import Misfit, Unsupported
from ..containers import files
from ..kinds import KINDS, Kind, Network
from . import registry

_USUAL: dict[Kind, str] = {
    "generator": "a StyleGAN2 generator",
    "alpha": "an alpha network of Labels4Free",
    "segmenter": "a segmenter",
}


def read(content: object, kind: Kind, name: str) -> tuple[Network, str, tuple[str, ...]]:
    """A network of a file, the name of its layout, and what had to be decided on the way.

    To be called inside ``files.opened``, which answers for damage that shows only when tensors are read.

    Args:
        name: the file as the user called it, for messages.

    Raises:
        UserError: it holds none, another one, or one that does not fit together; says which.
    """
    layout = registry.layout_of(content, kind)
    if layout is None:
        raise UserError(
            name, got=_held(content), expected=f"a checkpoint with {_asked(kind)}", remedy="choose another file"
        )
    try:
        network, notes = layout.read(content)
    except Unsupported as error:
        raise UserError(
            name,
            got=files.reason(error),
            expected="an unconditional StyleGAN2 generator of the skip architecture, RGB",
            remedy="choose another file",
        ) from error
    except files.BROKEN:
        raise  # about the file, not about the network: whoever opened it says so
    except (*files.DAMAGE, Misfit) as error:
        if too_little_memory(error):
            raise  # about the machine, not about the file
        raise UserError(
            name,
            got=f"a {kind} that does not fit its layout ({files.reason(error)})",
            expected=_USUAL[kind],
            remedy="if other tools read it, it is of another kind; else download it again",
        ) from error
    return network, layout.name, notes


def _asked(kind: Kind) -> str:
    """What a file has to hold, in the words of all layouts of a kind."""
    asked = [layout.asked for layout in registry.layouts_of(kind) if layout.asked]
    return f"{_USUAL[kind]} in {' or '.join(asked)}" if asked else _USUAL[kind]


def _held(content: object) -> str:
    """What the content of a file is instead."""
    found = (registry.layout_of(content, kind) for kind in KINDS)
    return next((layout.held for layout in found if layout), None) or strangers.describe(content)
