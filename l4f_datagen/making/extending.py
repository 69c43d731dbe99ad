"""The settings of a data set that is there, so that who extends it need not say them again."""

from collections.abc import Mapping
from typing import Any

from ..settings import StageSettings
from ..shards.folder import read_description
from ..shards.format import layout
from ..storage.opening import open_store


def stored_settings(model: type[StageSettings], out: str) -> dict[str, Any]:
    """What the data set in ``out`` was made with, as far as it is a setting of ``model``; nothing where there is none.

    Flags and pipeline files go before it: what differs then is refused by name when the data set is opened.

    Raises:
        UserError: there is a ``dataset.json`` that cannot be read.
    """
    store = open_store(out)
    if not store.exists(layout.DATASET):
        return {}
    settings: Mapping[str, Any] = read_description(store)["settings"]
    # One that another command made is refused as a whole when it is opened, not setting by setting.
    return dict(settings) if settings.keys() <= model.model_fields.keys() else {}
