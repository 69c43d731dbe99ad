"""Data set folders behind an address, through fsspec: an object appears when its upload is complete."""

import contextlib
import errno
import functools
import io
import logging
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, BinaryIO

from ..addresses import in_one_line, shown
from ..errors import UserError, WorkError
from . import remote_files
from .remote_errors import NO_RIGHTS, missing_library
from .remote_files import Download, Upload
from .store import Store, Writable

logger = logging.getLogger(__name__)

_BLOCK = 8 << 20
"""Bytes fetched at a time."""
_BUFFER = 256 << 10
_AT_ONCE = 8
_IN_PARTS = ("s3", "gs")
"""Storages that take a file in parts while it grows; the others get it in one piece."""


class RemoteStore(Store):
    """A prefix of a bucket or repository.

    Errors of the storage become ``FileNotFoundError`` (reading), ``UserError`` (keys, rights, no bucket, no library)
    or ``WorkError`` (no connection, say); none of them repeats a key.
    """

    def __init__(self, scheme: str, path: str):
        super().__init__(f"{scheme}://{path}", path.rsplit("/", 1)[-1])
        self._scheme = scheme
        self._opened: tuple[int, Any, str] | None = None
        self._told = False
        if scheme == "hf":
            self.beat = 300.0  # every change is a commit

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_opened": None}

    def listing(self) -> dict[str, int]:
        return {name: entry["size"] for name, entry in self._entries() if _is_file(entry)}

    def folders(self) -> list[str]:
        return [name for name, entry in self._entries() if not _is_file(entry)]

    def is_folder(self) -> bool:
        return bool(self.listing())

    def exists(self, name: str) -> bool:
        with self._explaining():
            filesystem, folder = self._filesystem()
            filesystem.invalidate_cache()
            try:
                return _is_file(filesystem.info(f"{folder}/{name}"))
            except FileNotFoundError:
                return False

    def read_bytes(self, name: str) -> bytes:
        with self._explaining(name):
            filesystem, folder = self._filesystem()
            return filesystem.cat_file(f"{folder}/{name}")

    def open(self, name: str) -> BinaryIO:
        if self._scheme not in _IN_PARTS:
            return io.BytesIO(self.read_bytes(name))
        with self._explaining(name):
            filesystem, folder = self._filesystem()
            filesystem.invalidate_cache()
            file = filesystem.open(f"{folder}/{name}", "rb", block_size=_BLOCK)
            return io.BufferedReader(Download(file, lambda: self._explaining(name)), _BUFFER)

    @contextlib.contextmanager
    def replacing(self, name: str) -> Iterator[Writable]:
        if self._scheme not in _IN_PARTS:
            buffer = io.BytesIO()
            yield buffer
            self.write_bytes(name, buffer.getvalue())
            return
        explaining = functools.partial(self._explaining, name, writing=True)
        with explaining():
            filesystem, folder = self._filesystem()
            file = filesystem.open(f"{folder}/{name}", "wb", block_size=remote_files.PART)
        upload = Upload(file, self.where(name), explaining)
        try:
            yield upload
            with explaining():
                upload.complete()
        except BaseException:
            upload.discard()
            raise

    def write_bytes(self, name: str, content: bytes) -> None:
        with self._explaining(name, writing=True):
            filesystem, folder = self._filesystem()
            filesystem.pipe_file(f"{folder}/{name}", content)

    def create_bytes(self, name: str, content: bytes) -> bool:
        """As ``Store`` has it on S3; on other storages, two that try at the same moment may both succeed."""
        if self._scheme == "s3":
            with self._explaining(name, writing=True), contextlib.suppress(NotImplementedError):
                filesystem, folder = self._filesystem()
                try:
                    filesystem.pipe_file(f"{folder}/{name}", content, mode="create")
                    return True
                except FileExistsError:
                    return False
                except OSError as error:
                    if error.errno != errno.ENOSYS:
                        raise
        if self.exists(name):
            return False
        self.write_bytes(name, content)
        return True

    def remove(self, *names: str) -> None:
        if names:
            self._remove(names[0])  # before the others: what it says is not true without them
        with ThreadPoolExecutor(_AT_ONCE) as executor:
            for removed in [executor.submit(self._remove, name) for name in names[1:]]:
                removed.result()

    def make_writable(self) -> None:
        probe = f".probe-{os.urandom(4).hex()}.tmp"
        try:
            self.write_bytes(probe, b"")
            self.remove(probe)
        except WorkError as error:  # before anything was made, whoever typed the address can mend it
            raise UserError(
                f"out {self}", got=f"no answer that can be used ({in_one_line(error.__cause__ or error)})",
                expected="a place that can be reached and written", remedy="check the address and the connection",
            ) from error  # fmt: skip

    def remove_unfinished(self, concerns: Callable[[str], bool]) -> None:
        with self._explaining():
            filesystem, folder = self._filesystem()
            try:
                unfinished = _unfinished_uploads(filesystem, folder) if self._scheme == "s3" else ()
                for key, upload in unfinished:
                    bucket, _, prefix = folder.partition("/")
                    if concerns(key.removeprefix(f"{prefix}/")):
                        filesystem.abort_mpu(bucket, key, upload)
            except (PermissionError, NotImplementedError) as error:
                if not self._told:
                    logger.warning("%s: uploads that were cut off cannot be looked for (%s)", self, in_one_line(error))
                self._told = True

    def _remove(self, name: str) -> None:
        with self._explaining():
            filesystem, folder = self._filesystem()
            with contextlib.suppress(FileNotFoundError):
                filesystem.rm_file(f"{folder}/{name}")

    def _entries(self) -> list[tuple[str, dict[str, Any]]]:
        """Names in the folder and what the storage says of them."""
        with self._explaining():
            filesystem, folder = self._filesystem()
            filesystem.invalidate_cache()
            try:
                entries = filesystem.ls(folder, detail=True)
            except FileNotFoundError:
                return []
        # Of an object with the folder's own name, or a marker of the folder, nothing is left.
        named = [(entry["name"].removeprefix(folder).strip("/"), entry) for entry in entries]
        return [(name, entry) for name, entry in named if name]

    def _filesystem(self) -> tuple[Any, str]:
        """The file system, and the folder's path in it. A forked process makes its own, with connections of its own."""
        if self._opened is None or self._opened[0] != os.getpid():
            import fsspec

            # The libraries' listings would be kept, and their objects with the keys of the first call.
            filesystem, path = fsspec.core.url_to_fs(self.url, use_listings_cache=False, skip_instance_cache=True)
            self._opened = (os.getpid(), filesystem, path.rstrip("/"))
        return self._opened[1:]

    @contextlib.contextmanager
    def _explaining(self, name: str | None = None, *, writing: bool = False) -> Iterator[None]:
        where = self.where(name) if name else self.url
        try:
            yield
        except (UserError, WorkError):
            raise
        except ImportError as error:
            raise missing_library(self.url, error) from error
        except FileNotFoundError as error:
            if not writing:
                raise FileNotFoundError(2, "no such file", shown(where)) from error
            raise UserError(
                self.url, got="a bucket or repository that does not exist", expected="one that does",
                remedy="create it first, or correct the address",
            ) from error  # fmt: skip
        except Exception as error:  # each storage has its own errors
            if isinstance(error, PermissionError) or type(error).__name__ in NO_RIGHTS:
                raise UserError(
                    self.url, got=f"no permission ({_code(error)})", expected="keys that may do this",
                    remedy="check the keys in the environment or in the storage's configuration, and their rights",
                ) from error  # fmt: skip
            raise WorkError(f"{where}: the storage gave no answer that can be used ({in_one_line(error)})") from error


def _code(error: Exception) -> str:
    """The storage's name for an error, such as "InvalidAccessKeyId". Its message is left out: it may repeat the key."""
    answer = getattr(error.__cause__, "response", None)
    code = answer.get("Error", {}).get("Code") if isinstance(answer, dict) else None
    return str(code or type(error).__name__)


def _is_file(entry: dict[str, Any]) -> bool:
    return entry["type"] == "file"


def _unfinished_uploads(filesystem: Any, folder: str) -> Iterator[tuple[str, str]]:
    """Key and id of the uploads below an S3 prefix that were begun and not completed."""
    bucket, _, prefix = folder.partition("/")
    page: dict[str, str] = {}
    while True:
        answer = filesystem.call_s3(
            "list_multipart_uploads", Bucket=bucket, Prefix=f"{prefix}/" if prefix else "", **page
        )
        for upload in answer.get("Uploads", ()):
            yield upload["Key"], upload["UploadId"]
        if not answer.get("IsTruncated"):
            return
        page = {"KeyMarker": answer["NextKeyMarker"], "UploadIdMarker": answer["NextUploadIdMarker"]}
