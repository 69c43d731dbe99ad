"""Files that a command writes where the user says."""

from pathlib import Path

from ..errors import UserError


def write_file(path: str | Path, content: bytes, flag: str) -> Path:
    """Write a file, creating its folder.

    Raises:
        UserError: that is not possible; names the flag.
    """
    path = Path(path).expanduser()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise UserError(
            f"{flag} {path}", got=f"a place that cannot be written ({error.strerror})", expected="a writable path",
            remedy="choose another",
        ) from error  # fmt: skip
    return path
