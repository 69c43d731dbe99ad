"""Checkpoints at https://, s3://, gs:// and hf:// addresses: fetched once into a cache, checked on the way."""

import hashlib
import logging
import os
import re
import tempfile
from pathlib import Path

from ..addresses import in_one_line
from ..errors import UserError
from ..remote_errors import missing_library
from .source import file_sha256

logger = logging.getLogger(__name__)

CACHE_VARIABLE = "L4F_CACHE"
"""Environment variable that names the cache folder; without it, l4f-datagen in the user's cache folder."""
NATIVE_FILES = ("generator.safetensors", "alpha.safetensors", "model.json")
"""What is fetched of a folder; the card last, so that a folder that has one is complete."""
_ADDRESS = re.compile(r"(https?|s3|gs|gcs|hf|memory):/+(.+)", re.DOTALL)
_HASH = re.compile(r"#sha256=([0-9a-fA-F]{64})$")
_CHUNK = 1 << 20


def is_remote(path: str | Path) -> bool:
    """Whether a path is an address that ``fetch`` takes."""
    return _ADDRESS.match(str(path)) is not None


def split_hash(path: str | Path) -> tuple[str, str | None]:
    """A path or an address without its suffix ``#sha256=…``, and that hash in lower case.

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

    A copy is used again as long as the server names the same version (size, entity tag, time); with ``#sha256=…``
    the server is not asked again. A server that cannot be reached leaves the copy that is there in use, and says so.

    Args:
        address: ``https://``, ``s3://``, ``gs://`` or ``hf://``, perhaps with the suffix ``#sha256=…``.
        cache: the folder of all copies; ``cache_folder()`` if None.

    Raises:
        UserError: nothing is there, it cannot be reached, a library is missing, or the hash is another.
    """
    address, expected = split_hash(address)
    scheme, rest = _ADDRESS.match(address).groups()
    address = f"{scheme}://{rest}"
    place = (cache or cache_folder()) / hashlib.sha256(address.encode()).hexdigest()[:20]
    copy = place / "file" / (re.sub(r"[^\w.-]", "_", rest.split("?")[0].rstrip("/").rsplit("/", 1)[-1])[-80:] or "file")
    if expected and copy.is_file() and file_sha256(copy) == expected:
        return copy
    try:
        return _fetch(address, place, copy, expected)
    except ImportError as error:
        raise missing_library(address, error) from error
    except UserError:
        raise
    except FileNotFoundError as error:
        raise UserError(
            address, got="nothing at this address", expected="a checkpoint file or a native folder", remedy="check it"
        ) from error
    except Exception as error:  # each storage has its own errors, and none of their libraries need be installed
        for found in (copy, place / "folder"):
            if expected is None and found.exists():
                logger.warning("%s cannot be reached (%s); the copy in %s is used", address, in_one_line(error), place)
                return found
        raise UserError(
            address,
            got=f"no answer that can be used ({in_one_line(error)})",
            expected="an address that can be reached and read",
            remedy="check the connection, the address and the rights to it",
        ) from error


def cache_folder() -> Path:
    """Where copies are kept: $L4F_CACHE, else l4f-datagen in the user's cache folder."""
    if named := os.environ.get(CACHE_VARIABLE):
        return Path(named).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "l4f-datagen"


def check_hash(path: Path, expected: str, name: str) -> None:
    """Refuse a file of another content.

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

    filesystem, path = fsspec.core.url_to_fs(address)
    # Over HTTP every address looks like a folder as soon as its page holds links.
    if not address.startswith("http") and filesystem.isdir(path):
        if expected:
            raise UserError(
                address, got="a folder with #sha256=", expected="a file", remedy="name a file, or leave the hash out"
            )
        return _fetch_folder(filesystem, path, place)
    _download(filesystem, path, copy, expected, address)
    return copy


def _fetch_folder(filesystem, path: str, place: Path) -> Path:
    names = {entry.rstrip("/").rsplit("/", 1)[-1] for entry in filesystem.ls(path, detail=False)}
    folder = place / "folder"
    folder.mkdir(parents=True, exist_ok=True)
    for name in NATIVE_FILES:
        if name in names:
            _download(filesystem, f"{path.rstrip('/')}/{name}", folder / name, None, path)
        else:
            (folder / name).unlink(missing_ok=True)
    return folder


def _download(filesystem, path: str, copy: Path, expected: str | None, address: str) -> None:
    """One file, to a temporary name and then in one step to its own, with the version that it has there."""
    version_note = copy.with_name(f".{copy.name}.version")
    version = _version(filesystem, path)
    if not expected and copy.is_file() and version_note.is_file() and version_note.read_text() == version:
        return
    copy.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=copy.parent, prefix=".download-", delete=False) as file:
        temporary = Path(file.name)
        try:
            with filesystem.open(path, "rb") as source:
                while chunk := source.read(_CHUNK):
                    file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
            if expected:
                check_hash(temporary, expected, address)
            version_note.unlink(missing_ok=True)
            temporary.replace(copy)
        finally:
            temporary.unlink(missing_ok=True)
    version_note.write_text(version)


def _version(filesystem, path: str) -> str:
    """What the server says of a file's version; of one that says nothing but the size, the size."""
    info = filesystem.info(path)
    keys = ("size", "ETag", "etag", "mtime", "LastModified", "Last-Modified", "last_commit", "blob_id", "created")
    return "\n".join(f"{key}={info[key]}" for key in keys if info.get(key) is not None)
