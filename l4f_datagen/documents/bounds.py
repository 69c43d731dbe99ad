"""What any document is held to, whatever its language: its size, its encoding, and the text in it."""

from pathlib import Path
from typing import Any

from ..errors import UserError
from ..short import short

DEPTH = 64
"""How many lists and objects may lie within each other."""
INTEGERS = range(-(2**63), 2**64)
"""Numbers that 64 bits hold, with a sign or without."""


class Unreadable(UserError):
    """A file that is not the JSON or YAML that it should be; ``got`` says what is wrong."""


class Refused(ValueError):
    """What is wrong with a document, in words."""


def read_file(path: Path, *, most: int) -> bytes:
    """The bytes of a small file; of a larger one ``most`` + 1, which its reader refuses.

    Raises:
        Unreadable: it is none that can be read, a folder say.
    """
    try:
        with path.open("rb") as file:
            return file.read(most + 1)
    except OSError as error:
        raise Unreadable(
            str(path), got=f"no file that can be read ({error.strerror or error})", expected="a file",
            remedy="check the path and its permissions",
        ) from error  # fmt: skip


def text_of(content: bytes, most: int, *, may_be_empty: bool = False) -> str:
    if len(content) > most:
        raise Refused(f"a file of more than {most} bytes")
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise Refused("a file in UTF-16; save it as UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Refused(f"text that is not UTF-8 (line {line}, byte {error.start})") from None
    if not may_be_empty and not text.strip():
        raise Refused("an empty file")
    return text


def of_kind(value: Any, kind: type | tuple[type, ...]) -> Any:
    if not isinstance(value, kind):
        names = {dict: "an object of names and values", list: "a list"}
        wanted = " or ".join(names.get(k, k.__name__) for k in (kind if isinstance(kind, tuple) else (kind,)))
        raise Refused(f"{short(value)}, which is not {wanted}")
    return value


def check_word(word: str) -> str:
    if "\0" in word or (not word.isascii() and any("\ud800" <= letter <= "\udfff" for letter in word)):
        raise Refused(f"text with a character that no file can hold ({short(word)})")
    return word
