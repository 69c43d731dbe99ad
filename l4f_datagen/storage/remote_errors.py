"""What went wrong with a remote file, in words: a library that is missing, or what a server answered."""

import socket
import ssl
from collections.abc import Iterator, Mapping

from ..addresses import in_one_line, shown
from ..errors import UserError

EXTRA = "pip install l4f-datagen[remote]"
_KEY = "check the user, the key or the token in the address or the environment; signed addresses expire: ask for a new"
_LATER = "try again later; the same command continues"
_STATUS = {
    400: ("a request that the server does not understand (400)", "check the address"),
    401: ("no access without a user or a key (401)", _KEY),
    402: ("no access without payment (402)", "see the site of the address"),
    403: ("no right to this address (403)", _KEY),
    404: ("nothing at this address (404)", "check the path"),
    405: ("a server that does not give files away (405)", "check the address"),
    407: ("a proxy that asks for a user (407)", "check HTTPS_PROXY and HTTP_PROXY in the environment"),
    408: ("a server that waited too long for the request (408)", _LATER),
    410: ("nothing any more at this address, for good (410)", "look for where it has moved"),
    416: ("a server that has no such part of the file (416)", _LATER),
    429: ("too many requests for this server (429)", _LATER),
    451: ("a file that is withheld for legal reasons (451)", "choose another source"),
    500: ("an error inside the server (500)", _LATER),
    502: ("a gateway without an answer from the server behind it (502)", _LATER),
    503: ("a server that is not available now (503)", _LATER),
    504: ("a gateway that waited too long for the server behind it (504)", _LATER),
}
_REFUSED = ("a connection that was refused", "check host and port, and whether the server runs")
NO_RIGHTS = ("PermissionError", "NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError",
             "TokenRetrievalError", "ProfileNotFound", "DefaultCredentialsError", "RefreshError",
             "LocalTokenNotFoundError", "GatedRepoError")  # fmt: skip
"""Errors of the storages' libraries, by their names, since none of the libraries need be installed."""
_WITHOUT_ANSWER = (ConnectionError, TimeoutError, ssl.SSLError, socket.gaierror)
_CONNECTION = "check the connection, the address and the rights to it"


def missing_library(address: str, error: ImportError) -> UserError:
    """The refusal of an address whose library is not installed."""
    scheme = address.partition(":")[0]
    return UserError(
        shown(address), got=f"a missing library ({error})", expected=f"the libraries for {scheme}://", remedy=EXTRA
    )


def explain(address: str, error: BaseException, *, expected: str) -> UserError:
    """Tell what a server or the network said, and what to do. Looks through the errors that libraries wrap around it.

    Args:
        expected: what should have been at the address.
    """
    got, remedy = _explained(list(_chain(error)))
    got = f"no answer that can be used ({got})" if remedy == _CONNECTION else got
    return UserError(shown(address), got=got, expected=expected, remedy=remedy)


def in_words(error: BaseException) -> str:
    """The same in a few words."""
    return _explained(list(_chain(error)))[0]


def refused(error: BaseException) -> bool:
    """Whether a server answered and said no: nothing is there, or no right to it, unlike one that gave no answer."""
    status = next((s for s in map(_status, _chain(error)) if s), None)
    if status is not None:
        return 400 <= status < 500 and status not in (408, 429)
    chain = list(_chain(error))
    if any(isinstance(e, _WITHOUT_ANSWER) or "ClientError" in _names(e) for e in chain):
        return False
    return any(isinstance(e, (FileNotFoundError, PermissionError)) for e in chain)


def _explained(chain: list[BaseException]) -> tuple[str, str]:
    names = set().union(*map(_names, chain))
    inner = ("os_error", "certificate_error")
    causes = [*chain, *(getattr(error, name, None) for error in chain for name in inner)]
    text = in_one_line(chain[-1])
    if "TooManyRedirects" in names:
        return "redirections that never end", "open the address in a browser, and name where it leads"
    if names & {"ClientPayloadError", "ContentLengthError", "IncompleteRead", "TransferEncodingError"}:
        return "a download that was cut short", _LATER
    for error in chain:
        if status := _status(error):
            return _of_status(status, error)
    for kind, got, remedy in (
        (ssl.SSLCertVerificationError, f"a certificate that is not trusted ({text})", "check the host and its clock"),
        (ssl.SSLError, f"no encrypted connection ({text})", "check that the address begins as the server wants it"),
        (socket.gaierror, "a host whose name nobody knows", "check the host's name, and the connection"),
        (ConnectionRefusedError, *_REFUSED),
        (TimeoutError, "no answer in time", "check the connection, or try again later"),
    ):
        if any(isinstance(cause, kind) for cause in causes):
            return got, remedy
    if names & {"FSTimeoutError", "ServerTimeoutError", "ConnectTimeoutError", "ReadTimeoutError"}:
        return "no answer in time", "check the connection, or try again later"
    if names & set(NO_RIGHTS):
        return "no key for this storage, or one without the right", _KEY
    if "InvalidURL" in names or isinstance(chain[-1], ValueError):
        return "no valid address", "check user, password, host and port; encode special characters as %40 and the like"
    if names & {"ServerDisconnectedError", "ClientOSError"}:
        return "a connection that was cut", _LATER
    if "FileNotFoundError" in names:
        return "nothing at this address", "check it"
    return text, _CONNECTION


def _of_status(status: int, error: BaseException) -> tuple[str, str]:
    kind = "an error inside the server" if status >= 500 else "a refusal of the server"
    got, remedy = _STATUS.get(
        status, (f"{kind} ({status})", _LATER if status >= 500 else "check the address and the rights to it")
    )
    headers = getattr(error, "headers", None)
    wait = headers.get("Retry-After") if isinstance(headers, Mapping) else None
    if wait and status in (429, 503):
        remedy = f"try again after {str(wait)[:40]}{' seconds' if str(wait).isdecimal() else ''}"
    return got, remedy


def _names(error: BaseException) -> set[str]:
    """Names of an error's class and its bases, since none of the libraries need be installed."""
    return {base.__name__ for base in type(error).__mro__}


def _status(error: BaseException) -> int | None:
    """The HTTP status that an error holds, whichever library raised it."""
    for place in (error, getattr(error, "response", None)):
        for name in ("status", "status_code", *(() if hasattr(place, "status") else ("code",))):
            found = getattr(place, name, None)
            if type(found) is int and 400 <= found < 600:
                return found
        if isinstance(place, Mapping):  # botocore
            found = place.get("ResponseMetadata", {}).get("HTTPStatusCode")
            if type(found) is int and 400 <= found < 600:
                return found
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and its causes, each once."""
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
