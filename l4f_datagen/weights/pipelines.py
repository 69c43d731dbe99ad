"""Which pipeline files a network fits: each is made for one resolution and for certain features."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from .. import resources
from ..documents import Unreadable, load_yaml
from . import native
from .kinds import Kind

_CONFIG_F_BUDGET, _CONFIG_F_WIDEST = 32768, 512


def resolution_of_alpha(channels: Sequence[int]) -> int | None:
    """Height and width in pixels of the images of the config-f generator whose last levels have these channels.

    None if no such generator has them.
    """
    size = _CONFIG_F_BUDGET // channels[-1]
    if size & (size - 1) or size >> (len(channels) - 1) < 4:
        return None
    levels = [size >> step for step in reversed(range(len(channels)))]
    table = [min(_CONFIG_F_WIDEST, _CONFIG_F_BUDGET // level) for level in levels]
    return size if list(channels) == table else None


def fitting(kind: Kind, resolution: int | None, channels: Sequence[int]) -> list[str]:
    """Names of the pipelines that a network of this size fits.

    Args:
        resolution: the height and width in pixels of the generator's images, or those that the channels of an alpha
            network suggest; None if unknown.
        channels: the channels of each level. Of an alpha network their number has to be that of the pipeline's.
    """
    return [
        path.stem
        for path in sorted(_files())
        if any(_matches(kind, resolution, len(channels), wanted) for wanted in _wanted(path))
    ]


def _files() -> list[Path]:
    folder = resources.folder("pipelines")
    return [*folder.glob("*.yaml"), *folder.glob("*.yml")] if folder.is_dir() else []


def _matches(kind: Kind, resolution: int | None, levels: int, wanted: Mapping) -> bool:
    if kind in ("segmenter", "encoder") or resolution is None or wanted["resolution"] != resolution:
        return False
    first = wanted["first_resolution"]
    return kind == "generator" or first is None or levels == int(math.log2(resolution / first)) + 1


def _wanted(path: Path) -> Iterator[Mapping]:
    """The resolution of a pipeline, stated or that of the embedded checkpoint that it names, and its first one."""
    try:
        stated = load_yaml(path)
    except Unreadable:
        return  # whoever uses that file is told; here it fits nothing
    resolution, first = _number(stated, "resolution"), _number(stated, "first_resolution")
    if resolution is None and (generator := _text(stated, "generator")) in resources.embedded("checkpoints"):
        resolution = _embedded_resolution(generator)
    if resolution is not None:
        yield {"resolution": resolution, "first_resolution": first}


def _embedded_resolution(name: str) -> int | None:
    return _number(native.read_card(resources.folder("checkpoints") / name).get("generator"), "resolution")


def _number(tree: object, key: str) -> int | None:
    found = _find(tree, key)
    return found if type(found) is int and found > 0 else None


def _text(tree: object, key: str) -> str | None:
    found = _find(tree, key)
    return found if isinstance(found, str) else None


def _find(tree: object, key: str) -> object:
    """The value of a key in the outermost section that has it; a key whose value is a section does not count."""
    if not isinstance(tree, Mapping):
        return None
    if key in tree and not isinstance(tree[key], Mapping):
        return tree[key]
    return next((found for part in tree.values() if (found := _find(part, key)) is not None), None)
