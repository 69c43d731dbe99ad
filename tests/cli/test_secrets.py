"""No key of an address is stored or shown: planted in every kind of address and flag, looked for everywhere."""

import base64
import http.server
import json
import threading
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import fsspec
import pytest

from l4f_datagen import addresses
from l4f_datagen.cli import main
from l4f_datagen.networks.alpha import AlphaNetwork
from l4f_datagen.networks.segmenters.unet import UNet
from l4f_datagen.networks.stylegan2 import GeneratorArchitecture
from l4f_datagen.weights import native, remote
from l4f_datagen.weights.conversion.convert import convert
from tests.conftest import tiny_generator

USER, PASSWORD, TOKENS, FRAGMENT = "plant-user", "plant-Pass", ("plant-token-1", "plant-token-2"), "plant-fragment"
SECRETS = (USER, PASSWORD, *TOKENS, FRAGMENT, "plant-s3cret", "plantKEY")


class Server(http.server.BaseHTTPRequestHandler):
    """Gives files of ``folder`` to whoever has the password or a token."""

    folder: Path

    def do_GET(self):
        place = urlsplit(self.path)
        basic = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        allowed = self.headers.get("Authorization") == f"Basic {basic}"
        allowed |= parse_qs(place.query).get("token", [""])[0] in TOKENS
        file = self.folder / place.path.strip("/")
        found = allowed and file.is_file()
        content = file.read_bytes() if found else b"no " + self.path.encode()
        self.send_response(200 if found else 404 if allowed else 401)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Host and port of a server with ``g.pt``, a generator, and the folders of its alpha network and a segmenter."""
    folder = tmp_path_factory.mktemp("served")
    generator = tiny_generator(GeneratorArchitecture(channels=(12, 12, 8), z_dim=8, w_dim=8, mapping_layers=2))
    native.save(folder / "g", generator=generator)
    native.save(folder / "alpha", alpha=AlphaNetwork(channels=(12, 8)).eval())
    native.save(folder / "segmenter", segmenter=UNet(classes=2, width=4, depth=1).eval())
    convert(folder / "g", folder / "g.pt")
    handler = type("Handler", (Server,), {"folder": folder})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}", folder
        server.shutdown()


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv(remote.CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{USER}:plant-s3cret@127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "plantKEY")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "plant-s3cret")
    monkeypatch.setattr(addresses, "_wholes", {})
    monkeypatch.setattr(addresses, "_parts", {})
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(place, capfd, caplog):
    """Run a command and look everywhere."""

    def run(*words, code=(0,)):
        found = main([str(word) for word in words])
        said = capfd.readouterr()
        text = said.out + said.err + caplog.text
        caplog.clear()
        assert found in code, text
        check(text, " ".join(map(str, words)))
        for path in place.rglob("*"):
            check(str(path.relative_to(place)), str(path))
            if path.is_file() and path.suffix != ".yaml":
                check(path.read_bytes().decode("latin-1"), str(path))
        assert "Traceback" not in text
        return text

    return run


def check(text, where):
    for secret in SECRETS:
        for form in (secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode().rstrip("=")[:-1]):
            assert form not in text, f"{secret} of {where}: {text[:3000]}"


def _kinds(host):
    """Addresses of one file, with all kinds of keys."""
    return [f"http://{USER}:{PASSWORD}@{host}/g.pt", *(f"HTTP://{host}/g.pt?token={t}#{FRAGMENT}" for t in TOKENS)]


def test_a_data_set_and_all_that_is_made_of_it(served, place, run):
    host, folder = served
    first, second, third = _kinds(host)
    generate = ("generate", "--n", 4, "--samples-per-shard", 2, "--alpha", folder / "alpha", "--out", "set")
    assert "made 4" in run(*generate, "--generator", first)
    # Another key, the same file.
    assert "made 0" in run(*generate, "--generator", second)
    run(*generate, "--generator", third, "--dry-run")
    stored = json.loads((place / "set" / "dataset.json").read_text())
    assert stored["settings"]["generator"] == stored["checkpoints"]["generator"]["name"] == f"http://{host}/g.pt"
    run("verify", "set", "--json-file", "found.json")
    run("stats", "set", "--json-file", "stats.json", "--out", "stats.png")
    run("preview", "set", "--out", "sheet.png")
    run("gallery", "set", "--out", "pages")
    for form in ("yolo", "hf-parquet", "folder"):
        run("export", "set", "--format", form, "--out", form)
    (place / "set" / "00001.tar").write_bytes(b"")
    told = run("verify", "set", "--repair", code=(2,))
    assert "401" in told and "--generator" in told and "without their keys" in told
    assert "ones from before" in run("verify", "set", "--repair", "--generator", second)


def test_a_copy_is_one_for_all_keys(served, place, run):
    host, _ = served
    for address in _kinds(host):
        run("inspect", address)
        run("inspect", address, "--json")
    copies = {path.parent.parent for path in (place / "cache").rglob("g.pt")}
    assert len(copies) == 1


def test_checkpoints_and_runs(served, place, run):
    host, folder = served
    first, second, third = _kinds(host)
    run("convert", first, "--out", "native", "--json")
    run("convert", second, "--out", "again.pt")
    run("convert", third, "--out", "native", "--overwrite")
    assert f"http://{host}/g.pt" in (place / "native" / "model.json").read_text()
    train = ("train-alpha", "--preset", "paper", "--images", "world:vessels", "--world-images", 16, "--batch-size", 4,
             "--device", "cpu", "--first-resolution", 8, "--out", "run")  # fmt: skip
    run(*train, "--iterations", 1, "--generator", first)
    assert "0 now" in run(*train, "--iterations", 1, "--generator", second)
    run(*train, "--generator", second, "--dry-run")
    run("analyze", "layers", "--generator", first, "--n", 2, "--out", "layers")
    run("train-generator", "--images", "world:vessels", "--grow-from", third, "--out", "grown", "--dry-run")
    run("train-generator", "--images", "world:vessels", "--from", third, "--out", "further", "--dry-run")
    evaluate = ("--batch-size", 4, "--json-file", "result.json", "--csv", "result.csv")
    features = ("--features", folder / "segmenter", "--n", 4)
    run("evaluate", "frechet", f"generator:{first}", f"generator:{second}", *features, *evaluate)
    run("evaluate", "alpha", "--generator", second, "--alpha", folder / "alpha", "--reference", folder / "segmenter",
        "--reject", "", "--n", 4, *evaluate)  # fmt: skip


def test_an_experiment(served, place, run):
    host, folder = served
    pipeline = place / "pipeline.yaml"
    content = {"generate": {"n": 4, "generator": _kinds(host)[1], "alpha": str(folder / "alpha"), "device": "cpu"}}
    pipeline.write_text(json.dumps(content | {"description": f"from {_kinds(host)[0]} alone"}))
    run("run", pipeline, "--out", "experiment", "--dry-run")
    run("run", pipeline, "--out", "experiment")
    assert "report.md" in run("run", pipeline, "--out", "experiment")


@pytest.fixture
def memory(served):
    """The segmenter's folder behind an address."""
    filesystem = fsspec.filesystem("memory")
    for path in (served[1] / "segmenter").iterdir():
        filesystem.pipe(f"/models/net/{path.name}", path.read_bytes())
    yield "memory://models/net"
    filesystem.store.clear()
    filesystem.pseudo_dirs[:] = [""]


def test_a_segmenter_behind_an_address(memory, place, run):
    run("render", "vessels", "--n", 4, "--size", 32, "--out", "rendered")
    run("export", "rendered", "--format", "folder", "--out", "pictures")
    images = next(path for path in (place / "pictures").rglob("*.jpg")).parent
    run("inspect", memory)
    run("segment", images, "--segmenter", memory, "--out", "masks")
    run("evaluate", "segmenter", memory, "--images", "rendered", "--json-file", "result.json")
    assert json.loads((place / "result.json").read_text())["rows"][0]["segmenter"] == memory


FAILING = [
    "http://{user}:{password}@127.0.0.1:1/g.pt?token={token}#{fragment}",
    "https://{user}:{password}@127.0.0.1:1/g.pt?token={token}",
    "HTTP://{host}/missing.pt?token={token}#{fragment}",
    "http://{user}:wrong-{password}@{host}/g.pt?sig={token}",
    "http://{user}:pa/ss {password}@{host}/g.pt?token={token} {fragment}",
    "http%3A%2F%2F{user}%3A{password}%40{host}%2Fg.pt%3Ftoken%3D{token}",
    "s3://{key}:plant-s3cret@bucket/x?X-Amz-Signature={token}#{fragment}",
    "s3://{key}:plant-s3cret/with,comma@bucket/x:0.5",
    "ftp://{user}:{password}@{host}/x?{token}",
    "hf://{user}:{token}@datasets/a/b/c#{fragment}",
]
COMMANDS = [
    ("generate", "--out", "o", "--n", "2", "--generator", "{}"),
    ("generate", "--out", "o", "--n", "2", "--alpha", "{}"),
    ("generate", "--out", "o", "--n", "2", "--backgrounds", "folder:{}"),
    ("generate", "--out", "{}", "--n", "2"),
    ("generate", "--out", "o", "--config", "{}"),
    ("generate", "--out", "o", "--n", "{}"),
    ("generate", "--out", "o", "--psi={}"),
    ("generate", "--out", "o", "--generatr={}"),
    ("generate", "--out", "o", "{}"),
    ("{}",),
    ("preview", "{}", "--out", "o.png"),
    ("generate", "--out", "o", "--n", "2", "--reject-list", "{}"),
    ("export", "x", "--format", "yolo", "--out", "o", "--without", "{}"),
    ("stats", "x", "--without", "{}"),
    ("gallery", "{}", "--out", "o"),
    ("card", "{}"),
    ("card", "x", "--evaluation", "{}"),
    ("gallery", "x", "--out", "{}"),
    ("train-generator", "--out", "o", "--images", "{}", "--resolution", "8"),
    ("train-generator", "--out", "o", "--images", "world:{}", "--resolution", "8"),
    ("train-generator", "--out", "o", "--images", "world:vessels", "--grow-from", "{}"),
    ("train-generator", "--out", "o", "--images", "world:vessels", "--from", "{}"),
    ("train-alpha", "--out", "o", "--images", "tars:{}"),
    ("train-alpha", "--out", "o", "--generator", "{}"),
    ("train-segmenter", "--out", "o", "--shards", "{}:0.5"),
    ("train-segmenter", "--out", "o", "--shards", "world:vessels", "--validation", "{}"),
    ("segment", "{}", "--segmenter", "vessels", "--out", "o"),
    ("segment", "x.jpg", "--segmenter", "{}", "--out", "o"),
    ("edit", "--direction", "{}", "--out", "o"),
    ("edit", "--direction", "pca:0", "--generator", "{}", "--out", "o"),
    ("edit", "--direction", "pca:0", "--inpaint-onnx", "{}", "--out", "o"),
    ("run", "{}", "--out", "o"),
    ("render", "{}", "--out", "o"),
    ("finalize", "{}"),
    ("verify", "{}"),
    ("stats", "{}"),
    ("export", "{}", "--format", "yolo", "--out", "o"),
    ("import", "{}", "--out", "o"),
    ("analyze", "layers", "--generator", "{}", "--out", "o"),
    ("evaluate", "masks", "{}", "{}"),
    ("evaluate", "alpha", "--reference", "{}"),
    ("evaluate", "segmenter", "{}", "--images", "world:vessels", "--n", "1"),
    ("evaluate", "frechet", "{}", "generator:{}", "--features", "{}"),
    ("inspect", "{}"),
    ("convert", "{}", "--out", "o"),
]


@pytest.mark.parametrize("kind", range(len(FAILING)))
def test_whatever_fails(kind, served, place, run, monkeypatch):
    monkeypatch.setenv(remote.TIMEOUT_VARIABLE, "5")
    address = FAILING[kind].format(
        user=USER, password=PASSWORD, token=TOKENS[0], fragment=FRAGMENT, key="plantKEY", host=served[0]
    )
    for words in COMMANDS:
        if "%3A" in address and "--out {}" in " ".join(words):
            continue  # to whom a path is no address, it is a folder of that name
        run(*(word.format(address) for word in words), code=(1, 2))


def test_a_traceback_too(run, monkeypatch, capfd):
    from l4f_datagen import cli
    from l4f_datagen.process import streams

    address = f"http://{USER}:{PASSWORD}@host/x?token={TOKENS[0]}"
    with streams.guarded():
        import sys
        import traceback

        try:
            raise ValueError(f"of {address}")
        except ValueError:
            traceback.print_exc()
        print(json.dumps({"address": address}))
        cli.click.echo(f"{address}: done")
        sys.stdout.flush()
    said = capfd.readouterr()
    check(said.out + said.err, "a traceback")
    assert "http://host/x" in said.out and "ValueError" in said.err
