"""Places that cannot be written, from the start: one line, exit 2, nothing done."""

import os
import shutil
import stat
from pathlib import Path

import pytest

from l4f_datagen.cli import main

from ..filled import filled
from . import test_failures
from .test_failures import COMMANDS, assets, no_exporter, two_steps  # noqa: F401 - fixtures

BAD = {
    "a file above": "@/file/sub",
    "a name that is too long": "@/" + "n" * 300,
    "a loop of links": "@/loop/sub",
    "the home of nobody": "~nobody.of.this.name/sub",
    "a byte that no name has": "@/a\0b",
    "nothing": "",
    "a standard stream": "-",
    "an address": "ftp://host/x",
    "an address behind a word": "simplecache::s3://bucket/x",
}
SAID = {
    "nothing": "an empty text is no place",
    "a standard stream": "'-' is no place",
    "an address": "an address",
    "an address behind a word": "an address",
}
WITHIN = ("finalize", "verify-repair", "card")  # these write into the folder that they read
NAMES = [name for name in COMMANDS if name not in WITHIN]


def words_at(name: str, assets: Path, out: str, place: Path) -> list[str]:  # noqa: F811
    words = filled(COMMANDS[name].replace("@/out", "=OUT"), dollar=assets)
    whole = out in ("", "-")  # whatever the name ends in
    words = [out if whole and word.startswith("=OUT") else word.replace("=OUT", out) for word in words]
    return [word.replace("@", str(place)) for word in words]


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("name", NAMES)
def test_a_place_that_cannot_be_written(name, kind, assets, capsys, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("precious")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    unasked = "the place is looked at before the export, which takes seconds"
    monkeypatch.setattr(test_failures.onnx_file, "content", lambda network: pytest.fail(unasked))
    assert main(words_at(name, assets, BAD[kind], tmp_path)) == 2
    error = capsys.readouterr().err.splitlines()
    assert error[-1].startswith("l4f-datagen: ")
    assert not any("Traceback" in line for line in error)
    assert SAID.get(kind, "choose another") in error[-1]
    assert (tmp_path / "file").read_text() == "precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "loop"]


FILES = ["stats", "preview", "verify", "evaluate-masks", "convert-rosinality"]


@pytest.mark.parametrize("name", FILES)
def test_a_folder_in_place_of_a_file(name, assets, capsys, tmp_path):  # noqa: F811
    words = filled(COMMANDS[name], dollar=assets, at=tmp_path)
    for word in words:
        if word.startswith(str(tmp_path)):
            Path(word).mkdir(parents=True)
    shutil.rmtree(tmp_path / "out" / "s.png", ignore_errors=True)  # a folder is what stats --out takes
    assert main(words) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no such devices")
@pytest.mark.parametrize("flag", ["json-file", "csv"])
def test_devices_are_written_and_not_replaced(flag, assets, capsys, tmp_path):  # noqa: F811
    masks = str(assets / "labelled" / "masks")
    for device, code in (("/dev/null", 0), ("/dev/full", 1)):
        (tmp_path / "link").unlink(missing_ok=True)
        (tmp_path / "link").symlink_to(device)
        for path in (device, str(tmp_path / "link")):
            assert main(["evaluate", "masks", masks, masks, "--resamples", "10", f"--{flag}", path]) == code
            assert stat.S_ISCHR(os.stat(device).st_mode)
            assert not [name for name in os.listdir("/dev") if name.startswith((".full", ".null", ".probe"))]
        assert ("no room left" in capsys.readouterr().err) == bool(code)


def test_a_link_stays_one(assets, tmp_path):  # noqa: F811
    (tmp_path / "target.png").write_bytes(b"old")
    (tmp_path / "link.png").symlink_to(tmp_path / "target.png")
    assert main(["preview", str(assets / "shards"), "--out", str(tmp_path / "link.png"), "--n", "4"]) == 0
    assert (tmp_path / "link.png").is_symlink()
    assert (tmp_path / "target.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["generate", "train-alpha", "train-segmenter", "export-coco"])
def test_a_folder_that_vanishes_in_mid_run(name, assets, capsys, tmp_path, monkeypatch):  # noqa: F811
    from l4f_datagen.storage import atomic

    words, write, count = words_at(name, assets, f"{tmp_path}/out", tmp_path), atomic._open, []

    def vanishing(path, target, mode):
        count.append(path)
        if len(count) == 6:
            for folder in (tmp_path / "out", tmp_path / ".out.partial"):
                shutil.rmtree(folder, ignore_errors=True)
        return write(path, target, mode)

    monkeypatch.setattr(atomic, "_open", vanishing)
    assert main(words) == 1
    error = capsys.readouterr().err
    assert "Traceback" not in error
    assert "No such file" in error.splitlines()[-1] or "gone" in error.splitlines()[-1]


def test_all_commands_that_write_are_in_the_table():
    from l4f_datagen.cli.commands import command_names

    written = {name.split("-")[0] if name.split("-")[0] not in ("train",) else name for name in test_failures.COMMANDS}
    reading = {"inspect", "run"}  # run does what the others do, one after the other
    assert set(command_names()) - reading <= written | {"evaluate"}
