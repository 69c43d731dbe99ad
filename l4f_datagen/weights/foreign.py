"""Every layout but the native one: which is it, and the network in it."""

from typing import Protocol

from ..devices import too_little_memory
from ..errors import UserError
from . import faceparsing, files, known, labels4free, nvidia, own, rosinality, tensorflow
from .assemble import Misfit, Unsupported
from .native import Kind, Network


class Layout(Protocol):
    """A room that reads one layout."""

    def recognises(self, content: object, /) -> bool:
        """Whether an unpickled file holds a network in this layout."""

    def read(self, content: object, /) -> tuple[Network, tuple[str, ...]]:
        """That network, and what had to be decided on the way."""


LAYOUTS: dict[Kind, dict[str, Layout]] = {
    "generator": {
        "rosinality": rosinality,
        "nvidia": nvidia,
        "tensorflow": tensorflow,
        "state dict": own.GeneratorLayout,
    },
    "alpha": {"labels4free": labels4free, "state dict": own.AlphaLayout},
    "segmenter": {"face-parsing": faceparsing, "state dict": own.SegmenterLayout},
}
"""Kind of network → name of the layout → the room that reads it."""
_WANTED = {
    "generator": "a StyleGAN2 generator in rosinality's layout (g_ema) or NVIDIA's (G_ema; G, D, Gs; synthesis.b4)",
    "alpha": "an alpha network in Labels4Free's layout (bg_extractor_ema)",
    "segmenter": "a BiSeNet for face parsing (cp.resnet, ffm)",
}
_USUAL = {
    "generator": "a StyleGAN2 generator",
    "alpha": "an alpha network of Labels4Free",
    "segmenter": "a BiSeNet for face parsing",
}
_OWN = {
    "generator": "a StyleGAN2 generator of l4f-datagen's layout",
    "alpha": "an alpha network of l4f-datagen's layout",
    "segmenter": "a segmenter of l4f-datagen's layout",
}
_HELD = {
    "rosinality": "a StyleGAN2 generator of rosinality's layout",
    "nvidia": "a generator in NVIDIA's PyTorch layout",
    "tensorflow": "a network in NVIDIA's TensorFlow layout",
    "labels4free": "an alpha network of Labels4Free",
    "face-parsing": "a BiSeNet for face parsing",
}


def layout_of(data: object, kind: Kind) -> str | None:
    """Name of the layout in which an unpickled file holds a network of a kind; None if it holds none."""
    return next((name for name, layout in LAYOUTS[kind].items() if layout.recognises(data)), None)


def read(data: object, kind: Kind, name: str) -> tuple[Network, str, tuple[str, ...]]:
    """A network of an unpickled file, the name of its layout, and what had to be decided on the way.

    To be called inside ``files.opened``, which answers for damage that shows only when tensors are read.

    Args:
        name: the file as the user called it, for messages.

    Raises:
        UserError: it holds none, another one, or one that does not fit together; says which.
    """
    layout = layout_of(data, kind)
    if layout is None:
        raise UserError(
            name, got=_contents(data), expected=f"a checkpoint with {_WANTED[kind]}", remedy="choose another file"
        )
    try:
        network, notes = LAYOUTS[kind][layout].read(data)
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
    return network, layout, notes


def _contents(data: object) -> str:
    """What an unpickled file holds instead."""
    found = next(((kind, layout) for kind in LAYOUTS if (layout := layout_of(data, kind))), None)
    return _HELD.get(found[1], _OWN[found[0]]) if found else known.describe(data)
