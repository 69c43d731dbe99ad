"""An alpha network of ours as a lone state dict, which says everything."""

from ...networks.alpha import AlphaNetwork
from ..assembly.assemble import build_alpha
from ..assembly.names import find, found_in, stored
from ..pickle.tensors import load_tensor
from .layout import Layout

_SIGNS = ("reduce_first.0.weight", "reduce_second.0.weight", "output.weight")


def recognises(content: object) -> bool:
    """Whether the content of a file holds one."""
    return find(content, _SIGNS) is not None


def read(content: object) -> tuple[AlphaNetwork, tuple[str, ...]]:
    """The alpha network and what had to be decided on the way. Raises Misfit where names or shapes are others."""
    found = found_in(content, _SIGNS)
    tensors = {name: load_tensor(value) for name, value in stored(found).items()}
    return build_alpha(tensors), tuple(found.notes("alpha network", "of the name ema"))


LAYOUT = Layout(
    name="state dict",
    kind="alpha",
    held="an alpha network of l4f-datagen's layout",
    signs="the tensors of a safetensors file of ours",
    recognises=recognises,
    read=read,
    rank=9,
)
