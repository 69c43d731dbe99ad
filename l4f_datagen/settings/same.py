"""Whether a folder was made with the settings that are asked for: of data sets, runs, codes and edits alike."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ..errors import UserError
from ..short import short
from .base import StageSettings

DEFAULTS = "defaults"
"""The entry of a description that is not written: names of the settings that have their default values."""
_OF_A_CHECKPOINT = "_sha256"


def describe(settings: StageSettings, facts: Mapping[str, Any], free: Iterable[str] = ()) -> dict[str, Any]:
    """What a folder's description says of its settings.

    Args:
        facts: what takes the place of settings of these names, the hash of a file for its path say, or joins them.
        free: settings that may be others when the folder is continued. The device always may.

    Returns:
        ``settings``: all of them; ``identity``: what tells folders apart; ``defaults`` for ``check``.
    """
    return {
        "settings": settings.model_dump(mode="json"),
        "identity": settings.identity(without={"device", *free, *facts}) | dict(facts),
        DEFAULTS: settings.defaults - facts.keys(),
    }


def check(
    where: object, kind: str, there: Mapping[str, Any], wanted: Mapping[str, Any], defaults: Collection[str] = ()
) -> None:
    """Refuse a folder that was made with other settings.

    A setting that is younger than the folder does by default what was done without it: it makes no difference then.

    Args:
        where: the folder.
        kind: what it holds, for the message: "a run" say.
        there, wanted: descriptions: ``identity`` and, of a folder that is there, ``settings`` as far as it has them.
        defaults: as ``describe`` gives them for ``wanted``.

    Raises:
        UserError: names what differs.
    """
    old, new = there["identity"], wanted["identity"]
    settings, now = there.get("settings") or {}, wanted.get("settings") or {}
    different = [
        f"{short(key.removesuffix(_OF_A_CHECKPOINT))} (another checkpoint)" if key.endswith(_OF_A_CHECKPOINT)
        else f"{short(key)} ({short(old.get(key, settings.get(key)))} there, {short(new.get(key, now.get(key)))} here)"
        for key in differing(old, new, defaults, known={*settings, *old})
    ]  # fmt: skip
    if different:
        raise UserError(
            f"out {where}", got=f"{kind} with other settings: {short(', '.join(different), 1000)}",
            expected="the same settings",
            remedy="use the same settings, another folder, or --overwrite to replace what is there",
        )  # fmt: skip


def differing(
    old: Mapping[str, Any], new: Mapping[str, Any], defaults: Collection[str], *, known: Collection[str]
) -> list[str]:
    """Names of what differs, in the order of the alphabet; defaults of settings that were not ``known`` do not."""
    names = sorted({*old, *new})
    return [name for name in names if old.get(name) != new.get(name) and not (name in defaults and name not in known)]
