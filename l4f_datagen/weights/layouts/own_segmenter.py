"""A segmenter of ours as a state dict without its card."""

from ...networks.segmenter import Segmenter
from ...networks.segmenters import architectures
from ..assembly.names import find, found_in
from ..assembly.other_networks import build_segmenter
from ..pickle.tensors import load_tensor
from .layout import Layout


def _signs() -> list[tuple[str, ...]]:
    return [network.signs for network in architectures().values()]


def recognises(content: object) -> bool:
    """Whether the content of a file holds such a network."""
    return find(content, *_signs()) is not None


def read(content: object) -> tuple[Segmenter, tuple[str, ...]]:
    """The segmenter, and what had to be decided on the way. Raises Misfit where names or shapes are wrong."""
    found = found_in(content, *_signs())
    network = build_segmenter({name: load_tensor(value) for name, value in found.tensors.items()})
    taken = ", ".join([*(f"{name} {usual}" for name, usual in network.unsaid.items()), "foreground all classes but 0"])
    notes = found.notes("segmenter", "of the name ema")
    return network, (*notes, f"the file comes without its model.json, which would say more; assumed: {taken}")


LAYOUT = Layout(
    name="state dict",
    kind="segmenter",
    held="a segmenter of l4f-datagen's layout",
    signs="the tensors of a safetensors file of ours",
    recognises=recognises,
    read=read,
    rank=9,
)
