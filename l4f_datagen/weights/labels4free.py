"""The alpha networks of the published Labels4Free code: ``bg_extractor`` files, two spellings."""

import re
from collections.abc import Mapping

from ..networks.alpha import AlphaNetwork
from .assemble import Misfit, build_alpha
from .tensors import load_tensor

_KEYS = ("bg_extractor_ema", "bg_extractor")


def recognises(content: object) -> bool:
    """Whether an unpickled file holds an alpha network in this layout."""
    return isinstance(content, Mapping) and any(isinstance(content.get(key), Mapping) for key in _KEYS)


def read(content: Mapping) -> tuple[AlphaNetwork, tuple[str, ...]]:
    """The averaged alpha network of an unpickled file, and what had to be decided on the way.

    Raises:
        Misfit: names or shapes are of neither spelling.
    """
    key = next(key for key in _KEYS if isinstance(content.get(key), Mapping))
    notes = () if key == _KEYS[0] else (f"the file has no {_KEYS[0]}; its raw {key} is used",)
    names = [name for name in content[key] if isinstance(name, str)]
    tensors = {_our_name(name.removeprefix("module.")): load_tensor(content[key][name]) for name in names}
    return build_alpha(tensors), notes


def _our_name(name: str) -> str:
    module, _, kind = name.rpartition(".")
    if module == "conv_n":
        return f"output.{kind}"
    if found := re.fullmatch(r"conv_fns([01])\.(\d+)", module):
        return f"reduce_{('first', 'second')[int(found[1])]}.{found[2]}.{kind}"
    if found := re.fullmatch(r"conv_merge_fns\.(\d+)", module):
        return f"merge.{found[1]}.{kind}"
    if found := re.fullmatch(r"conv_next(\d*)", module):
        return f"merge.{int(found[1] or 1) - 1}.{kind}"
    if found := re.fullmatch(r"conv(\d+)", module):
        level, second = divmod(int(found[1]) - 1, 2)
        return f"reduce_{('first', 'second')[second]}.{level}.{kind}"
    raise Misfit(f"tensor {name} is not known")
