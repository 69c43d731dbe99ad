"""The alpha networks of the published Labels4Free code (``bg_extractor``), whose tensors have two spellings."""

import re
from collections.abc import Mapping

from ...networks.alpha import AlphaNetwork
from ...short import short
from ..assembly.errors import Misfit
from ..assembly.names import find, found_in
from ..assembly.other_networks import build_alpha
from ..pickle.tensors import load_tensor
from .layout import Layout

_SIGNS = (
    ("conv_n.weight", "conv_fns0.0.weight", "conv_fns1.0.weight"),
    ("conv_n.weight", "conv1.weight", "conv2.weight"),
)


def recognises(content: object) -> bool:
    """Whether the content of a file holds an alpha network in this layout."""
    return find(content, *_SIGNS) is not None


def read(content: Mapping) -> tuple[AlphaNetwork, tuple[str, ...]]:
    """The averaged alpha network in the content of a file, and what had to be decided on the way.

    Raises:
        Misfit: names or shapes are of neither spelling.
    """
    found = found_in(content, *_SIGNS)
    tensors = {_our_name(name): load_tensor(value) for name, value in found.tensors.items()}
    return build_alpha(tensors), tuple(found.notes("alpha network", "bg_extractor_ema"))


def _our_name(name: str) -> str:
    module, _, kind = name.rpartition(".")
    if module == "conv_n":
        return f"output.{kind}"
    if found := re.fullmatch(r"conv_fns([01])\.([0-9]{1,3})", module):
        return f"reduce_{('first', 'second')[int(found[1])]}.{found[2]}.{kind}"
    if found := re.fullmatch(r"conv_merge_fns\.([0-9]{1,3})", module):
        return f"merge.{found[1]}.{kind}"
    if found := re.fullmatch(r"conv_next([0-9]{0,3})", module):
        return f"merge.{int(found[1] or 1) - 1}.{kind}"
    if found := re.fullmatch(r"conv([0-9]{1,3})", module):
        level, second = divmod(int(found[1]) - 1, 2)
        return f"reduce_{('first', 'second')[second]}.{level}.{kind}"
    raise Misfit(f"tensor {short(name)} is not known")


LAYOUT = Layout(
    name="labels4free",
    kind="alpha",
    held="an alpha network of Labels4Free",
    asked="Labels4Free's layout (bg_extractor_ema)",
    signs="a state dict with conv_n.weight and conv_fns0.0.weight or conv1.weight, as bg_extractor_ema or alone",
    recognises=recognises,
    read=read,
    parts={"bg_extractor": "the raw alpha network", "bg_extractor_ema": "the averaged alpha network"},
)
