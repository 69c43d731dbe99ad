"""An alpha network of ours as a state dict without its card: the shapes of its tensors say everything."""

from ...networks.alpha import AlphaNetwork
from ..assembly.names import find, found_in
from ..assembly.other_networks import build_alpha
from ..pickle.tensors import load_tensor
from .layout import Layout

_SIGNS = ("reduce_first.0.weight", "reduce_second.0.weight", "output.weight")


def recognises(content: object) -> bool:
    """Whether the content of a file holds such a network."""
    return find(content, _SIGNS) is not None


def read(content: object) -> tuple[AlphaNetwork, tuple[str, ...]]:
    """The alpha network, and what had to be decided on the way. Raises Misfit where names or shapes are wrong."""
    found = found_in(content, _SIGNS)
    tensors = {name: load_tensor(value) for name, value in found.tensors.items()}
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
