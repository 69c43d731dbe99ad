"""Our own networks as lone state dicts: the safetensors file of a native folder without its card, or saved by torch."""

from ..networks.alpha import AlphaNetwork
from ..networks.segmenter import Segmenter
from ..networks.stylegan2 import Generator
from .assemble import build_alpha, build_generator, build_segmenter, settled
from .names import find, stored
from .tensors import load_tensor

_GENERATOR = ("constant", "mapping.weights.0", "to_rgb.0.weight")
_ALPHA = ("reduce_first.0.weight", "reduce_second.0.weight", "output.weight")
_UNET = ("down.0.0.weight", "scores.weight")
_BISENET = ("backbone.conv1.weight", "output.scores.weight")
_NO_CARD = "the file comes without its model.json, which says"


class GeneratorLayout:
    """A generator's state dict."""

    @staticmethod
    def recognises(content: object) -> bool:
        """Whether an unpickled file holds one."""
        return find(content, _GENERATOR) is not None

    @staticmethod
    def read(content: object) -> tuple[Generator, tuple[str, ...]]:
        """The generator and what had to be decided on the way. Raises Misfit where names or shapes are others."""
        found = find(content, _GENERATOR)
        tensors = {name: settled(load_tensor(value), name) for name, value in stored(found).items()}
        notes = found.notes("generator", "g_ema")
        notes.append(f"{_NO_CARD} where activations are clamped (conv_clamp); here nowhere")
        return build_generator(tensors), tuple(notes)


class AlphaLayout:
    """An alpha network's state dict, which says everything."""

    @staticmethod
    def recognises(content: object) -> bool:
        """Whether an unpickled file holds one."""
        return find(content, _ALPHA) is not None

    @staticmethod
    def read(content: object) -> tuple[AlphaNetwork, tuple[str, ...]]:
        """The alpha network and what had to be decided on the way. Raises Misfit where names or shapes are others."""
        found = find(content, _ALPHA)
        tensors = {name: load_tensor(value) for name, value in stored(found).items()}
        return build_alpha(tensors), tuple(found.notes("alpha network", "of the name ema"))


class SegmenterLayout:
    """A segmenter's state dict."""

    @staticmethod
    def recognises(content: object) -> bool:
        """Whether an unpickled file holds one."""
        return find(content, _UNET, _BISENET) is not None

    @staticmethod
    def read(content: object) -> tuple[Segmenter, tuple[str, ...]]:
        """The segmenter and what had to be decided on the way. Raises Misfit where names or shapes are others."""
        found = find(content, _UNET, _BISENET)
        network = build_segmenter({name: load_tensor(value) for name, value in stored(found).items()})
        notes = found.notes("segmenter", "of the name ema")
        unsaid = "its foreground; all classes but 0 are"
        if network.name == "bisenet":
            unsaid = "its stem, its corners and its foreground; 4, aligned and all classes but 0 are"
        return network, (*notes, f"{_NO_CARD} {unsaid} taken")
