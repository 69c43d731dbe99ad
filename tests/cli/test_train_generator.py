import json
import re

import pytest

import l4f_datagen as l4f
from l4f_datagen.cli import main
from l4f_datagen.settings import TrainGeneratorSettings
from tests.training.conftest import write_pictures

FEW = {
    "resolution": 16, "channels": "4,4,4", "z_dim": 4, "mapping_layers": 2, "batch_size": 250, "minibatch_group": 2,
    "kimg": 1, "log_every": 2, "device": "cpu",
}  # fmt: skip


def words(**flags: object) -> list[str]:
    return [word for name, value in flags.items() for word in (f"--{name.replace('_', '-')}", str(value))]


def test_every_setting_is_a_flag(capsys):
    values = {
        "images": "world:vessels", "world_images": 9, "content_rows": 12, "resolution": 16, "preset": "full",
        "kimg": 3, "hours": 0.5, "plateau": 2, "z_dim": 5, "mapping_layers": 3, "batch_size": 8, "accumulate": 2,
        "learning_rate": 0.1, "beta_2": 0.9, "r1": 2.0, "r1_every": 5, "path_length": 1.0, "path_length_every": 6,
        "path_length_decay": 0.2, "path_length_share": 0.3, "style_mixing": 0.4, "noise": "frozen",
        "noise_strength": 0.6,
        "ema_kimg": 1.5, "ema_ramp": 0.1, "augment": "ada", "augment_p": 0.7, "ada_target": 0.5, "ada_kimg": 9.0,
        "ada_every": 3, "minibatch_group": 2,
        "seed": 4, "precision": "bf16", "device": "cpu", "frechet_every": 11, "frechet_features": "features.pt",
        "frechet_images": 12, "log_every": 1, "sheet_every": 2, "checkpoint_every": 3, "keep_checkpoints": 4,
    }  # fmt: skip
    flags = [*words(**values), "--mirror", "--no-graphs", "--channels", "8,7,6"]
    others = {"mirror": True, "channels": [8, 7, 6], "grow_from": None, "from": None, "graphs": False}
    assert values.keys() | others.keys() == TrainGeneratorSettings.by_outer_name().keys()
    assert main(["train-generator", "--out", "o", *flags, "--dry-run"]) == 0
    assert json.loads(capsys.readouterr().out) == values | others | {"out": "o"}


def test_what_is_not_said_is_the_presets(capsys, tmp_path):
    write_pictures(tmp_path / "photos", 4)
    (tmp_path / "p.yaml").write_text(json.dumps({"train-generator": {"images": str(tmp_path / "photos"), "kimg": 5}}))
    flags = words(config=tmp_path / "p.yaml", resolution=64, kimg=7)
    assert main(["train-generator", "--out", "o", *flags, "--dry-run"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["kimg"], found["preset"], found["augment"]) == (7, "small", "ada")
    assert found["channels"] == [128, 128, 96, 64, 32]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--resolution", "48"], "a power of two"),
        (["--resolution", "64", "--batch-size", "64"], "at least a batch, 64"),
        ([], "resolution: got none"),
        (["--resolution", "16", "--channels", "8,8"], "3, one per resolution"),
        (["--resolution", "16", "--grow-from", "nowhere"], "nowhere"),
        (["--from", "nowhere"], "nowhere"),
        (["--from", "vessels", "--resolution", "64"], "resolution: got 64; expected 128, as vessels has"),
        (["--from", "vessels", "--grow-from", "vessels"], "from: got vessels beside grow_from vessels"),
    ],
)
def test_a_mistake_is_one_line_and_exit_2(capsys, tmp_path, flags, said):
    write_pictures(tmp_path / "photos", 4)
    arguments = ["train-generator", "--images", str(tmp_path / "photos"), "--out", str(tmp_path / "run"), *flags]
    assert main(arguments) == 2
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_run_goes_from_images_alone_to_a_data_set(tmp_path, capsys):
    """Four steps of a whole kimg: the batch is large, the networks are tiny."""
    write_pictures(tmp_path / "photos", 250)
    alpha = {
        "preset": "paper",
        "iterations": 2, "batch_size": 4, "first_resolution": 8, "minibatch_group": 2, "log_every": 1, "device": "cpu",
    }  # fmt: skip
    content = {
        "train-generator": {"images": str(tmp_path / "photos"), **FEW},
        "train-alpha": alpha,
        "generate": {"n": 3, "device": "cpu"},
    }
    (tmp_path / "p.yaml").write_text(json.dumps(content))
    arguments = ["run", str(tmp_path / "p.yaml"), "--out", str(tmp_path / "out")]
    assert main(arguments) == 0
    out = capsys.readouterr()
    assert re.search(r"generator/final: 1\.0 kimg in 4 iterations, 4 now in [\d.]+ s \(ended by kimg\)", out.out)
    assert re.search(r"4/4  [\d.]+ steps/s  0:00 left  D [\d.]+  G [\d.]+", out.err)
    description = l4f.open_dataset(tmp_path / "out" / "shards").description
    assert description["checkpoints"]["generator"]["name"].endswith("out/generator/final")
    page = (tmp_path / "out" / "report.md").read_text()
    assert "| [train-generator](generator) | 4 |" in page and "generator/samples/000004.png" in page
    assert main(arguments) == 0
    assert "4 iterations, 0 now" in capsys.readouterr().out
