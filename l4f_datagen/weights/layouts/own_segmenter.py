"""A segmenter of ours as a lone state dict."""

from ...networks.segmenter import Segmenter
from ..assembly.assemble import build_segmenter
from ..assembly.names import find, found_in, stored
from ..pickle.tensors import load_tensor
from .layout import Layout

_UNET = ("down.0.0.weight", "scores.weight")
_BISENET = ("backbone.conv1.weight", "output.scores.weight")


def recognises(content: object) -> bool:
    """Whether the content of a file holds one."""
    return find(content, _UNET, _BISENET) is not None


def read(content: object) -> tuple[Segmenter, tuple[str, ...]]:
    """The segmenter and what had to be decided on the way. Raises Misfit where names or shapes are others."""
    found = found_in(content, _UNET, _BISENET)
    network = build_segmenter({name: load_tensor(value) for name, value in stored(found).items()})
    unsaid = "its foreground; all classes but 0 are"
    if network.name == "bisenet":
        unsaid = "its stem, its corners and its foreground; 4, aligned and all classes but 0 are"
    notes = found.notes("segmenter", "of the name ema")
    return network, (*notes, f"the file comes without its model.json, which says {unsaid} taken")


LAYOUT = Layout(
    name="state dict",
    kind="segmenter",
    held="a segmenter of l4f-datagen's layout",
    signs="the tensors of a safetensors file of ours",
    recognises=recognises,
    read=read,
    rank=9,
)
