"""Native checkpoint folders: which networks lie in one, and reading them."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...devices import too_little_memory
from ...errors import UserError
from ...short import short
from ...storage import atomic
from ..assembly.assemble import build_generator, clamp_of, settled
from ..assembly.errors import Misfit, Unsupported
from ..assembly.other_networks import build_alpha, build_encoder, build_segmenter
from ..containers import safetensors_file
from ..containers.files import DAMAGE, describe, reason
from ..kinds import KINDS, Kind, Network
from ..source import UNKNOWN_LICENCE, Source, file_sha256
from . import cards
from .cards import CARD

STAGED = ".new" + atomic.SUFFIX
"""The hidden folder inside a checkpoint folder that a save writes to first."""
NETWORK_FILES = tuple(f"{kind}.safetensors" for kind in KINDS)
"""All that a folder may hold beside its card."""
SIGNS = f"native: {CARD} with {', '.join(NETWORK_FILES[:-1])} or {NETWORK_FILES[-1]}"
"""How such a folder is recognised, told to people whose file is not."""
_MOST_SIZE = 1 << 16
"""Class numbers and heights in pixels lie below it."""


def is_native(folder: Path) -> bool:
    """Whether a path is a native checkpoint folder."""
    return (folder / CARD).is_file()


def kind_of(file: Path) -> Kind | None:
    """Which network of a native folder lies in this file; None if it is no file of such a folder."""
    for kind in KINDS:
        if file.name == f"{kind}.safetensors" and file.is_file() and is_native(file.parent):
            return kind
    return None


def network_file(folder: Path, kind: Kind) -> Path | None:
    """The file of a network in a native folder; None if there is none.

    As a rule this is ``KIND.safetensors``. After a save that was killed it may still lie in the hidden folder: then
    the file whose tensors have the hashes of the card counts.
    """
    path, staged = folder / f"{kind}.safetensors", folder / STAGED / f"{kind}.safetensors"
    if staged.is_file() and is_native(folder) and _has_tensors_of(staged, read_card(folder).get(kind)):
        return staged
    return path if path.is_file() else None


def read(folder: Path, kind: Kind, name: str) -> tuple[Network, Source]:
    """One network of a native folder, and where it came from.

    Args:
        name: the folder as the user called it, for messages and for the source.

    Raises:
        UserError: it is not there, damaged, or its tensors are not those that ``model.json`` names.
    """
    card, path = read_card(folder), network_file(folder, kind)
    entry = card.get(kind)
    if not isinstance(entry, dict) or path is None:
        raise UserError(
            name, got=f"a native checkpoint without {kind}.safetensors", expected=f"one with a network {kind}",
            remedy=f"name the folder or file that holds the {kind}",
        )  # fmt: skip
    tensors = _tensors(path, entry["tensors"])
    try:
        network = _built(kind, tensors, entry["architecture"])
    except (Misfit, Unsupported) as error:
        raise UserError(
            str(path), got=reason(error), expected=f"the tensors of a {kind}", remedy="convert it again"
        ) from error
    licence = short(card.get("licence", UNKNOWN_LICENCE), 200)
    return network, Source(name=name, format="native", sha256=file_sha256(path), licence=licence)


def read_card(folder: Path) -> dict[str, Any]:
    """What ``model.json`` says; ``cards.read`` says how that is checked."""
    return cards.read(folder)


def tensor_sha256(tensor: Tensor) -> str:
    """SHA-256 of a tensor's bytes, whatever the type of its numbers; lower-case hexadecimal."""
    return hashlib.sha256(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data).hexdigest()


def _built(kind: Kind, tensors: Mapping[str, Tensor], architecture: Mapping[str, Any]) -> Network:
    """The network that tensors make, with what only the card knows of it."""
    if kind == "alpha":
        return build_alpha(tensors)
    if kind == "segmenter":
        return build_segmenter(tensors, stated=architecture, **_beyond_shapes(architecture))
    if kind == "encoder":
        return build_encoder(tensors, architecture)
    return build_generator(tensors, conv_clamp=clamp_of(architecture.get("conv_clamp")))


def _beyond_shapes(architecture: Mapping[str, Any]) -> dict[str, Any]:
    """What the card alone knows of any segmenter: which classes are foreground, and the size of its images."""
    found = {name: architecture[name] for name in ("foreground", "size") if architecture.get(name) is not None}
    foreground = found.get("foreground", [1])
    numbers = [found.get("size", 1), *(foreground if isinstance(foreground, list) else [None])]
    if not all(type(number) is int and 0 <= number < _MOST_SIZE for number in numbers):
        raise Misfit(f"an architecture {short(found, 80)}")
    return found


def _has_tensors_of(file: Path, entry: object) -> bool:
    """Whether a file holds the very tensors of a card's entry."""
    hashes = entry["tensors"] if isinstance(entry, dict) else {}
    try:
        return _tensors(file, hashes).keys() == hashes.keys()
    except UserError:
        return False


def _tensors(path: Path, hashes: Mapping[str, str]) -> dict[str, Tensor]:
    """The tensors of a file, each compared with the hash that the card names."""
    tensors = {}
    try:
        with path.open("rb") as file:
            for name, stored in safetensors_file.load(file, path.stat().st_size).tensors.items():
                tensor = stored.load()
                if hashes.get(name) != tensor_sha256(tensor):
                    raise UserError(
                        str(path), got=f"a tensor {short(name)} that is not the one of {CARD}",
                        expected="files that belong together", remedy="restore both files from one source",
                    )  # fmt: skip
                # Settled at once, so that the file's tensors and the network's never stand in memory side by side.
                tensors[name] = settled(tensor, name) if tensor.is_floating_point() else tensor
    except DAMAGE as error:
        if too_little_memory(error):
            raise  # about the machine, not about the file
        with path.open("rb") as file:
            head = file.read(1 << 12)
        # What is no safetensors file is told by what it is: a clone without Git LFS, say, or a saved web page.
        got = f"a damaged file ({reason(error)})" if safetensors_file.is_one(head) else describe(head)
        raise UserError(str(path), got=got, expected="safetensors", remedy="download or copy it again") from error
    return tensors
