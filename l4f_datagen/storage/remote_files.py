"""Files behind an address, for reading and for writing in parts."""

import io
import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any

from ..addresses import in_one_line

logger = logging.getLogger(__name__)

PART = 16 << 20
"""Bytes of a part of an upload: S3 takes 10 000 parts, of which none but the last may have fewer than 5 MiB."""
_PARTS_AHEAD = 2

Explaining = Callable[[], AbstractContextManager[None]]
"""Gives a block whose errors are told as those of the store."""


class Upload(io.RawIOBase):
    """A file for writing that is sent in full parts, by a thread of its own, while more is written.

    At most two parts wait. Closing it sends nothing: a file that was not completed shall not appear.
    """

    def __init__(self, file: Any, where: str, explaining: Explaining):
        """``where`` is what people call the file; ``explaining`` turns the storage's errors into ours."""
        self._file, self._where, self._explaining = file, where, explaining
        self._collected, self._size = bytearray(), 0
        self._sender, self._sending = ThreadPoolExecutor(1, thread_name_prefix="upload"), deque[Future[Any]]()

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._size

    def write(self, content: Any) -> int:
        # All parts of one size: some storages of the S3 kind insist on it.
        self._collected += content
        size = memoryview(content).nbytes
        self._size += size
        while len(self._collected) >= PART:
            self._send(bytes(self._collected[:PART]))
            del self._collected[:PART]
        return size

    def complete(self) -> None:
        """Send the rest; from now on the object exists."""
        self._send(bytes(self._collected))
        while self._sending:
            self._sending.popleft().result()
        self._sender.submit(self._file.close).result()
        self._sender.shutdown()

    def discard(self) -> None:
        """Cancel the upload: no object appears."""
        self._sender.shutdown(wait=True, cancel_futures=True)
        try:
            self._file.discard()
        except Exception as error:  # what led here is worth more than this
            logger.debug("%s: the upload was not cancelled (%s)", self._where, in_one_line(error))
        # Not close(): it would complete the upload, and so would the collector.
        self._file.closed = True

    def _send(self, part: bytes) -> None:
        while len(self._sending) >= _PARTS_AHEAD:
            with self._explaining():
                self._sending.popleft().result()
        self._sending.append(self._sender.submit(self._file.write, part))


class Download(io.RawIOBase):
    """A file for reading whose errors are those of its store."""

    def __init__(self, file: Any, explaining: Explaining):
        self._file, self._explaining = file, explaining

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, buffer: Any) -> int:
        with self._explaining():
            return self._file.readinto(buffer)

    def close(self) -> None:
        self._file.close()
        super().close()
