"""Any checkpoint → native, a generator → rosinality's layout, a segmenter → ONNX; each is verified by running it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ...addresses import shown
from ...errors import UserError
from ...networks.stylegan2 import Generator
from ...storage.opening import local_place
from .. import native
from ..generators.classes import check_one_class
from ..kinds import KINDS, Kind, Network
from ..layouts import reading, registry
from ..load import locate, read_network, result_of
from ..source import Source
from . import to_native, to_onnx, to_rosinality
from .task import Task, Written

Target = Literal["native", "rosinality", "onnx"]


@dataclass(frozen=True)
class _Writer:
    """How one target is written."""

    write: Callable[[Task], Written]
    kinds: tuple[Kind, ...]
    """The kinds of network that it has room for."""
    suffixes: tuple[str, ...] = ()
    """Ends of names of files that ask for it; empty for a folder."""


_WRITERS: Mapping[Target, _Writer] = {
    "native": _Writer(to_native.write, KINDS),
    "rosinality": _Writer(to_rosinality.write, ("generator",), (".pt", ".pth")),
    "onnx": _Writer(to_onnx.write, ("segmenter",), (".onnx",)),
}


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """What was converted, and into what."""

    source: str
    """What the user called the checkpoint."""
    source_format: str
    """Its layout: "native", "rosinality", …"""
    out: str
    target: Target
    networks: tuple[Kind, ...]
    """The networks that were written."""
    largest_difference: float
    """The largest one between outputs of the networks as read and as written, each run once on the same input."""
    notes: tuple[str, ...] = ()
    """What had to be decided in reading, and what the target could not say, one sentence each."""


def convert(
    path: str | Path,
    out: str | Path,
    *,
    target: Target | None = None,
    licence: str | None = None,
    overwrite: bool = False,
    allow_nan: bool = False,
) -> Conversion:
    """Convert all networks of a checkpoint, and verify the result by running both.

    Args:
        path: as for ``load_generator``.
        out: a folder for "native", a file for "rosinality" (generators) and "onnx" (segmenters).
        target: None takes "rosinality" where ``out`` ends in .pt or .pth, "onnx" where it ends in .onnx, else "native".
        licence: the licence of the weights; None keeps what the source says.
        overwrite: replace networks that are there.
        allow_nan: take weights that are not finite.

    Raises:
        UserError: the checkpoint cannot be read, the target has no place for it, or ``out`` is taken.
        WorkError: what was written gives other outputs.
    """
    out = local_place(out)
    target = target or _target_of(out)
    found = result_of(locate(path))
    networks = _read_all(found, path, allow_nan)
    _check_place(out, target, networks, overwrite)
    writer = _WRITERS[target]
    task = Task(found=found, out=out, networks=networks, licence=licence, allow_nan=allow_nan)
    difference, notes = writer.write(task)
    sources = [source for _, source in networks.values()]
    return Conversion(
        source=shown(path),
        source_format=sources[0].format,
        out=shown(out),
        target=target,
        networks=tuple(kind for kind in networks if kind in writer.kinds),
        largest_difference=difference,
        notes=(*(note for source in sources for note in source.notes), *notes),
    )


def _target_of(out: Path) -> Target:
    """The target that the name of a file asks for, else a native folder."""
    for name, writer in _WRITERS.items():
        if out.suffix in writer.suffixes:
            return name
    return "native"


def _read_all(found: Path, path: str | Path, allow_nan: bool) -> dict[Kind, tuple[Network, Source]]:
    """Every network that a checkpoint holds, one of each kind at most; ``path`` is what the user called it."""
    kinds: Sequence[Kind]
    if kind := native.kind_of(found):
        kinds = [kind]
    elif found.is_dir():
        kinds = [kind for kind in KINDS if native.network_file(found, kind)]
    else:
        with reading.opened(found, str(path)) as content:
            kinds = registry.kinds_in(content.data)
    # A file without any network is read as a generator, for the message that says what it is.
    wanted: Sequence[Kind] = kinds or ("generator",)
    networks: dict[Kind, tuple[Network, Source]] = {
        kind: read_network(path, kind, allow_nan=allow_nan, any_class=True) for kind in wanted
    }
    for network, source in networks.values():
        if isinstance(network, Generator):
            check_one_class(network, source, "a file, one class or all that the checkpoint has,")
    return networks


def _check_place(out: Path, target: Target, networks: Mapping[Kind, object], overwrite: bool) -> None:
    """Refuse a place that is taken, and a file in the place of a folder or the reverse."""
    if target == "native":
        if out.exists() and not out.is_dir():
            raise UserError(
                str(out), got="a file of this name", expected="a folder to write into", remedy="choose another name"
            )
        taken = [file for kind in networks if (file := native.network_file(out, kind))]
    else:
        if out.is_dir():
            raise UserError(str(out), got="a folder", expected="a file to write", remedy="choose another name")
        taken = [out] if out.exists() else []
    if taken and not overwrite:
        raise UserError(
            str(taken[0]), got="a file that is there", expected="a free place",
            remedy="choose another or --overwrite it",
        )  # fmt: skip
