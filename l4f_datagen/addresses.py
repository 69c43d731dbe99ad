"""Addresses of remote files (``s3://…``): which there are, the libraries behind them, their errors in one line."""

import os
import re
from pathlib import Path

from .errors import UserError

EXTRA = "pip install l4f-datagen[remote]"
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):/+(.*)", re.DOTALL)
_SECRET_NAMES = re.compile(r"KEY|SECRET|TOKEN|PASSW|CREDENTIAL", re.IGNORECASE)
_SECRETS = (
    re.compile(r"(?i)((?:credential|signature|token|secret|password)[\w-]*\W{1,3})[^\s,;&'\"]+"),
    re.compile(r"()\b(?:AKIA|ASIA)[A-Z0-9]{12,}"),
    re.compile(r"(://)[^/@\s]+(?=@)"),
)


def split_address(path: str | Path) -> tuple[str, str] | None:
    """Scheme and rest of an address, None for a plain path; a ``Path`` has lost one of the two slashes."""
    text = str(path)
    found = _ADDRESS.match(text)
    # One slash after a word and a colon is an address only to ``Path``: no folder is called "s3:".
    return (found[1].lower(), found[2]) if found and ("://" in text or isinstance(path, Path)) else None


def missing_library(address: str, error: ImportError) -> UserError:
    """The refusal of an address whose library is not installed."""
    scheme = address.partition(":")[0]
    return UserError(
        address, got=f"a missing library ({error})", expected=f"the libraries for {scheme}://", remedy=EXTRA
    )


def in_one_line(error: BaseException) -> str:
    """An error of somebody's library, shortened, without what could be a key."""
    text = " ".join(str(error).split()) or type(error).__name__
    for name, value in os.environ.items():
        if _SECRET_NAMES.search(name) and len(value.strip()) >= 4:
            text = text.replace(value.strip(), "…")
    for pattern in _SECRETS:
        text = pattern.sub(r"\1…", text)
    return text[:160]
