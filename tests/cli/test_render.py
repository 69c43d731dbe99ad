import json

import pytest

import l4f_datagen as l4f
from l4f_datagen import worlds
from l4f_datagen.cli import main


@pytest.mark.parametrize("world", worlds.NAMES)
def test_a_rendered_data_set(capsys, tmp_path, world):
    out = tmp_path / "s"
    assert main(["render", world, "--n", "5", "--size", "32", "--split", "test", "--out", str(out)]) == 0
    assert "5 samples in 1 shards; made 5 in" in capsys.readouterr().out
    samples = list(l4f.open_dataset(out))
    assert [s.image.shape for s in samples] == [(32, 32, 3)] * 5
    assert [s.metadata["foreground_code"] for s in samples] == list(range(2**24, 2**24 + 5))
    assert all(0.02 < s.metadata["mask_area"] < 0.7 for s in samples)
    assert main(["preview", str(out), "--out", str(tmp_path / "sheet.png")]) == 0


def test_flags_reach_the_settings(capsys, tmp_path):
    flags = {
        "n": 9, "size": 20, "split": "test", "seed": 5, "backgrounds_only": True,
        "samples_per_shard": 4, "image_format": "webp", "quality": 71, "mask_values": "0255",
    }  # fmt: skip
    words = [word for name, value in flags.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    words.remove("True")
    assert main(["render", "vessels", "--out", str(tmp_path / "s"), *words, "--dry-run"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == flags | {"threshold": 0.5, "world": "vessels", "out": str(tmp_path / "s")}
    assert main(["render", "garden", "--out", "o", "--threshold", "0.3", "--dry-run"]) == 0
    assert json.loads(capsys.readouterr().out)["threshold"] == 0.3
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["bottles"], ["world: got bottles", "one of: vessels, garden"]),
        (["vessels", "--size", "2"], ["size", "greater than or equal to 4"]),
        (["vessels", "--n", str(2**24 + 1)], ["at most the 16777216 pictures of the train split"]),
        (["vessels", "--split", "validation"], ["validation", "train"]),
        (["vessels", "--threshold", "0"], ["threshold", "greater than 0"]),
    ],
    ids=lambda value: " ".join(value)[:24],
)
def test_mistakes(capsys, tmp_path, arguments, words):
    assert main(["render", *arguments, "--out", str(tmp_path / "s")]) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1 and all(word in message for word in words), message
    assert not (tmp_path / "s").exists()
