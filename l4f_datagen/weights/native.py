"""The native format: a folder of safetensors and ``model.json`` (contract 4 of the design)."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, get_args

import torch
from safetensors.torch import save_file
from torch import Tensor

from ..addresses import hidden_within
from ..errors import UserError
from ..networks.alpha import AlphaNetwork
from ..networks.segmenter import Segmenter
from ..networks.stylegan2 import Generator
from ..short import short
from . import cards, safetensors_file
from .assemble import Misfit, Unsupported, build_alpha, build_generator, build_segmenter, clamp_of, settled
from .cards import CARD, FORMAT, VERSION
from .files import DAMAGE, describe, reason
from .source import UNKNOWN_LICENCE, Source, file_sha256

Kind = Literal["generator", "alpha", "segmenter"]
Network = Generator | AlphaNetwork | Segmenter
NETWORK_FILES = tuple(f"{kind}.safetensors" for kind in get_args(Kind))
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

    ``card`` holds what a reader should know of them: ``name``, ``source``, ``licence``, ``training``,
    ``quality``. Architecture and tensor hashes are added.
    """
    folder.mkdir(parents=True, exist_ok=True)
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
        model["generator"] = _save_network(folder, "generator", generator, architecture)
    if alpha is not None:
        model["alpha"] = _save_network(folder, "alpha", alpha, {"channels": list(alpha.channels)})
    if segmenter is not None:
        architecture = {"name": segmenter.name, **segmenter.architecture}
        architecture |= {"foreground": list(segmenter.foreground), "size": segmenter.size}
        model["segmenter"] = _save_network(folder, "segmenter", segmenter, architecture)
    text = json.dumps(hidden_within(model), indent=2, ensure_ascii=False) + "\n"
    (folder / CARD).write_text(text, encoding="utf-8")


def read(folder: Path, kind: Kind, name: str) -> tuple[Network, Source]:
    """One network of a native folder and its source.

    Raises:
        UserError: it is not there, damaged, or its tensors are not those that ``model.json`` names.
    """
    card, path = read_card(folder), folder / f"{kind}.safetensors"
    entry = card.get(kind)
    if not isinstance(entry, dict) or not path.is_file():
        raise UserError(
            name, got=f"a native checkpoint without {path.name}", expected=f"one with a network {kind}",
            remedy=f"name the folder or file that holds the {kind}",
        )  # fmt: skip
    tensors = _tensors(path, entry["tensors"])
    try:
        architecture = entry["architecture"]
        if kind == "alpha":
            network = build_alpha(tensors)
        elif kind == "segmenter":
            network = build_segmenter(tensors, **_beyond_shapes(architecture))
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
        with path.open("rb") as file:
            head = file.read(1 << 12)
        # A clone without Git LFS, say, or a page saved in its place.
        got = f"a damaged file ({reason(error)})" if safetensors_file.is_one(head) else describe(head)
        raise UserError(str(path), got=got, expected="safetensors", remedy="download or copy it again") from error
    return tensors


def _beyond_shapes(architecture: dict) -> dict:
    """What the card alone knows of a segmenter."""
    names = ("stem", "align_corners", "foreground", "size")
    found = {name: architecture[name] for name in names if architecture.get(name) is not None}
    foreground = found.get("foreground", [1])
    numbers = [found.get("stem", 4), found.get("size", 1), *(foreground if isinstance(foreground, list) else [None])]
    counted = all(type(number) is int and 0 <= number < 1 << 16 for number in numbers)
    if not counted or type(found.get("align_corners", True)) is not bool:
        raise Misfit(f"an architecture {short(found, 80)}")
    return found


def _save_network(folder: Path, kind: Kind, network: Network, architecture: dict) -> dict:
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    path = folder / f"{kind}.safetensors"
    temporary = path.with_name(f".{path.name}.tmp")
    save_file(tensors, temporary)
    temporary.chmod(0o644)  # save_file leaves it readable by its owner alone
    temporary.replace(path)
    parameters = sum(p.numel() for p in network.parameters())
    hashes = {name: _sha256(tensor) for name, tensor in tensors.items()}
    return {"architecture": architecture, "parameters": parameters, "tensors": hashes}


def _sha256(tensor: Tensor) -> str:
    """Of a tensor's bytes, whatever its numbers are."""
    return hashlib.sha256(tensor.contiguous().reshape(-1).view(torch.uint8).numpy()).hexdigest()
