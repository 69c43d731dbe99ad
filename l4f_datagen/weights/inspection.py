"""What a checkpoint file is: layout, architecture, size, what else it holds, which pipelines it fits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..addresses import shown
from ..errors import UserError
from ..networks.alpha import AlphaNetwork
from ..networks.encoders.encoder import Encoder
from ..networks.segmenter import Segmenter
from ..short import short
from . import native, pipelines, strangers
from .assembly.assemble import first_not_finite
from .assembly.errors import Unsupported
from .foreign_encoders import ENCODERS, find_encoder
from .kinds import KINDS, Kind, Network
from .layouts import reading, registry
from .layouts.layout import Layout
from .load import check_native, locate, refuse_not_finite, result_of
from .pickle.machine import Record
from .pickle.tensors import StoredArray, StoredTensor
from .source import UNKNOWN_LICENCE, file_sha256

_MAX_WALK = 100_000
"""Values of a file that are looked at to count its numbers."""


@dataclass(frozen=True, kw_only=True)
class NetworkSummary:
    """One network of a file."""

    kind: Kind
    resolution: int | None
    """Height and width of square images in pixels; for an alpha network those that its channels suggest, if any do."""
    channels: tuple[int, ...]
    """A generator's at each resolution, coarse to fine; those of the features that an alpha network reads, level by
    level; a segmenter's or an encoder's in its first layer."""
    parameters: int
    z_dim: int | None = None
    w_dim: int | None = None
    mapping_layers: int | None = None
    conv_clamp: float | None = None
    """The limit of a generator's activations; None for no limit."""
    not_finite: str | None = None
    """Name of the first tensor with NaN or infinity in it."""
    segmenter: str | None = None
    """The architecture of a segmenter: the name of its file in ``networks.segmenters``, or FAMILY:WHAT."""
    title: str | None = None
    """The architecture of a segmenter as people write it."""
    classes: int | None = None
    """Of a segmenter; those that a class-conditional generator draws."""
    foreground: tuple[int, ...] | None = None
    """The classes of a segmenter that make up the foreground."""
    generator: str | None = None
    """SHA-256 of the generator that an encoder's codes are for, lower-case hexadecimal."""
    size: tuple[int, int] | None = None
    """Height and width in pixels of the images of a rectangular generator; None for all other networks."""
    notes: tuple[str, ...] = ()
    """What had to be decided while it was read, one sentence each."""

    @property
    def pixels(self) -> str | None:
        """The size of its images as people write it: "128 px", or "64×32 px", the width before the height."""
        if self.size:
            return f"{self.size[1]}×{self.size[0]} px"
        return f"{self.resolution} px" if self.resolution else None


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What a file or native folder is."""

    path: str
    what: str
    """What it is, in one phrase: "a StyleGAN2 generator for 128 px and an alpha network for 128 px", say."""
    layout: str
    """"native", the name of one of the ``layouts``, or "unknown"."""
    container: str
    """How it is stored: "pickle", "torch file (zip)", "pickle in gzip", "safetensors", …"""
    size: int
    """Bytes of the file, or of the networks in a folder."""
    sha256: dict[str, str]
    """Name of a file → its SHA-256, lower-case hexadecimal."""
    licence: str = UNKNOWN_LICENCE
    networks: tuple[NetworkSummary, ...] = ()
    """The networks that can be used."""
    holds: tuple[str, ...] = ()
    """Everything in it, one phrase each."""
    pipelines: tuple[str, ...] = ()
    """Names of the pipeline files that all its networks fit."""
    problem: str | None = None
    """Why none of it can be used, or None."""
    takes: str | None = None
    """What it would take to use it, where that is known."""
    looked_for: tuple[str, ...] = field(default=())
    """How files of each layout are recognised, where this one was not."""


def inspect(path: str | Path, *, allow_nan: bool = False) -> Inspection:
    """Look into any checkpoint; nothing of it is run. A network that cannot be used is an answer, not an error.

    Args:
        path: as for ``load_generator``.
        allow_nan: report weights that are not finite instead of refusing them.

    Raises:
        UserError: nothing is there, or it is damaged, asks for what a checkpoint has no use for, or is not finite.
    """
    found = result_of(locate(path))
    if kind := native.kind_of(found):
        result = _inspect_folder(found.parent, shown(path), (kind,))
    elif found.is_dir():
        check_native(found, str(path))
        result = _inspect_folder(found, shown(path), KINDS)
    else:
        result = _inspect_file(found, shown(path))
    for network in result.networks:
        if network.not_finite and not allow_nan:
            refuse_not_finite(str(path), network.not_finite)
    return result


def _inspect_file(found: Path, name: str) -> Inspection:
    networks, problem, takes = [], None, None
    with reading.opened(found, name) as content:
        layouts: dict[Kind, Layout] = {}
        for kind in KINDS:
            if layout := registry.layout_of(content.data, kind):
                layouts[kind] = layout
        for kind in layouts:
            try:
                network, _, notes = reading.read(content.data, kind, name)
                networks.append(_summary(network, kind, notes))
            except UserError as error:
                problem = str(error.got)
                takes = error.__cause__.takes or None if isinstance(error.__cause__, Unsupported) else None
        holds = tuple(_holds(content.data))
        what = problem or _what(networks) or strangers.describe(content.data)
        if networks and (encoder := find_encoder(content.data)):
            what = f"{what}, and {encoder}, {ENCODERS[encoder.usable]}"
        takes = takes or strangers.takes_of(content.data)
        container = content.container
    return Inspection(
        path=name,
        what=what,
        layout=next((layout.name for layout in layouts.values()), "unknown"),
        container=container,
        size=found.stat().st_size,
        sha256={found.name: file_sha256(found)},
        networks=tuple(networks),
        holds=holds,
        pipelines=_fitting(networks),
        problem=None if networks else problem or "no network that is used here",
        takes=None if networks else takes,
        looked_for=() if layouts else (native.SIGNS, *registry.signs()),
    )


def _inspect_folder(folder: Path, name: str, kinds: tuple[Kind, ...]) -> Inspection:
    networks, licence, parts = [], UNKNOWN_LICENCE, []
    for kind in kinds:
        if part := native.network_file(folder, kind):
            network, source = native.read(folder, kind, name)
            networks.append(_summary(network, kind, source.notes))
            licence = source.licence
            parts.append(part)
    return Inspection(
        path=name,
        what=_what(networks) or "a native folder without a network",
        layout="native",
        container="safetensors",
        size=sum(part.stat().st_size for part in parts),
        sha256={part.name: file_sha256(part) for part in parts},
        licence=licence,
        networks=tuple(networks),
        holds=tuple(f"{part.name}: {_with_article(network)}" for part, network in zip(parts, networks, strict=True)),
        pipelines=_fitting(networks),
        problem=None if networks else "no network",
    )


def _summary(network: Network, kind: Kind, notes: tuple[str, ...]) -> NetworkSummary:
    common: dict[str, Any] = {
        "kind": kind,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "not_finite": first_not_finite(network),
        "notes": notes,
    }
    if isinstance(network, Segmenter):
        return NetworkSummary(
            resolution=network.size,
            channels=(network.width,),
            segmenter=network.name,
            title=network.title,
            classes=network.classes,
            foreground=network.foreground,
            **common,
        )
    if isinstance(network, AlphaNetwork):
        resolution = pipelines.resolution_of_alpha(network.channels)
        return NetworkSummary(resolution=resolution, channels=network.channels, **common)
    if isinstance(network, Encoder):
        return NetworkSummary(
            resolution=network.size, channels=(network.width,), w_dim=network.w_dim, generator=network.generator,
            **common,
        )  # fmt: skip
    a = network.architecture
    square = a.size[0] == a.size[1]
    return NetworkSummary(
        resolution=a.resolution if square else None,
        size=None if square else a.size,
        channels=a.channels,
        z_dim=a.z_dim,
        w_dim=a.w_dim,
        mapping_layers=a.mapping_layers,
        conv_clamp=a.conv_clamp,
        classes=a.classes or None,
        **common,
    )


def _fitting(networks: list[NetworkSummary]) -> tuple[str, ...]:
    """The pipelines that every network of the file fits."""
    # An alpha network beside its generator is for the same images, whatever its channels suggest.
    resolution = next((network.resolution for network in networks if network.kind == "generator"), None)
    fitting = [
        pipelines.fitting(network.kind, resolution or network.resolution, network.channels) for network in networks
    ]
    return tuple(name for name in fitting[0] if all(name in names for names in fitting)) if fitting else ()


def _what(networks: list[NetworkSummary]) -> str:
    return " and ".join(_with_article(network) for network in networks)


def _with_article(network: NetworkSummary) -> str:
    if network.kind == "segmenter":
        return f"a {network.title} of {network.classes} classes"
    size = f" for {network.pixels}" if network.pixels else ""
    if network.kind == "encoder":
        return f"an encoder{size}"
    if network.kind == "generator" and network.classes:
        return f"a class-conditional StyleGAN2 generator of {network.classes} classes{size}"
    return f"a StyleGAN2 generator{size}" if network.kind == "generator" else f"an alpha network{size}"


def _holds(data: object) -> list[str]:
    """The entries of a file's dictionary or tuple, each with how many numbers it holds."""
    if isinstance(data, Mapping):
        entries = [(short(getattr(key, "name", key), 40), value) for key, value in data.items()]
    elif isinstance(data, (tuple, list)):
        names = ("G", "D", "Gs") if len(data) == 3 else [str(index) for index in range(len(data))]
        entries = list(zip(names, data, strict=True))
    else:
        return []
    if entries and all(isinstance(value, (StoredTensor, StoredArray)) for _, value in entries):
        return [f"{len(entries)} tensors, {_numbers(data):,} numbers"]
    return [_phrase(name, value) for name, value in entries if value is not None][:32]


def _phrase(name: str, value: object) -> str:
    part = registry.parts().get(name)
    empty = isinstance(value, (Mapping, list, tuple)) and not value
    count = _numbers(value)
    return name + (f": {part}" if part else "") + (f", {count:,} numbers" if count else ", empty" if empty else "")


def _numbers(value: object) -> int:
    """How many numbers the tensors in ``value`` have together; a bounded number of entries is looked at."""
    waiting, seen, total = [value], set(), 0
    while waiting and len(seen) < _MAX_WALK:
        item = waiting.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, (StoredTensor, StoredArray)):
            total += item.numel
        elif isinstance(item, Mapping):
            waiting.extend(item.values())
        elif isinstance(item, (list, tuple)):
            waiting.extend(item)
        elif isinstance(item, Record):
            waiting.extend((*item.arguments, item.state))
    return total
