"""Checkpoints at https://, s3://, gs:// and hf:// addresses: each is fetched once into a cache and checked."""

import hashlib
import logging
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from ..addresses import remember, shown
from ..errors import UserError, WorkError
from ..process.patience import positive_seconds
from ..storage import atomic
from ..storage.atomic import CannotWrite
from ..storage.remote_errors import explain, in_words, missing_library, refused
from . import native
from .containers.files import describe
from .source import file_sha256

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

logger = logging.getLogger(__name__)

CACHE_VARIABLE = "L4F_CACHE"
"""Environment variable that names the cache folder; without it, l4f-datagen in the user's cache folder."""
NATIVE_FILES = (*native.NETWORK_FILES, native.CARD)
"""The files that are fetched of a folder. The card comes last, so that a copy that has a card is complete."""
TIMEOUT_VARIABLE = "L4F_TIMEOUT"
"""Environment variable: seconds without an answer after which a server counts as silent."""
_TIMEOUT = 60.0
_ADDRESS = re.compile(r"(https?|s3|gs|gcs|hf|memory):/+(.+)", re.DOTALL | re.IGNORECASE)
_HASH = re.compile(r"#sha256=([0-9a-fA-F]{64})$")
_CHUNK = 1 << 20
_EXPECTED = "a checkpoint file or a native folder"
_RIGHTS = re.compile(
    r"(?i)x-(amz|goog)-.*|sig|signature|(access_?)?token|api_?key|auth|password|secret|expires|policy|key-pair-id|"
    r"awsaccesskeyid|googleaccessid"
)
_RIGHTS_BESIDE_SIG = re.compile(r"(?i)s[eprtv]|sip|spr|ske|sks|skt|skv|skoid|sktid")
"""Names in the query of an address that say who asks, not what for. The second ones do so beside a ``sig``."""
_PAGE = re.compile(rb"(?i)(\xef\xbb\xbf)?\s*<(!doctype\s+html|html|head|body|\?xml|error)\b")


def is_remote(path: str | Path) -> bool:
    """Whether a path is an address that ``fetch`` takes."""
    return _ADDRESS.match(str(path)) is not None


def split_hash(path: str | Path) -> tuple[str, str | None]:
    """A path or an address without its suffix ``#sha256=…``, and the hash in lower case; None without such a suffix.

    Raises:
        UserError: the suffix holds no SHA-256.
    """
    text = str(path)
    if found := _HASH.search(text):
        return text[: found.start()], found[1].lower()
    if "#sha256=" in text:
        raise UserError(
            text, got="a suffix that is no SHA-256", expected="#sha256= and 64 hexadecimal digits", remedy="correct it"
        )
    return text, None


def fetch(address: str | Path, *, cache: Path | None = None) -> Path:
    """The local copy of a remote checkpoint file, or of a remote native folder.

    A copy is used again as long as the server names the same version (size, entity tag, time). With ``#sha256=…`` the
    server is not asked again. Where it cannot be reached, the copy that is there is used, with a warning.

    Args:
        address: ``https://``, ``s3://``, ``gs://`` or ``hf://``, perhaps with the suffix ``#sha256=…``.
        cache: the folder of all copies; ``cache_folder()`` if None.

    Raises:
        UserError: nothing is there, it cannot be reached, a library is missing, or the hash is another.
    """
    address, expected = split_hash(address)
    remember(address)
    matched = _ADDRESS.match(address)
    assert matched, f"{shown(address)} is no address; is_remote tells"
    scheme, rest = matched.groups()
    address = f"{scheme.lower()}://{rest}"
    place = (cache or cache_folder()) / hashlib.sha256(_identity(address).encode()).hexdigest()[:20]
    copy = place / "file" / (re.sub(r"[^\w.-]", "_", shown(address).rstrip("/").rsplit("/", 1)[-1])[-80:] or "file")
    if expected and copy.is_file() and file_sha256(copy) == expected:
        return copy
    try:
        return _fetch(address, place, copy, expected)
    except ImportError as error:
        raise missing_library(address, error) from error
    except CannotWrite as error:
        raise _cache_error(error, place) from error
    except (UserError, WorkError):
        raise
    except Exception as error:  # each storage has its own errors, and none of their libraries need be installed
        for found in (copy, place / "folder"):
            if expected is None and not refused(error) and found.exists():
                reason = in_words(error)
                logger.warning("%s cannot be reached (%s); the copy in %s is used", shown(address), reason, place)
                return found
        raise explain(address, error, expected=_EXPECTED) from error


def _cache_error(error: CannotWrite, place: Path) -> Exception:
    """The error to raise where this computer could not keep the copy."""
    if error.full:
        return WorkError(
            f"cache {place}: no room left ({error.reason}): make room, or name another with {CACHE_VARIABLE}, and run "
            "the same command again"
        )
    return UserError(
        f"cache {place}", got=f"a place that cannot be written ({error.reason})",
        expected="a folder with room for the copy", remedy=f"make room, or name another with {CACHE_VARIABLE}",
    )  # fmt: skip


def _identity(address: str) -> str:
    """An address without what says who asks: the same text for every signature and every user."""
    if not address.startswith("http"):
        return address  # in the keys of such storages "?" and "#" are characters like others
    before, _, query = address.partition("#")[0].partition("?")
    pairs = {pair: pair.partition("=")[0] for pair in query.split("&") if pair}
    rights = [_RIGHTS, *([_RIGHTS_BESIDE_SIG] if "sig" in pairs.values() else [])]
    asked = sorted(pair for pair, name in pairs.items() if not any(kind.fullmatch(name) for kind in rights))
    return "?".join([shown(before), *(["&".join(asked)] if asked else [])])


def cache_folder() -> Path:
    """The folder of all copies: $L4F_CACHE, else l4f-datagen in the user's cache folder."""
    if named := os.environ.get(CACHE_VARIABLE):
        return Path(named).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "l4f-datagen"


def check_hash(path: Path, expected: str, name: str) -> None:
    """Refuse a file whose content is another.

    Args:
        expected: its SHA-256, lower-case hexadecimal.
        name: the file as the user called it, for messages.

    Raises:
        UserError: its SHA-256 is not ``expected``.
    """
    if (found := file_sha256(path)) != expected:
        raise UserError(
            name,
            got=f"a file of SHA-256 {found}",
            expected=expected,
            remedy="download it again; if it differs again, do not trust it",
        )


def _fetch(address: str, place: Path, copy: Path, expected: str | None) -> Path:
    import fsspec

    filesystem, path = fsspec.core.url_to_fs(address, **_options(address))
    # Over HTTP every address looks like a folder as soon as its page holds links.
    if not address.startswith("http") and filesystem.isdir(path):
        if expected:
            raise UserError(
                address, got="a folder with #sha256=", expected="a file", remedy="name a file, or leave the hash out"
            )
        return _fetch_folder(filesystem, path, place, address)
    _download(filesystem, path, copy, expected, address)
    return copy


def _options(address: str) -> dict[str, Any]:
    """Options of the connection: how long a server may be silent. A whole download may take any time."""
    if not address.startswith("http"):
        return {}
    import aiohttp

    seconds = positive_seconds(TIMEOUT_VARIABLE, _TIMEOUT)
    # A new session each time: fsspec would keep it, with the credentials of the first call.
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=seconds, sock_read=seconds)
    return {"client_kwargs": {"timeout": timeout}, "skip_instance_cache": True}


def _fetch_folder(filesystem: "AbstractFileSystem", path: str, place: Path, address: str) -> Path:
    names = {entry.rstrip("/").rsplit("/", 1)[-1] for entry in filesystem.ls(path, detail=False)}
    folder = place / "folder"
    atomic.make_folder(folder)
    for name in NATIVE_FILES:
        if name in names:
            _download(filesystem, f"{path.rstrip('/')}/{name}", folder / name, None, f"{address.rstrip('/')}/{name}")
        else:
            (folder / name).unlink(missing_ok=True)
    return folder


def _download(filesystem: "AbstractFileSystem", path: str, copy: Path, expected: str | None, address: str) -> None:
    """Fetch one file to a temporary name, check it, rename it, and note which version of the server's it is."""
    version_note = copy.with_name(f".{copy.name}.version")
    info = filesystem.info(path)
    version = _version(info)
    known = version_note.read_text(encoding="utf-8") if version_note.is_file() else None
    if not expected and copy.is_file() and known == version:
        return
    # In one request: a server that does not know ranges would answer every part with the beginning.
    in_one_go = {"block_size": 0} if address.startswith("http") else {}
    atomic.make_folder(copy.parent)
    with atomic.replacing(copy) as file:
        with cast("BinaryIO", filesystem.open(path, "rb", **in_one_go)) as source:
            while chunk := source.read(_CHUNK):
                file.write(chunk)
        file.flush()
        _check_whole(Path(file.name), info, address)
        if expected:
            check_hash(Path(file.name), expected, address)
        version_note.unlink(missing_ok=True)
    atomic.write_bytes(version_note, version.encode())


def _check_whole(path: Path, info: Mapping[str, Any], address: str) -> None:
    """Refuse a part of the file, or a web page in its place.

    Raises:
        UserError: its size is not the one that the server says, or it is a web page.
    """
    size, said = path.stat().st_size, info.get("size")
    if said is not None and size != said:
        raise UserError(
            address, got=f"{size} of {said} bytes: the download was cut short", expected="all of them",
            remedy="try again; the same command continues",
        )  # fmt: skip
    with path.open("rb") as file:
        head = file.read(1 << 12)
    if _PAGE.match(head):
        raise UserError(
            address, got=describe(head), expected=_EXPECTED,
            remedy="open the address in a browser: it may ask for a login, or name the address of the file itself",
        )  # fmt: skip


def _version(info: Mapping[str, Any]) -> str:
    """What the server says about the version of a file; its size, where it says no more."""
    keys = ("size", "ETag", "etag", "mtime", "LastModified", "Last-Modified", "last_commit", "blob_id", "created")
    return "\n".join(f"{key}={info[key]}" for key in keys if info.get(key) is not None)
