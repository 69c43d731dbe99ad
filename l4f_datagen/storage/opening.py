"""From a path or an address to the store that it names."""

import re
from pathlib import Path
from urllib.parse import unquote

from ..addresses import remember, split_address
from ..errors import UserError
from .local_store import LocalStore
from .store import Store

_SCHEMES = ("s3", "gs", "hf", "memory")
_NEEDLESS = {"s3a": "s3", "s3n": "s3", "gcs": "gs"}
"""Other spellings of these schemes."""


def open_store(place: str | Path | Store) -> Store:
    """The store at a path (``~`` is the home folder), ``file://``, ``s3://``, ``gs://``, ``hf://`` or ``memory://``.

    No connection is opened yet. A store is returned unchanged.

    Raises:
        UserError: the address is of another kind, or holds a key.
    """
    if isinstance(place, Store):
        return place
    address = split_address(place)
    if address is None:
        return LocalStore(Path(place).expanduser())
    remember(place)
    scheme, rest = address
    if scheme == "file":
        return LocalStore(Path("/" + unquote(rest).removeprefix("localhost/").lstrip("/")))
    scheme = _NEEDLESS.get(scheme, scheme)
    if scheme not in _SCHEMES:
        raise UserError(
            f"{scheme}://…", got="an address of an unknown kind", expected=" or ".join(f"{s}://" for s in _SCHEMES),
            remedy="name one of these, or a folder",
        )  # fmt: skip
    if "@" in rest.partition("/")[0] and scheme != "hf":
        raise UserError(
            f"{scheme}://…", got="an address with a user or a key in it", expected=f"{scheme}://BUCKET/PREFIX",
            remedy="leave keys to the environment or to the storage's own configuration",
        )  # fmt: skip
    rest = re.sub("/+$", "", rest)
    if not rest:
        raise UserError(f"{scheme}://", got="no bucket", expected=f"{scheme}://BUCKET/PREFIX", remedy="name one")
    from .remote_store import RemoteStore

    return RemoteStore(scheme, rest)
