"""What a server says, in words; nothing that is not the file is taken for it."""

import http.server
import threading

import pytest

from l4f_datagen import weights
from l4f_datagen.errors import UserError
from l4f_datagen.weights import remote


class Server(http.server.BaseHTTPRequestHandler):
    """Answers as the path says."""

    def do_GET(self):
        what = self.path.partition("?")[0].strip("/")
        if what.isdecimal():
            self._answer(int(what), **({"Retry-After": "17"} if what == "429" else {}))
        elif what == "loop":
            self._answer(302, Location="/loop")
        elif what == "page":
            self._answer(200, b"<!DOCTYPE html><p>log in")
        elif what == "cut":
            self._answer(200, b"x" * 500, length=1000)
        elif what == "shrinks":
            self._answer(200, b"x" * 500, length=1000 if self.command == "HEAD" else 500)
        elif what == "silent":
            self.server.ended.wait(30)
        self.close_connection = True

    do_HEAD = do_GET

    def _answer(self, status, content=b"", length=None, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content) if length is None else length))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def host():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        server.ended = threading.Event()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.ended.set()
        server.shutdown()


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("400", "does not understand"), ("401", "no access without a user or a key"), ("403", "no right"),
        ("404", "nothing at this address"), ("410", "nothing any more"), ("418", "refusal of the server .418"),
        ("429", "too many requests.*after 17 seconds"), ("500", "error inside the server"), ("502", "gateway"),
        ("503", "not available now"), ("504", "waited too long"), ("599", "error inside the server .599"),
        ("loop", "redirections that never end"), ("page", "a web page"), ("cut", "cut short"),
        ("shrinks", "500 of 1000 bytes"), ("silent", "no answer in time"), ("", "connection that was cut"),
    ],
)  # fmt: skip
def test_what_a_server_says(what, said, host, tmp_path, monkeypatch):
    monkeypatch.setenv(remote.CACHE_VARIABLE, str(tmp_path))
    monkeypatch.setenv(remote.TIMEOUT_VARIABLE, "0.5" if what == "silent" else "20")
    with pytest.raises(UserError, match=said) as refused:
        weights.load_generator(f"http://somebody:pass-word@{host}/{what}?token=abcdefgh")
    assert not any(secret in str(refused.value) for secret in ("somebody", "pass-word", "token=", "abcdefgh"))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://127.0.0.1:1/x", "refused"), ("https://nosuch.invalid/x", "nobody knows"),
        ("https://{}/x", "no encrypted connection"), ("http://h:99999/x", "no valid address"),
        ("ftp://u:pass-word@h/x", "an address that begins with ftp://"),
    ],
)  # fmt: skip
def test_no_server_at_all(address, said, host, tmp_path, monkeypatch):
    monkeypatch.setenv(remote.CACHE_VARIABLE, str(tmp_path))
    with pytest.raises(UserError, match=said):
        weights.load_generator(address.format(host))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://h/x?X-Amz-Signature=a&X-Amz-Date=b", "https://h/x?X-Amz-Date=c&X-Amz-Signature=d", True),
        ("https://h/x?sv=1&se=2&sig=3", "https://h/x?sig=4", True),
        ("https://a:b@h/x?token=1", "https://h/x", True),
        ("https://h/uc?id=1", "https://h/uc?id=2", False),
        ("https://h/x?sv=1", "https://h/x?sv=2", False),
        ("s3://b/x?1", "s3://b/x?2", False),
        ("s3://b/x#1", "s3://b/x#2", False),
    ],
)
def test_a_copy_belongs_to_what_is_asked_for_and_not_to_who_asks(one, other, same):
    assert (remote._identity(one) == remote._identity(other)) is same
