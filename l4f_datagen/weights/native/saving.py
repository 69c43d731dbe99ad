"""Writing native checkpoint folders: readers find the old networks or the new ones, never some of both."""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...addresses import hidden_within
from ...networks.alpha import AlphaNetwork
from ...networks.encoders.encoder import Encoder
from ...networks.segmenter import Segmenter
from ...networks.stylegan2 import Generator
from ...storage import atomic
from ..containers import tensor_file
from ..kinds import KINDS, Kind, Network
from .cards import CARD, FORMAT, RECOMMENDED, VERSION
from .folders import STAGED, is_native, network_file, read_card, tensor_sha256


def save(
    folder: Path,
    *,
    generator: Generator | None = None,
    alpha: AlphaNetwork | None = None,
    segmenter: Segmenter | None = None,
    encoder: Encoder | None = None,
    card: Mapping[str, Any] | None = None,
) -> None:
    """Write networks and their card into ``folder``; a network that is not given stays as it is there.

    Whenever the program is killed, readers find the old checkpoint or the new one.

    Args:
        card: what a reader should know of the networks: ``name``, ``source``, ``licence``, ``training``, ``quality``,
            ``recommended`` (settings of ``generate``, by name). Architecture and tensor hashes are added.

    Raises:
        CannotWrite: the disk is full, say; then the folder is what it was.
    """
    given: dict[Kind, Network | None] = {
        "generator": generator, "alpha": alpha, "segmenter": segmenter, "encoder": encoder,
    }  # fmt: skip
    networks: dict[Kind, Network] = {kind: network for kind, network in given.items() if network is not None}
    with saving(folder, networks, card or {}):
        pass


@contextlib.contextmanager
def saving(folder: Path, networks: Mapping[Kind, Network], card: Mapping[str, Any]) -> Iterator[Path]:
    """``save`` that takes effect after the block, which may first check what is to be saved.

    Gives the hidden folder inside ``folder`` that card and networks are written to. Renaming the card out of it is
    the moment at which the new checkpoint is there: from then on, a network that is still in the hidden folder counts,
    because its tensors have the hashes of the new card. A block that raises leaves ``folder`` as it was.
    """
    created, staged = not folder.exists(), folder / STAGED
    atomic.make_folder(folder)
    _complete(folder)
    try:
        atomic.make_folder(staged)
        model = _write(folder, staged, networks, card)
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


def _complete(folder: Path) -> None:
    """Finish a save that was killed after its card was in place, and remove one that was killed before."""
    staged = folder / STAGED
    if not staged.is_dir():
        return
    with atomic.explained(folder):
        for kind in KINDS:
            file = network_file(folder, kind)
            if file is not None and file.parent == staged:
                os.replace(file, folder / file.name)
    shutil.rmtree(staged, ignore_errors=True)


def _write(folder: Path, target: Path, networks: Mapping[Kind, Network], card: Mapping[str, Any]) -> dict[str, Any]:
    """Write networks that are to be in ``folder`` into ``target``. Returns the whole card."""
    model = read_card(folder) if is_native(folder) else {}
    model = {"format": FORMAT, "version": VERSION} | model | dict(card)
    for kind in KINDS:
        if kind in networks:
            model[kind] = _write_network(target / f"{kind}.safetensors", networks[kind])
    if "alpha" in networks and RECOMMENDED not in card:
        model.pop(RECOMMENDED, None)  # it was about the alpha network that was here before
    return hidden_within(model)


def _write_network(path: Path, network: Network) -> dict[str, Any]:
    """Write the tensors of a network. Returns its entry in the card."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    tensor_file.save(path, tensors)
    return {
        "architecture": _architecture(network),
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "tensors": {name: tensor_sha256(tensor) for name, tensor in tensors.items()},
    }


def _architecture(network: Network) -> dict[str, Any]:
    """What the card says of a network's architecture, in JSON's own types."""
    if isinstance(network, Segmenter):
        described = {"name": network.name, **network.architecture}
        return described | {"foreground": list(network.foreground), "size": network.size}
    if isinstance(network, AlphaNetwork):
        return {"channels": list(network.channels)}
    if isinstance(network, Encoder):
        return network.architecture
    a = network.architecture
    height, width = a.size
    return {
        **({"resolution": height} if height == width else {"size": [height, width]}),
        "channels": list(a.channels),
        "z_dim": a.z_dim,
        "w_dim": a.w_dim,
        "mapping_layers": a.mapping_layers,
        "conv_clamp": a.conv_clamp,
        **({"classes": a.classes} if a.classes else {}),
        # Cards of squares that grow from 4×4 pixels are as they were before there were others.
        **({"constant": list(a.constant)} if a.constant != (4, 4) else {}),
    }
