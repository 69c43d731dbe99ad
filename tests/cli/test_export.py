import json

import pytest

import l4f_datagen as l4f
from l4f_datagen.cli import main


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    out = tmp_path_factory.mktemp("cli") / "mine ü"
    assert main(["render", "vessels", "--n", "12", "--size", "24", "--samples-per-shard", "5", "--out", str(out)]) == 0
    return out


def test_export_and_import(capsys, tmp_path, shards):
    arguments = ["export", str(shards), "--format", "coco", "--split", "0.5/0.5", "--class-name", "vessel"]
    assert main([*arguments, "--out", str(tmp_path / "coco")]) == 0
    printed = capsys.readouterr().out
    assert "12 samples (train " in printed and "as coco in" in printed
    data = json.loads((tmp_path / "coco" / "annotations" / "instances_val.json").read_text())
    assert data["categories"] == [{"id": 1, "name": "vessel", "supercategory": ""}]
    source = tmp_path / "coco" / "annotations" / "instances_train.json"
    words = ["--samples-per-shard", "3", "--licence", "CC-BY-4.0", "--image-format", "png"]
    assert main(["import", str(source), "--out", str(tmp_path / "back"), *words]) == 0
    printed = capsys.readouterr()
    assert "note: foreground is categories vessel" in printed.err and "samples in" in printed.out
    dataset = l4f.open_dataset(tmp_path / "back")
    assert dataset.description["settings"]["image_format"] == "png"
    assert dataset.description["source"]["licence"] == "CC-BY-4.0" and len(dataset) + len(data["images"]) == 12
    assert main(["preview", str(tmp_path / "back"), "--out", str(tmp_path / "sheet.png")]) == 0


def test_a_note_is_printed(capsys, tmp_path, shards):
    assert (
        main(["export", str(shards), "--format", "folder", "--mask-values", "0255", "--out", str(tmp_path / "f")]) == 0
    )
    assert main(["import", str(tmp_path / "f"), "--out", str(tmp_path / "back"), "--dry-run"]) == 0
    captured = capsys.readouterr()
    assert "note: foreground is mask value 255" in captured.err and not (tmp_path / "back").exists()
    printed = json.loads(captured.out[captured.out.index("{\n") :])
    assert printed["n"] == 12 and printed["size"] == "keep" and printed["out"] == str(tmp_path / "back")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["export", "{shards}"], ["--format"]),
        (["export", "{shards}", "--format", "tiff"], ["tiff", "coco"]),
        (["export", "{shards}", "--format", "coco", "--split", "0.9/0.2"], ["split: got '0.9/0.2'", "sum to 1"]),
        (["export", "{shards}", "--format", "coco", "--split", "1"], ["split", "0.9/0.1"]),
        (["export", "{shards}", "--format", "coco", "--split", "-0.5/1.5"], ["split", "positive"]),
        (["export", "{shards}", "--format", "folder", "--mask-values", "02"], ["mask-values", "'0255'"]),
        (["export", "{shards}", "--format", "coco", "--mask-values", "01"], ["coco, which has no mask files"]),
        (["export", "nowhere", "--format", "coco"], ["nowhere", "no such folder"]),
        (["import", "nowhere"], ["source: got nowhere, which is not there"]),
        (["import", "{shards}", "--format", "folder"], ["neither of images/ and masks/"]),
        (["import", "{shards}/dataset.json"], ["JSON without 'images'"]),
        (["import", "{shards}", "--size", "2"], ["size: got '2'", "4 to 8192 pixels, or keep"]),
        (["import", "{shards}", "--images", "a"], ["one of --images and --masks"]),
    ],
    ids=lambda value: " ".join(value)[:40],
)
def test_mistakes(capsys, tmp_path, shards, arguments, words):
    out = tmp_path / "out"
    assert main([word.format(shards=shards) for word in [*arguments, "--out", str(out)]]) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1 and all(word in message for word in words), message
    assert not out.exists()
