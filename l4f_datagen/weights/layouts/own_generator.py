"""A generator of ours as a state dict without its card: the safetensors file alone, or a file that torch saved."""

from ...networks.stylegan2 import Generator
from ..assembly.assemble import build_generator, settled
from ..assembly.images import in_rgb
from ..assembly.names import find, found_in
from ..pickle.tensors import load_tensor
from .layout import Layout

_SIGNS = ("constant", "mapping.weights.0", "to_rgb.0.weight")


def recognises(content: object) -> bool:
    """Whether the content of a file holds such a network."""
    return find(content, _SIGNS) is not None


def read(content: object) -> tuple[Generator, tuple[str, ...]]:
    """The generator, and what had to be decided on the way. Raises Misfit where names or shapes are wrong."""
    found = found_in(content, _SIGNS)
    tensors = {name: settled(load_tensor(value), name) for name, value in found.tensors.items()}
    notes = found.notes("generator", "g_ema")
    notes.append(
        "the file comes without its model.json, which would say where activations are clamped (conv_clamp); none are"
    )
    tensors, colours = in_rgb(tensors)
    return build_generator(tensors), (*notes, *colours)


LAYOUT = Layout(
    name="state dict",
    kind="generator",
    held="a StyleGAN2 generator of l4f-datagen's layout",
    signs="the tensors of a safetensors file of ours",
    recognises=recognises,
    read=read,
    rank=9,
)
