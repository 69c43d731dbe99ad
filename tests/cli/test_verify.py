import json

import pytest

from l4f_datagen.cli import main
from l4f_datagen.mask_files import png as mask_png
from l4f_datagen.shards.format import layout, sealed


@pytest.fixture
def folder(tmp_path):
    out = tmp_path / "s"
    assert main(["render", "vessels", "--n", "23", "--size", "16", "--samples-per-shard", "10", "--out", str(out)]) == 0
    return out


def damage(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)


def test_a_sound_data_set_is_one_line(folder, capsys):
    capsys.readouterr()
    quick = " with checksums, structure and rows; no image was decoded (--quick)"
    for words, restriction in (([], ""), (["--repair"], ""), (["--quick"], quick), (["--quick", "--repair"], quick)):
        assert main(["verify", str(folder), *words]) == 0
        assert capsys.readouterr().out == f"{folder}: 23 samples in 3 shards, nothing wrong{restriction}\n"


def test_what_was_not_decoded_is_not_called_sound(folder, tmp_path, capsys):
    """Of a repair that looked at checksums only, the shards that it made are decoded, and no others."""
    damage(folder / layout.tar(1))
    capsys.readouterr()
    words = ["verify", str(folder), "--quick", "--repair", "--json-file", str(tmp_path / "found.json")]
    assert main(words) == 0
    assert "nothing wrong with checksums, structure and rows; only images of the 1 shards made again were decoded" in (
        capsys.readouterr().out
    )
    assert json.loads((tmp_path / "found.json").read_text())["decoded"] == 1
    damage(folder / layout.tar(1))
    assert main(["verify", str(folder), "--repair", "--json-file", str(tmp_path / "found.json")]) == 0
    assert capsys.readouterr().out.endswith("nothing wrong\n")
    assert json.loads((tmp_path / "found.json").read_text())["decoded"] == 3


def test_a_shard_that_is_made_again_is_looked_into(folder, tmp_path, monkeypatch):
    """What a repair wrote may be wrong as well: the machine may have bad memory."""
    damage(folder / layout.tar(1))
    encode = mask_png.encode
    monkeypatch.setattr(mask_png, "encode", lambda mask, values: encode(1 - mask, values))
    words = ["verify", str(folder), "--quick", "--repair", "--json-file", str(tmp_path / "found.json")]
    assert main(words) == 2, "the probe tells that masks are not encoded as they were"
    assert main([*words, "--allow-mixed"]) == 1
    left = json.loads((tmp_path / "found.json").read_text())["left"]
    assert {f["shard"] for f in left} == {1} and any("differ from what alpha.png gives" in f["problem"] for f in left)


def test_files_of_others_are_noted(folder, tmp_path, capsys):
    (folder / "notes.txt").write_text("mine")
    (folder / "copy.tar").write_bytes(b"")
    capsys.readouterr()
    assert main(["verify", str(folder), "--json-file", str(tmp_path / "found.json")]) == 1
    output = capsys.readouterr().out
    assert "note: notes.txt is no file of the data set\n" in output and "copy.tar" in output
    found = json.loads((tmp_path / "found.json").read_text())
    assert [f["file"] for f in found["findings"]] == ["copy.tar"] and len(found["notes"]) == 1


def test_what_is_wrong_is_listed_and_exits_with_1(folder, tmp_path, capsys):
    damage(folder / layout.tar(1))
    (folder / layout.OPENCLIP).unlink()
    capsys.readouterr()
    assert main(["verify", str(folder), "--json-file", str(tmp_path / "new" / "found.json")]) == 1
    output = capsys.readouterr()
    assert "00001.tar" in output.out and "sizes.json" in output.out
    assert output.err.count("\n") == 1 and "in 1 of 3 shards; --repair" in output.err
    found = json.loads((tmp_path / "new" / "found.json").read_text())
    assert (found["shards"], found["samples"]) == (3, 23)
    assert {"shard": None, "file": "sizes.json", "problem": "missing"} in found["findings"]
    assert {(f["shard"], f["file"]) for f in found["findings"]} >= {(1, "00001.tar"), (None, "sizes.json")}


def test_repair_brings_the_bytes_back_and_says_so(folder, capsys):
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    damage(folder / layout.tar(1))
    capsys.readouterr()
    assert main(["verify", str(folder), "--repair"]) == 0
    output = capsys.readouterr().out
    assert "made again: 1 shards (1)" in output and "bytes of 1 of them are the ones from before" in output
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


@pytest.mark.parametrize(
    ("words", "expected"),
    [(["nothing-here"], "dataset.json"), (["{folder}", "--generator", "vessels"], "--repair"),
     (["{folder}", "--json-file", "{folder}/dataset.json/x"], "cannot be written")],
)  # fmt: skip
def test_mistakes(folder, capsys, words, expected):
    assert main(["verify", *(word.format(folder=folder) for word in words)]) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1 and expected in message


def test_no_line_is_folded_where_there_is_no_terminal(folder, capsys):
    stats = folder / "00000_stats.json"
    content = json.loads(stats.read_bytes())
    stats.write_bytes(sealed.seal(content | {"files": content["files"] | {"00000.tar": "x" * 100}}))
    assert main(["verify", str(folder)]) == 1
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "00000_stats.json" in line]
    assert len(line.rstrip()) > 100
