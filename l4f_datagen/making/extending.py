"""The settings of a data set that is there, so that who extends it need not say them again."""

import contextlib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from ..addresses import split_address
from ..errors import UserError, WorkError
from ..mask_files.values import SETTING
from ..settings import StageSettings
from ..settings.sharded import Sharded
from ..shards.folder import read_description
from ..shards.format import layout
from ..storage.opening import open_store
from ..storage.store import Store

Making = TypeVar("Making", bound=Sharded)


def stored_settings(model: type[StageSettings], out: str | Path | Store) -> dict[str, Any]:
    """What the data set in ``out`` was made with, as far as it is a setting of ``model``; nothing where there is none.

    Flags and pipeline files go before it: what differs then is refused by name when the data set is opened.

    Raises:
        UserError: there is a ``dataset.json`` that cannot be read.
    """
    try:
        store = open_store(out)
        if not store.exists(layout.DATASET):
            return {}
    except (UserError, WorkError):
        return {}  # who opens it to write there, in a moment, says what is wrong with the place
    settings = told_settings(read_description(store))
    # One that another command made is refused as a whole when it is opened, not setting by setting.
    if not settings.keys() <= model.by_outer_name().keys():
        return {}
    found = dict(settings)
    if str(found.get("device", "")).startswith("cuda:"):
        found["device"] = "cuda"  # samples depend on the kind of device; this machine may have fewer of them
    return found


def with_begun(settings: Making, out: str | Path | Store, *, overwrite: bool = False) -> Making:
    """Settings whose masks hold what those of the data set in ``out`` hold, unless it was said what they should."""
    if overwrite or SETTING in settings.model_fields_set:
        return settings
    begun = stored_settings(type(settings), out).get(SETTING)
    return settings if begun is None else settings.model_copy(update={SETTING: begun})


def told_settings(description: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that a ``dataset.json`` tells, with those that it is older than."""
    return {**Sharded.BEFORE, **description["settings"]}


@contextlib.contextmanager
def explaining_keys(stored: Mapping[str, Any], given: Collection[str]) -> Iterator[None]:
    """In it, a refusal of an address that ``dataset.json`` told says that addresses are stored without their keys.

    Args:
        stored: settings from ``dataset.json``.
        given: names of settings that were given now.
    """
    try:
        yield
    except UserError as error:
        for name, value in stored.items():
            address = isinstance(value, str) and name not in given and split_address(value) is not None
            if address and value in str(error):
                flag = f"--{name.replace('_', '-')}"
                raise UserError(
                    error.subject, got=error.got, expected=error.expected,
                    remedy=f"{error.remedy}; dataset.json has it without user, password or token: if it needs any, "
                    f"give {flag} again",
                ) from error  # fmt: skip
        raise
