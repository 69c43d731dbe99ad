"""From a path or an address to the store or the place on this machine that it names."""

import re
from pathlib import Path
from urllib.parse import unquote

from ..addresses import remember, shown, split_address
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
    if address is None and not _is_chain(place):
        return LocalStore(Path(place).expanduser())
    remember(place)
    scheme, rest = address or ("…", "")
    if scheme == "file":
        return LocalStore(_path_of(rest))
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


def local_place(place: str | Path, subject: str = "out") -> Path:
    """The path of what can be written to this machine alone: a path (``~`` is the home folder), or ``file://``.

    Raises:
        UserError: it is the address of another machine; names the subject.
    """
    address = split_address(place)
    if address is not None and address[0] == "file":
        return _path_of(address[1])
    if address is not None or _is_chain(place):
        raise UserError(
            subject, got=f"{shown(place)}, an address", expected="a place on this machine",
            remedy="name one, and copy from there what is made",
        )  # fmt: skip
    return Path(place).expanduser()


def _path_of(rest: str) -> Path:
    """The path that follows ``file://``."""
    return Path("/" + unquote(rest).removeprefix("localhost/").lstrip("/"))


def _is_chain(place: str | Path) -> bool:
    """Whether it is an address in other words before it, as fsspec's ``simplecache::s3://…``, which no path is."""
    return "::" in str(place) and "://" in str(place)
