"""A generator of ours as a lone state dict: a native folder's safetensors file without its card, or saved by torch."""

from ...networks.stylegan2 import Generator
from ..assembly.assemble import build_generator, settled
from ..assembly.names import find, found_in, stored
from ..pickle.tensors import load_tensor
from .layout import Layout

_SIGNS = ("constant", "mapping.weights.0", "to_rgb.0.weight")


def recognises(content: object) -> bool:
    """Whether the content of a file holds one."""
    return find(content, _SIGNS) is not None


def read(content: object) -> tuple[Generator, tuple[str, ...]]:
    """The generator and what had to be decided on the way. Raises Misfit where names or shapes are others."""
    found = found_in(content, _SIGNS)
    tensors = {name: settled(load_tensor(value), name) for name, value in stored(found).items()}
    notes = found.notes("generator", "g_ema")
    notes.append(
        "the file comes without its model.json, which says where activations are clamped (conv_clamp); here nowhere"
    )
    return build_generator(tensors), tuple(notes)


LAYOUT = Layout(
    name="state dict",
    kind="generator",
    held="a StyleGAN2 generator of l4f-datagen's layout",
    signs="the tensors of a safetensors file of ours",
    recognises=recognises,
    read=read,
    rank=9,
)
