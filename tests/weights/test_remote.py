import functools
import hashlib
import http.server
import sys
import threading
from typing import ClassVar

import fsspec
import pytest

from l4f_datagen import weights
from l4f_datagen.errors import UserError
from l4f_datagen.networks.alpha import AlphaNetwork
from l4f_datagen.networks.encoders.encoder import Encoder
from l4f_datagen.networks.segmenters.unet import UNet
from l4f_datagen.weights import native, remote

from . import forge


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv(remote.CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def memory():
    filesystem = fsspec.filesystem("memory")
    yield filesystem
    filesystem.store.clear()
    filesystem.pseudo_dirs[:] = [""]


@functools.cache  # torch writes addresses into pickles, so no two are equal
def _data(seed=0):
    return forge.nvidia_bytes({"G_ema": forge.nvidia_network(forge.generator(seed=seed))})


def _weight(generator):
    return generator.layers[0].weight[0, 0, 0, 0].item()


def test_a_file_is_fetched_once(memory, monkeypatch):
    memory.pipe("/models/a.pkl", _data())
    generator, source = weights.read_generator("memory://models/a.pkl")
    assert source.name == "memory://models/a.pkl"
    assert source.sha256 == hashlib.sha256(_data()).hexdigest()
    opened = []
    monkeypatch.setattr(type(memory), "open", lambda *arguments, **_: opened.append(arguments))
    assert _weight(weights.load_generator("memory://models/a.pkl")) == _weight(generator)
    assert not opened


def test_a_newer_version_is_fetched_again(memory):
    memory.pipe("/models/a.pkl", _data(seed=1))
    first = weights.load_generator("memory://models/a.pkl")
    memory.pipe("/models/a.pkl", _data(seed=2))
    assert _weight(weights.load_generator("memory://models/a.pkl")) != _weight(first)


def test_the_hash_is_checked_and_spares_the_question(memory, cache):
    memory.pipe("/models/a.pkl", _data())
    digest = hashlib.sha256(_data()).hexdigest()
    with pytest.raises(UserError, match=f"SHA-256 {digest}; expected {'0' * 64}"):
        weights.load_generator(f"memory://models/a.pkl#sha256={'0' * 64}")
    assert not [path for path in cache.rglob("*") if path.is_file()]
    weights.load_generator(f"memory://models/a.pkl#sha256={digest.upper()}")
    memory.store.clear()
    weights.load_generator(f"memory://models/a.pkl#sha256={digest}")
    with pytest.raises(UserError, match="nothing at this address"):
        weights.load_generator("memory://models/a.pkl")


def test_a_copy_that_was_changed_is_not_believed(memory, cache):
    memory.pipe("/models/a.pkl", _data())
    address = f"memory://models/a.pkl#sha256={hashlib.sha256(_data()).hexdigest()}"
    copy = weights.locate(address)
    copy.write_bytes(b"changed")
    weights.load_generator(address)
    assert copy.read_bytes() == _data()


def test_the_hash_of_a_local_file_is_checked(tmp_path):
    path = tmp_path / "a.pkl"
    path.write_bytes(_data())
    weights.load_generator(f"{path}#sha256={hashlib.sha256(_data()).hexdigest()}")
    with pytest.raises(UserError, match="SHA-256"):
        weights.load_generator(f"{path}#sha256={'0' * 64}")
    with pytest.raises(UserError, match="64 hexadecimal digits"):
        weights.load_generator(f"{path}#sha256=abc")


def test_a_native_folder_is_fetched(memory, tmp_path):
    made = forge.generator()
    native.save(tmp_path / "made", generator=made, card={"licence": "MIT"})
    for path in (tmp_path / "made").iterdir():
        memory.pipe(f"/models/native/{path.name}", path.read_bytes())
    memory.pipe("/models/native/other.bin", bytes(10))
    generator, source = weights.read_generator("memory://models/native")
    assert _weight(generator) == _weight(made) and source.licence == "MIT" and source.format == "native"
    assert {path.name for path in weights.locate("memory://models/native").iterdir() if path.name[0] != "."} == {
        "generator.safetensors",
        "model.json",
    }


def test_a_folder_takes_no_hash(memory):
    memory.pipe("/models/native/model.json", b"{}")
    with pytest.raises(UserError, match="folder with #sha256="):
        weights.load_generator(f"memory://models/native#sha256={'0' * 64}")


def test_what_cannot_be_reached_leaves_the_copy_in_use(memory, monkeypatch, caplog):
    memory.pipe("/models/a.pkl", _data())
    weights.load_generator("memory://models/a.pkl")

    def unreachable(*_, **__):
        raise ConnectionError("no route to host")

    monkeypatch.setattr(type(memory), "info", unreachable)
    weights.load_generator("memory://models/a.pkl")
    assert "cannot be reached (no route to host)" in caplog.text
    with pytest.raises(UserError, match="no route to host"):
        weights.load_generator("memory://models/b.pkl")


def test_a_download_that_breaks_leaves_nothing(memory, monkeypatch, cache):
    memory.pipe("/models/a.pkl", _data())

    class Broken:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def read(self, _):
            raise ConnectionError("reset")

    monkeypatch.setattr(type(memory), "open", lambda *_, **__: Broken())
    with pytest.raises(UserError, match="reset"):
        weights.load_generator("memory://models/a.pkl")
    assert not [path for path in cache.rglob("*") if path.is_file()]


@pytest.mark.parametrize("scheme", ["s3", "gs", "hf", "https"])
def test_a_missing_library_names_the_extra(scheme, monkeypatch):
    for module in ("s3fs", "gcsfs", "huggingface_hub", "aiohttp", "fsspec.implementations.http"):
        monkeypatch.setitem(sys.modules, module, None)
    # Also when an earlier test has used the library already.
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, scheme, raising=False)
    with pytest.raises(UserError, match=r"pip install l4f-datagen\[remote\]"):
        weights.load_generator(f"{scheme}://models/somewhere/a.pkl")


def test_without_fsspec_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(UserError, match=r"pip install l4f-datagen\[remote\]"):
        weights.load_generator("https://example.org/a.pkl")


class _Handler(http.server.BaseHTTPRequestHandler):
    files: ClassVar[dict[str, bytes]] = {}

    def do_HEAD(self):
        self._answer(body=False)

    def do_GET(self):
        self._answer(body=True)

    def _answer(self, *, body):
        content = self.files.get(self.path)
        self.send_response(404 if content is None else 200)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        if body and content:
            self.wfile.write(content)

    def log_message(self, *_):
        pass


def test_over_http():
    pytest.importorskip("aiohttp")
    pytest.importorskip("requests")
    _Handler.files = {"/a.pkl": _data(), "/page.pkl": b"<html>log in</html>"}
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    root = f"http://127.0.0.1:{server.server_port}"
    try:
        weights.load_generator(f"{root}/a.pkl")
        digest = hashlib.sha256(_data()).hexdigest()
        weights.load_generator(f"{root}/a.pkl#sha256={digest}")
        with pytest.raises(UserError, match="web page"):
            weights.load_generator(f"{root}/page.pkl")
        with pytest.raises(UserError, match="nothing at this address"):
            weights.load_generator(f"{root}/none.pkl")
    finally:
        server.shutdown()
        server.server_close()
    weights.load_generator(f"{root}/a.pkl#sha256={digest}")


def test_all_that_a_native_folder_may_hold_is_fetched(memory, tmp_path):
    networks = {
        "generator": forge.generator(),
        "alpha": AlphaNetwork(channels=(8, 8)).eval(),
        "segmenter": UNet(width=4),
        "encoder": Encoder(num_ws=4, w_dim=6, size=8, width=2, hidden=4).eval(),
    }
    assert {f"{kind}.safetensors" for kind in networks} == set(native.NETWORK_FILES) < set(remote.NATIVE_FILES)
    native.save(tmp_path / "made", **networks)
    for path in (tmp_path / "made").iterdir():
        memory.pipe(f"/models/native/{path.name}", path.read_bytes())
    for kind, read in (("generator", weights.load_generator), ("alpha", weights.load_alpha),
                       ("segmenter", weights.load_segmenter),
                       ("encoder", lambda path: weights.read_encoder(path)[0])):  # fmt: skip
        found, made = read("memory://models/native").state_dict(), networks[kind].state_dict()
        assert found.keys() == made.keys() and all((found[name] == made[name]).all() for name in made)
