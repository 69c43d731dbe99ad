"""Standard streams that never stop the work: of any encoding, closed, full, or with nobody reading."""

import contextlib
import errno
import io
import os
import sys
from collections.abc import Callable, Iterator
from typing import TextIO

from ..addresses import hidden

_READER_GONE = (errno.EPIPE, errno.ECONNRESET, errno.ESHUTDOWN)


class Stream(io.TextIOBase):
    """A text stream around another one: what cannot be encoded is escaped, addresses lose their keys.

    The first error of writing is kept in ``failure``; from then on nothing is written, and nothing is ever raised.
    It has no ``buffer``: click would write into it in an encoding that it guesses.
    """

    def __init__(self, stream: TextIO):
        self._stream = stream
        self.failure: OSError | None = None

    @property
    def encoding(self) -> str:
        """Encoding of the wrapped stream."""
        return getattr(self._stream, "encoding", None) or "utf-8"

    @property
    def errors(self) -> str:
        """How characters that the encoding lacks are written: as \\xNN or \\uNNNN."""
        return "backslashreplace"

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        try:
            return self._stream.isatty()
        except (OSError, ValueError):
            return False

    def fileno(self) -> int:
        return self._stream.fileno()

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"text, not {type(text).__name__}")
        self._try(lambda: self._stream.write(self._encodable(hidden(text))))
        return len(text)

    def flush(self) -> None:
        self._try(self._stream.flush)

    def can_show(self, text: str) -> bool:
        """Whether all of a text can be written as it is."""
        return self._encodable(text) == text

    def _encodable(self, text: str) -> str:
        try:
            return text.encode(self.encoding, self.errors).decode(self.encoding)
        except (LookupError, UnicodeError):  # an encoding that nobody knows, or that cannot take back what it gave
            return text.encode("ascii", self.errors).decode("ascii")

    def _try(self, act: Callable[[], object]) -> None:
        if self.failure is not None:
            return
        try:
            act()
        except OSError as error:
            self._fail(error)
        except ValueError as error:  # closed by somebody
            self._fail(OSError(errno.EBADF, str(error)))

    def _fail(self, error: OSError) -> None:
        self.failure = error
        # What Python still holds back would fail once more at its end, and be told in its own way.
        with contextlib.suppress(OSError, ValueError):
            if (descriptor := self._stream.fileno()) in (1, 2):
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, descriptor)
                os.close(null)


def open_missing() -> None:
    """Give a process whose standard streams were closed some that lead nowhere, before a file takes their place."""
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is not None:
            continue
        try:
            os.fstat(descriptor)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)
            if null != descriptor:
                os.dup2(null, descriptor)
                os.close(null)
        setattr(sys, name, open(os.devnull, "w" if descriptor else "r", encoding="utf-8"))  # noqa: SIM115 - to the end


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Standard output and error as ``Stream`` while the block lasts; inside of another such block nothing changes."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (
        stream if isinstance(stream, Stream) or stream is None else Stream(stream) for stream in before
    )
    try:
        yield
    finally:
        for stream in filter(None, (sys.stdout, sys.stderr)):
            stream.flush()
        sys.stdout, sys.stderr = before


def unshown() -> str | None:
    """Why printed text did not arrive; None if it did, or if its reader stopped reading."""
    failure = getattr(sys.stdout, "failure", None)
    return None if failure is None or failure.errno in _READER_GONE else failure.strerror or str(failure)
