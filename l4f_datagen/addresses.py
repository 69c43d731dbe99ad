"""Addresses of remote files (``s3://…``): which there are, and what of them may be shown or stored.

An address may hold a user, a password, a token or a signature. Only scheme, host and path of it are ever written or
printed; a file's SHA-256 tells which one it was.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

HIDDEN = "…"
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):/+(.*)", re.DOTALL)
_ONE_SLASH = "https?|s3[an]?|gs|gcs|hf|ftps?|sftp|ssh|abfss?|adl|az|wasbs?|memory"
"""Schemes of addresses that lost a slash by having been a ``Path``; ``folder:/data`` is none."""
_BEGIN = re.compile(rf"(?:([a-z][a-z0-9+.-]{{1,30}}):/{{2,}}|(?<![a-z0-9])({_ONE_SLASH}):/(?!/))", re.IGNORECASE)
_ENCODED = re.compile(r"([a-z][a-z0-9+.-]{1,30})%(?:25)*3a(?:%(?:25)*2f)+", re.IGNORECASE)
_IN_TEXT = re.compile(
    # A quote ends an address unless more of it follows.
    rf"(?:{_BEGIN.pattern}|{_ENCODED.pattern})(?:[^\s\"'`<>]|[\"'`<>](?=[^\s,;:)\]}}\"'`<>]))*",
    re.IGNORECASE,
)
_WHOLE = re.compile(rf"(?:[\w-]+:)*(?:{_BEGIN.pattern}|{_ENCODED.pattern})", re.IGNORECASE)
_AFTER_HOST = re.compile(r"(?i)[/\\?#]|%(?:25)*(?:2f|3f|23)")
_AFTER_PATH = re.compile(r"(?i)[?#]|%(?:25)*(?:3f|23)|[;&][\w.~%-]+=")
_AT = re.compile(r"(?i)@|%(?:25)*40")
_PORT = re.compile(r"(?i)(?:\[[0-9a-f:.%]*\]|[^:%]*)(?::\d*)?")
_CLOSING = re.compile(r"[)\]},.;:]*$")
_SECRET_NAMES = re.compile(r"KEY|SECRET|TOKEN|PASSW|CREDENTIAL", re.IGNORECASE)
_SECRETS = (
    re.compile(r"(?i)((?:credential|signature|token|secret|password)[\w-]*\W{1,3})[^\s,;&'\"]+"),
    re.compile(r"()\b(?:AKIA|ASIA)[A-Z0-9]{12,}"),
)
_LEAST, _LEAST_PASSWORD, _REMEMBERED = 8, 4, 256
_wholes: dict[str, str] = {}
"""Addresses with secrets that were met → what may be shown of them."""
_parts: dict[str, None] = {}
"""Their secrets alone: libraries repeat them outside of addresses."""


def split_address(path: str | Path) -> tuple[str, str] | None:
    """Scheme and rest of an address, None for a plain path; a ``Path`` has lost one of the two slashes."""
    text = str(path)
    found = _ADDRESS.match(text)
    # One slash after a word and a colon is an address only to ``Path``: no folder is called "s3:".
    return (found[1].lower(), found[2]) if found and ("://" in text or isinstance(path, Path)) else None


def shown(address: str | Path) -> str:
    """What may be stored and printed of an address: scheme, host and path. A plain path or name stays as it is.

    It can be written as UTF-8, which not every file's name can.

    A word before it (``folder:``, ``generator:``) stays, and addresses inside of a path are treated alike. Of what is
    no address that could be used, its host followed by what is no port say, the scheme alone is left.
    """
    text = writable(str(address))
    if not _WHOLE.match(text):
        return hidden(text)
    result, position = "", 0
    while found := _next_begin(text, position):
        following = _next_begin(text, found.end())
        result += text[position : found.start()]
        part, is_whole = _of_one(found, text[found.end() : following.start() if following else None])
        result += part
        if not is_whole:  # what follows belongs to a query
            return result
        position = following.start() if following else len(text)
    return result + text[position:]


def hidden(text: str) -> str:
    """A text with all addresses in it as ``shown``, and without the secrets of those that were met before."""
    text = writable(text)
    for whole, known in _wholes.items():
        text = text.replace(whole, known)
    if ":/" in text or "%" in text:
        text = _IN_TEXT.sub(_in_text, text)
    for part in _parts:
        if part in text:
            text = re.sub(rf"(?<![A-Za-z0-9]){re.escape(part)}(?![A-Za-z0-9])", HIDDEN, text)
    return text


def writable(text: str) -> str:
    """A text that UTF-8 can say: bytes of a file's name that are none become question marks."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


def hidden_within(value: Any) -> Any:
    """A JSON value with every text in it as ``shown``, keys among them."""
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, Mapping):
        return {hidden_within(key): hidden_within(item) for key, item in value.items()}
    return type(value)(map(hidden_within, value)) if type(value) in (list, tuple) else value


def remember(text: str | Path) -> None:
    """Let ``hidden`` know the secrets of an address, wherever they come up. A text without any changes nothing."""
    text = str(text)
    begin = _BEGIN.search(text)
    if begin is None or (known := shown(text)) == text:
        return
    for form in (text, str(Path(text)), " ".join(text.split())):
        _wholes[form] = known
    for part in _secrets_of(text[begin.end() :]):
        for form in (part, unquote(part), quote(part, safe=""), quote(part)):
            _parts[form] = None
    for kept in (_wholes, _parts):
        while len(kept) > _REMEMBERED:
            del kept[next(iter(kept))]


def in_one_line(error: BaseException) -> str:
    """An error of somebody's library, shortened, without what could be a key."""
    text = " ".join(str(error).split()) or type(error).__name__
    for name, value in os.environ.items():
        if _SECRET_NAMES.search(name) and len(value.strip()) >= 4:
            text = text.replace(value.strip(), HIDDEN)
    text = hidden(text)
    for pattern in _SECRETS:
        text = pattern.sub(rf"\1{HIDDEN}", text)
    return text[:160]


def _next_begin(text: str, position: int) -> re.Match | None:
    found = [m for m in (_BEGIN.search(text, position), _ENCODED.search(text, position)) if m]
    return min(found, key=lambda m: m.start(), default=None)


def _in_text(found: re.Match) -> str:
    address = found[0]
    left = shown(address)
    closing = _CLOSING.search(address)
    end = closing[0] if closing else ""
    return left if left.endswith(end) else left + end


def _of_one(begin: re.Match, rest: str) -> tuple[str, bool]:
    """Scheme, host and path of one address, and whether that is all that there is of it."""
    scheme = (begin[1] or begin[begin.re.groups]).lower()
    start = scheme + begin[0][len(scheme) :]
    if begin.re is _ENCODED:
        return f"{start}{HIDDEN}", False
    if scheme == "file":
        return start + rest, True
    end = _AFTER_HOST.search(rest)
    host, path = (rest[: end.start()], rest[end.start() :]) if end else (rest, "")
    cut = _AFTER_PATH.search(path)
    path = path[: cut.start()] if cut else path
    if user := list(_AT.finditer(host)):
        # A password may hold "/" and "@" as they are.
        if ":" in host and scheme != "hf" and (more := list(_AT.finditer(path))):
            return start + path[more[-1].end() :], not cut
        host = host[user[-1].end() :]
    if not _PORT.fullmatch(host):
        return f"{start}{HIDDEN}", False
    if not user and scheme != "hf" and (more := list(_AT.finditer(path))):
        after = path[more[-1].end() :]
        if _may_be_user(host, after):
            return start + after, not cut
    return start + host + path, not cut


def _may_be_user(host: str, after: str) -> bool:
    """Whether what looks like host and port may be a user and the digits that a password with "/" begins with.

    Args:
        after: what follows the last "@" of the path.
    """
    name, colon, _ = host.partition(":")
    return bool(colon) and (not _is_host(name) or _is_host(_AFTER_HOST.split(after, maxsplit=1)[0].partition(":")[0]))


def _is_host(name: str) -> bool:
    return "." in name or name.lower() == "localhost" or name.startswith("[")


def _secrets_of(rest: str) -> list[str]:
    """User, password, query values and fragment of what follows an address's scheme; those that are long enough."""
    before, _, fragment = rest.partition("#")
    before, _, query = before.partition("?")
    authority, at, _ = before.rpartition("@")
    user, _, password = authority.partition(":") if at else ("", "", "")
    values = [user, query, *(value for _, value in parse_qsl(query)), *re.findall(r"=([^&;#]+)", query)]
    values += [] if fragment.startswith("sha256=") else [fragment]
    found = [value for value in values if len(value) >= _LEAST]
    return found + [password] * (len(password) >= _LEAST_PASSWORD)
