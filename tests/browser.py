"""A headless Chromium, spoken to by its DevTools protocol over two pipes: no driver, no port, no network."""

import base64
import contextlib
import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
"""What the program is called, in the order in which it is looked for."""
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-component-update",
    "--disable-background-networking", "--disable-sync", "--disable-extensions", "--disable-dev-shm-usage",
    "--remote-debugging-pipe", "--renderer-process-limit=1", "--window-size=1000,700", "--hide-scrollbars",
    "--in-process-gpu", "--no-zygote", "--force-prefers-reduced-motion", "--disable-default-apps", "--mute-audio",
)  # fmt: skip
_PATIENCE = 60
"""Seconds after which an answer is missed."""
_FROM_US, _TO_US = 3, 4
"""Descriptors that the program speaks by."""
KEY_CODES = {
    "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Home": 36, "End": 35, "PageDown": 34,
    "Enter": 13, "Escape": 27, " ": 32, "Tab": 9,
}  # fmt: skip


def program() -> str | None:
    """Where a Chromium is; None where there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Browser:
    """One window. ``value`` asks the page in it, ``press`` types."""

    def __init__(self, send: int, receive: int):
        self._send, self._receive, self._buffer, self._number = send, receive, b"", 0
        self.errors: list[str] = []
        """What went wrong in pages, and what they wrote as an error."""
        self.asked: list[str] = []
        """Addresses that pages asked for."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session: str | None = None
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: object) -> dict[str, Any]:
        """Ask for something and wait for the answer."""
        self._number += 1
        message: dict[str, object] = {"id": self._number, "method": method, "params": parameters}
        if getattr(self, "_session", None):
            message["sessionId"] = self._session
        os.write(self._send, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            self._note(answer)
        assert "error" not in answer, f"{method}: {answer['error']}"
        return answer["result"]

    def open(self, page: Path) -> None:
        """Open a file and wait until it is loaded."""
        self.call("Page.navigate", url=page.resolve().as_uri())
        self.wait(lambda: self.value("document.readyState") == "complete" and self.value("location.protocol"))

    def value(self, expression: str) -> Any:
        """What an expression of JavaScript comes to; promises are waited for."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait(self, holds: Callable[[], object]) -> None:
        """Wait until something holds."""
        end = time.monotonic() + _PATIENCE
        while not holds():
            assert time.monotonic() < end, "the page did not get there"
            time.sleep(0.02)

    def press(self, *keys: str, shift: bool = False) -> None:
        """Type keys, one after the other."""
        for key in keys:
            code = f"Digit{key}" if key.isdigit() else f"Key{key.upper()}" if key.isalpha() and len(key) == 1 else key
            number = KEY_CODES.get(key, ord(key.upper()) if len(key) == 1 else 0)
            words = {"key": key, "code": code, "windowsVirtualKeyCode": number, "modifiers": 8 * shift}
            text = {"text": key} if len(key) == 1 else {"text": "\r"} if key == "Enter" else {}
            self.call("Input.dispatchKeyEvent", type="keyDown", **words, **text)
            self.call("Input.dispatchKeyEvent", type="keyUp", **words)

    def point(self, selector: str, *, clicks: int = 0) -> None:
        """Move the pointer over the first element of a selector, and click as often."""
        there = "one.scrollIntoView({block: 'nearest'}); const r = one.getBoundingClientRect()"
        middle = "[r.x + r.width / 2, r.y + r.height / 2]"
        x, y = self.value(
            f"(() => {{ const one = document.querySelector({json.dumps(selector)}); {there}; return {middle}; }})()"
        )
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        for count in range(1, clicks + 1):
            for kind in ("mousePressed", "mouseReleased"):
                self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=count)

    def picture(self) -> bytes:
        """The window as a PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._receive], [], [], _PATIENCE)
            assert ready, "Chromium does not answer"
            part = os.read(self._receive, 1 << 16)
            assert part, "Chromium has ended"
            self._buffer += part
        message, self._buffer = self._buffer.split(b"\0", 1)
        return json.loads(message)

    def _note(self, event: dict[str, Any]) -> None:
        method, told = event.get("method"), event.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.errors.append(str(told["exceptionDetails"]))
        elif method == "Log.entryAdded" and told["entry"]["level"] == "error":
            self.errors.append(told["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.asked.append(told["request"]["url"])


@contextlib.contextmanager
def browser(place: Path, *flags: str) -> Iterator[Browser]:
    """A Chromium with an empty profile in the folder ``place``, ended with the block."""
    found = program()
    assert found is not None, "look whether there is one before"
    to_it, send = os.pipe()
    receive, from_it = os.pipe()
    # A shell puts the two ends where the program looks for them; moved up first, so that neither stands there already.
    ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (to_it, from_it)]
    script = f'exec "$@" {_FROM_US}<&{ends[0]} {_TO_US}>&{ends[1]} {ends[0]}<&- {ends[1]}>&-'
    words = ["bash", "-c", script, "bash", found, *_FLAGS, f"--user-data-dir={place}", *flags, "about:blank"]
    silent = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    # Names of files that it saves may have any letters, whatever the tests were started with.
    process = subprocess.Popen(words, pass_fds=ends, env=os.environ | {"LC_ALL": "C.UTF-8"}, **silent)
    for end in (to_it, from_it, *ends):
        os.close(end)
    try:
        one = Browser(send, receive)
        yield one
        one._session = None
        one.call("Browser.close")
        process.wait(_PATIENCE)
    finally:
        process.kill()
        process.wait()
        os.close(send)
        os.close(receive)
