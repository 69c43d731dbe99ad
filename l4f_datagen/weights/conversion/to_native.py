"""Any networks → a native folder, whose card keeps what is known of them."""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...errors import UserError
from ...networks.alpha import AlphaNetwork, fits
from ...networks.stylegan2 import Generator
from ...storage import atomic
from .. import native, remote
from ..kinds import KINDS, Kind, Network, expected
from ..native.cards import RECOMMENDED
from ..source import UNKNOWN_LICENCE
from .comparison import verified
from .task import Task, Written

_OWN_ENTRIES = ("format", "version", "source", *KINDS)
"""Entries of a card that are written anew."""


def write(task: Task) -> Written:
    """Write the folder of a task; what is there already is replaced once the new networks are read back and verified.

    Raises:
        UserError: with what is there, the folder would hold an alpha network and a generator that do not fit.
    """
    _check_company(task)
    out, created = task.out, not task.out.exists()
    atomic.check_folder(out, f"out {out}")
    networks: dict[Kind, Network] = {kind: network for kind, (network, _) in task.networks.items()}
    try:
        with native.saving(out, networks, _card(task)) as staged:
            found = [verified(staged, kind, network, allow_nan=task.allow_nan) for kind, network in networks.items()]
    except BaseException:
        if created:
            with contextlib.suppress(OSError):
                out.rmdir()
        raise
    return max(found), ()


def _check_company(task: Task) -> None:
    """Refuse what would lie beside networks that it does not go with: the alpha network of a folder is its generator's.

    Raises:
        UserError: their channels differ.
    """
    together: dict[Kind, Network] = {kind: network for kind, (network, _) in task.networks.items()}
    for kind in KINDS:
        if kind not in together and native.network_file(task.out, kind):
            together[kind] = native.read(task.out, kind, str(task.out))[0]
    if not {"generator", "alpha"} <= together.keys():
        return
    generator = expected(together["generator"], Generator).architecture.channels
    alpha = expected(together["alpha"], AlphaNetwork).channels
    if not fits(alpha, generator):
        raise UserError(
            str(task.out),
            got=f"a generator of {', '.join(map(str, generator))} channels and an alpha network for "
            f"{', '.join(map(str, alpha))}",
            expected="two that go together",
            remedy="choose another folder",
        )


def _card(task: Task) -> dict[str, Any]:
    """What the new card says beside the networks: all that the cards of ``found`` and then of ``out`` say of them."""
    card: dict[str, Any] = {"name": task.out.name, "licence": UNKNOWN_LICENCE, "source": {}}
    for folder in (task.found.parent if native.kind_of(task.found) else task.found, task.out):
        if native.is_native(folder):
            earlier = native.read_card(folder)
            kept = {key: value for key, value in earlier.items() if key not in _OWN_ENTRIES}
            if (folder == task.out) == ("alpha" in task.networks):
                kept.pop(RECOMMENDED, None)  # it is about an alpha network that is not taken, or that is replaced
            # The training of networks that stay in the folder is kept beside that of the new ones.
            if all(isinstance(c.get("training"), dict) for c in (kept, card)):
                kept["training"] |= card["training"]
            card |= kept | {"source": card["source"] | _sources(earlier)}
    for kind, (_, origin) in task.networks.items():
        if origin.format != "native":
            # A local file goes by its name alone: folders are of this computer only.
            name = origin.name if remote.is_remote(origin.name) else Path(origin.name).name
            entry = {"name": name, "format": origin.format, "sha256": origin.sha256, "notes": list(origin.notes)}
            card["source"] |= {kind: entry}
    if task.licence:
        card["licence"] = task.licence
    return card


def _sources(card: Mapping[str, Any]) -> dict[str, Any]:
    """Where each network of a card came from; a source in one sentence holds for all of them."""
    source = card.get("source")
    if source is None or isinstance(source, dict):
        return source or {}
    return {kind: source for kind in KINDS if kind in card}
