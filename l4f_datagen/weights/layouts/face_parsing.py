"""The BiSeNet of the published face-parsing code, a plain state dict; as a rule of CelebAMask-HQ's 19 classes."""

import re
from collections.abc import Mapping

from ...networks.segmenter import Segmenter
from ...short import short
from ..assembly.errors import Misfit
from ..assembly.names import find, found_in
from ..assembly.other_networks import build_segmenter, with_counts
from ..pickle.tensors import load_tensor
from .layout import Layout

SIZE = 512
"""Height and width in pixels of the images that it was trained on."""
_SIGNS = ("cp.resnet.conv1.weight", "ffm.convblk.conv.weight")
_MODULES = {
    r"cp\.resnet": "backbone",
    r"cp\.conv_avg": "context",
    r"cp\.arm32": "refine_coarse",
    r"cp\.arm16": "refine_middle",
    r"cp\.conv_head32": "merge_coarse",
    r"cp\.conv_head16": "merge_middle",
    r"ffm": "fusion",
    r"conv_out": "output",
    r"conv_out16": "output_fine",
    r"conv_out32": "output_middle",
}
_PARTS = {
    "convblk": "mix", "conv_atten": "attention", "bn_atten": "attention_norm", "conv1": "squeeze", "conv2": "excite",
    "conv_out": "scores", "bn": "norm",
}  # fmt: skip


def recognises(content: object) -> bool:
    """Whether the content of a file holds a segmenter in this layout."""
    return find(content, _SIGNS) is not None


def read(content: Mapping) -> tuple[Segmenter, tuple[str, ...]]:
    """The segmenter in the content of a file, and what had to be decided on the way.

    Its foreground is every class but 0, which is the background of CelebAMask-HQ.

    Raises:
        Misfit: names or shapes are not those of this network.
    """
    found = found_in(content, _SIGNS)
    tensors = {_our_name(name): load_tensor(value) for name, value in found.tensors.items()}
    notes = found.notes("segmenter", "in it")
    published = {"stem": 4, "align_corners": True}
    return build_segmenter(with_counts(tensors), stated=published, size=SIZE), tuple(notes)


def _our_name(name: str) -> str:
    for pattern, ours in _MODULES.items():
        if found := re.fullmatch(rf"{pattern}\.(.+)", name):
            if ours == "backbone":
                return f"backbone.{found[1]}"
            return ".".join([ours, *(_PARTS.get(part, part) for part in found[1].split("."))])
    raise Misfit(f"tensor {short(name)} is not known")


LAYOUT = Layout(
    name="face-parsing",
    kind="segmenter",
    held="a BiSeNet for face parsing",
    asked="the layout of face parsing (a BiSeNet: cp.resnet, ffm)",
    signs="a state dict with cp.resnet.conv1.weight and ffm.convblk.conv.weight",
    recognises=recognises,
    read=read,
)
