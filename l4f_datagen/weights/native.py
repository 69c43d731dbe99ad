"""The native format: a folder of safetensors and ``model.json``."""

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..addresses import hidden_within
from ..devices import too_little_memory
from ..errors import UserError
from ..networks.alpha import AlphaNetwork
from ..networks.segmenter import Segmenter
from ..networks.stylegan2 import Generator
from ..short import short
from ..storage import atomic
from . import cards
from .assembly.assemble import Misfit, Unsupported, build_alpha, build_generator, build_segmenter, clamp_of, settled
from .cards import CARD, FORMAT, RECOMMENDED, VERSION
from .containers import safetensors_file, tensor_file
from .containers.files import DAMAGE, describe, reason
from .kinds import KINDS, Kind, Network
from .source import UNKNOWN_LICENCE, Source, file_sha256

_STAGED = ".new" + atomic.SUFFIX
SIGNS = f"native: {CARD} with generator.safetensors, alpha.safetensors or segmenter.safetensors"
"""By what such a folder is told from other files, for people whose file is not recognised."""
NETWORK_FILES = tuple(f"{kind}.safetensors" for kind in KINDS)
"""All that a folder may hold beside its card."""


def is_native(folder: Path) -> bool:
    """Whether a path is a native checkpoint folder."""
    return (folder / CARD).is_file()


def save(
    folder: Path,
    *,
    generator: Generator | None = None,
    alpha: AlphaNetwork | None = None,
    segmenter: Segmenter | None = None,
    card: Mapping | None = None,
) -> None:
    """Write networks and their card into ``folder``; a network that is not given stays as it is there.

    Whenever the program is killed, readers find the old checkpoint or the new one.

    Args:
        card: what a reader should know of them: ``name``, ``source``, ``licence``, ``training``, ``quality``,
            ``recommended`` (settings of ``generate``, by name).
            Architecture and tensor hashes are added.

    Raises:
        CannotWrite: the disk is full, say; then the folder is what it was.
    """
    with saving(folder, generator=generator, alpha=alpha, segmenter=segmenter, card=card):
        pass


@contextlib.contextmanager
def saving(
    folder: Path,
    *,
    generator: Generator | None = None,
    alpha: AlphaNetwork | None = None,
    segmenter: Segmenter | None = None,
    card: Mapping | None = None,
) -> Iterator[Path]:
    """``save`` after the block, which may look at what is to be saved: the folder that the block gets.

    Card and networks are written into a hidden folder inside ``folder``. The card's name is the moment at which the new
    checkpoint is there: a network that is still in the hidden folder then is the one that the card's hashes ask for.
    """
    created, staged = not folder.exists(), folder / _STAGED
    atomic.make_folder(folder)
    _complete(folder)
    try:
        atomic.make_folder(staged)
        model = _write(folder, staged, generator, alpha, segmenter, card)
        atomic.write_bytes(staged / CARD, json.dumps(model, indent=2, ensure_ascii=False).encode() + b"\n")
        yield staged
    except BaseException:
        shutil.rmtree(staged, ignore_errors=True)
        if created:
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise
    with atomic.explained(folder):
        os.replace(staged / CARD, folder / CARD)
        atomic.sync_path(folder)
        for file in staged.iterdir():
            os.replace(file, folder / file.name)
        staged.rmdir()
        atomic.sync_path(folder)


def network_file(folder: Path, kind: Kind) -> Path | None:
    """The file of a network in a native folder; None if there is none.

    As a rule ``KIND.safetensors``; while a ``save`` that was killed waits to be completed, the one that the card means.
    """
    path, staged = folder / f"{kind}.safetensors", folder / _STAGED / f"{kind}.safetensors"
    if staged.is_file() and is_native(folder) and _is_meant(staged, read_card(folder).get(kind)):
        return staged
    return path if path.is_file() else None


def kind_of(file: Path) -> Kind | None:
    """Which network of a native folder lies in this file; None if it is no file of one."""
    found: Kind | None = next((kind for kind in KINDS if file.name == f"{kind}.safetensors"), None)
    return found if found and file.is_file() and is_native(file.parent) else None


def _complete(folder: Path) -> None:
    """Do what a killed ``save`` had left to do, and remove what it had not finished."""
    staged = folder / _STAGED
    if not staged.is_dir():
        return
    with atomic.explained(folder):
        for kind in KINDS:
            file = network_file(folder, kind)
            if file is not None and file.parent == staged:
                os.replace(file, folder / file.name)
    shutil.rmtree(staged, ignore_errors=True)


def _is_meant(file: Path, entry: object) -> bool:
    """Whether a file holds the very tensors of a card's entry."""
    hashes = entry["tensors"] if isinstance(entry, dict) else {}
    try:
        return _tensors(file, hashes).keys() == hashes.keys()
    except UserError:
        return False


def _write(
    folder: Path,
    target: Path,
    generator: Generator | None,
    alpha: AlphaNetwork | None,
    segmenter: Segmenter | None,
    card: Mapping | None,
) -> dict:
    """Write networks into ``target``, which are to be in ``folder``. Returns the card."""
    model = read_card(folder) if is_native(folder) else {}
    model = {"format": FORMAT, "version": VERSION} | model | dict(card or {})
    if generator is not None:
        a = generator.architecture
        architecture = {
            "resolution": a.resolution,
            "channels": list(a.channels),
            "z_dim": a.z_dim,
            "w_dim": a.w_dim,
            "mapping_layers": a.mapping_layers,
            "conv_clamp": a.conv_clamp,
        }
        model["generator"] = _save_network(target, "generator", generator, architecture)
    if alpha is not None:
        model["alpha"] = _save_network(target, "alpha", alpha, {"channels": list(alpha.channels)})
        if RECOMMENDED not in (card or {}):
            model.pop(RECOMMENDED, None)  # it was about the alpha network that was here before
    if segmenter is not None:
        architecture = {"name": segmenter.name, **segmenter.architecture}
        architecture |= {"foreground": list(segmenter.foreground), "size": segmenter.size}
        model["segmenter"] = _save_network(target, "segmenter", segmenter, architecture)
    return hidden_within(model)


def read(folder: Path, kind: Kind, name: str) -> tuple[Network, Source]:
    """One network of a native folder and its source.

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
        architecture = entry["architecture"]
        if kind == "alpha":
            network = build_alpha(tensors)
        elif kind == "segmenter":
            network = build_segmenter(tensors, stated=architecture, **_beyond_shapes(architecture))
        else:
            network = build_generator(tensors, conv_clamp=clamp_of(architecture.get("conv_clamp")))
    except (Misfit, Unsupported) as error:
        raise UserError(
            str(path), got=reason(error), expected=f"the tensors of a {kind}", remedy="convert it again"
        ) from error
    licence = short(card.get("licence", UNKNOWN_LICENCE), 200)
    return network, Source(name=name, format="native", sha256=file_sha256(path), licence=licence)


def read_card(folder: Path) -> dict:
    """What ``model.json`` says; ``cards.read`` says how that is checked."""
    return cards.read(folder)


def _tensors(path: Path, hashes: Mapping[str, str]) -> dict[str, Tensor]:
    """The tensors of a file, each compared with the one that the card names."""
    tensors = {}
    try:
        with path.open("rb") as file:
            for name, stored in safetensors_file.load(file, path.stat().st_size).tensors.items():
                tensor = stored.load()
                if hashes.get(name) != _sha256(tensor):
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
        # A clone without Git LFS, say, or a page saved in its place.
        got = f"a damaged file ({reason(error)})" if safetensors_file.is_one(head) else describe(head)
        raise UserError(str(path), got=got, expected="safetensors", remedy="download or copy it again") from error
    return tensors


def _beyond_shapes(architecture: Mapping) -> dict[str, Any]:
    """What the card alone knows of any segmenter: which classes are foreground, and the size of its images."""
    found = {name: architecture[name] for name in ("foreground", "size") if architecture.get(name) is not None}
    foreground = found.get("foreground", [1])
    numbers = [found.get("size", 1), *(foreground if isinstance(foreground, list) else [None])]
    if not all(type(number) is int and 0 <= number < 1 << 16 for number in numbers):
        raise Misfit(f"an architecture {short(found, 80)}")
    return found


def _save_network(folder: Path, kind: Kind, network: Network, architecture: dict) -> dict:
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    path = folder / f"{kind}.safetensors"
    tensor_file.save(path, tensors)
    parameters = sum(p.numel() for p in network.parameters())
    hashes = {name: _sha256(tensor) for name, tensor in tensors.items()}
    return {"architecture": architecture, "parameters": parameters, "tensors": hashes}


def _sha256(tensor: Tensor) -> str:
    """Of a tensor's bytes, whatever its numbers are."""
    return hashlib.sha256(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data).hexdigest()
