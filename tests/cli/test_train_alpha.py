import json
import re

import pytest

import l4f_datagen as l4f
from l4f_datagen.cli import main
from l4f_datagen.settings import TrainAlphaSettings, load_pipeline, resolve
from l4f_datagen.training.alpha.train import prepare
from tests.training.conftest import write_pictures

FEW = {
    "preset": "paper",
    "iterations": 4, "batch_size": 4, "first_resolution": 8, "minibatch_group": 2, "noise": "const", "device": "cpu",
    "log_every": 2, "checkpoint_every": 2, "sheet_every": 4,
}  # fmt: skip


def words(**flags: object) -> list[str]:
    return [word for name, value in flags.items() for word in (f"--{name.replace('_', '-')}", str(value))]


@pytest.fixture
def few(tiny_checkpoint, tmp_path) -> list[str]:
    write_pictures(tmp_path / "images", 6)
    return words(generator=tiny_checkpoint, images=tmp_path / "images", **FEW)


def test_from_images_to_a_data_set(few, tmp_path, tiny_checkpoint, capsys):
    run = tmp_path / "run"
    assert main(["train-alpha", "--out", str(run), "--tensorboard", *few]) == 0
    out = capsys.readouterr()
    assert re.search(r"run/final: 4 iterations, 4 now in \d", out.out)
    assert re.search(r"4/4  [\d.]+ steps/s  0:00 left  D [\d.]+  A [\d.]+  B [\d.]+  C [\d.]+  E [\d.]+", out.err)
    assert any((run / "tensorboard").iterdir())
    generate = words(generator=tiny_checkpoint, alpha=run / "final", n=3, out=tmp_path / "shards")
    assert main(["generate", *generate]) == 0
    assert len(l4f.open_dataset(tmp_path / "shards")) == 3


@pytest.mark.parametrize(
    ("given", "left"),
    [({"switched_off": "channels:0.5", "crops": "plain"}, {"channels_of": None}),
     ({"switched_off": "channels:auto", "channels_of": "a/"}, {"crops": "auto"})],
)  # fmt: skip
def test_every_setting_is_a_flag(capsys, given, left):
    values = given | {
        "preset": "paper", "phi_2_heads": [0.1, 0.3], "choosing_iterations": 11, "patience": 12, "cut_rounds": 13,
        "cut_samples": 14, "teaching_iterations": 15,
        "generator": "g.pt", "images": "world:garden", "world_images": 7, "content_rows": 48,
        "first_resolution": "auto",
        "iterations": 3, "batch_size": 2, "accumulate": 2, "alpha_learning_rate": 0.1,
        "discriminator_learning_rate": 0.2, "beta_1": 0.5, "alpha_beta_2": 0.6, "discriminator_beta_2": 0.7,
        "anneal": 0.3, "adversarial_weight": 2.0, "lambda_1": 3.0, "lambda_2": 4.0, "phi_1": 0.5, "lambda_3": 6.0,
        "phi_2": 0.7,
        "lambda_4": 0.8, "edge_scale": 0.2, "edge_ramp": 0.9,
        "r1": 8.0, "r1_every": 9, "psi": 0.4, "background_psi": 0.5, "backgrounds": "generator",
        "noise": "none", "ema_decay": 0.9, "discriminator_width": 0.5, "minibatch_group": 1, "seed": 5,
        "precision": "bf16", "device": "cpu", "log_every": 1, "sheet_every": 2, "checkpoint_every": 3,
        "keep_checkpoints": 4,
    }  # fmt: skip
    switches = {"graphs": True, "mirror": True, "share_z": True, "reuse_samples": True}
    assert values.keys() | switches.keys() | left.keys() == TrainAlphaSettings.model_fields.keys()
    flags = [*words(**values | {"phi_2_heads": "0.1,0.3"}), *(f"--{name.replace('_', '-')}" for name in switches)]
    assert main(["train-alpha", "--out", "o", *flags, "--dry-run"]) == 0
    assert json.loads(capsys.readouterr().out) == values | switches | left | {"out": "o"}


def test_a_flag_can_switch_off_what_the_pipeline_file_switches_on(capsys, tmp_path):
    (tmp_path / "p.yaml").write_text("train-alpha: {preset: paper, mirror: true, lambda_1: 7}")
    arguments = ["train-alpha", "--config", str(tmp_path / "p.yaml"), "--out", "o", "--dry-run"]
    assert main([*arguments, "--no-mirror"]) == 0
    settings = json.loads(capsys.readouterr().out)
    assert (settings["mirror"], settings["lambda_1"]) == (False, 7)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--first-resolution", "12"], "8, 16, 32, … or auto"),
        (["--first-resolution", "4"], "8, 16, 32, … or auto"),
        (["--lambda-1", "-1"], "lambda_1: got '-1'"),
        (["--iterations", "0"], "iterations: got '0'"),
        (["--images", "nowhere"], "images: got nowhere"),
        (["--batch-size", "6"], "a multiple of 4"),
    ],
)
def test_a_mistake_is_one_line_and_exit_2(capsys, tmp_path, flags, said):
    assert main(["train-alpha", "--config", "vessels", "--out", str(tmp_path / "run"), *flags]) == 2
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_run_makes_all_stages_and_skips_what_is_finished(tmp_path, tiny_checkpoint, capsys):
    write_pictures(tmp_path / "images", 6)
    training = {"generator": str(tiny_checkpoint), "images": str(tmp_path / "images"), **FEW}
    generating = {"generator": str(tiny_checkpoint), "n": 5, "device": "cpu"}
    # JSON is YAML.
    (tmp_path / "p.yaml").write_text(json.dumps({"train-alpha": training, "generate": generating}))
    arguments = ["run", str(tmp_path / "p.yaml"), "--out", str(tmp_path / "out")]
    assert main(arguments) == 0
    first = capsys.readouterr().out
    assert "4 iterations, 4 now" in first and "5 samples in 1 shards; made 5" in first
    alpha = l4f.open_dataset(tmp_path / "out" / "shards").description["checkpoints"]["alpha"]
    assert alpha["name"].endswith("out/alpha/final")
    assert main(arguments) == 0
    again = capsys.readouterr().out
    assert "4 iterations, 0 now" in again and "made 0" in again
    assert main([*arguments, "--dry-run"]) == 0
    assert list(json.loads(capsys.readouterr().out)) == ["train-alpha", "generate"]


def test_run_of_a_single_stage(tmp_path, tiny_checkpoint, capsys):
    (tmp_path / "p.yaml").write_text(json.dumps({"generate": {"generator": str(tiny_checkpoint), "n": 2}}))
    assert main(["run", str(tmp_path / "p.yaml"), "--out", str(tmp_path / "out"), "--n", "3"]) == 0
    assert "3 samples" in capsys.readouterr().out
    assert not (tmp_path / "out" / "alpha").exists()


def test_the_embedded_pipeline_is_valid():
    settings = resolve(TrainAlphaSettings, load_pipeline("vessels").train_alpha, {})
    assert settings.images == "world:vessels" and settings.first_resolution == 8


def test_auto_asks_the_analysis(monkeypatch):
    asked = []
    monkeypatch.setattr(
        "l4f_datagen.analysis.layers.first_resolution", lambda generator, **how: asked.append((generator, how)) or 16
    )
    settings = TrainAlphaSettings(preset="paper", first_resolution="auto", psi=0.5, seed=3)
    assert dict(prepare(settings).settings) == dict(settings) | {"first_resolution": 16}
    assert asked[0][0].architecture.resolution == 128 and asked[0][1] == {"psi": 0.5, "seed": 3}
    assert prepare(TrainAlphaSettings(preset="paper", first_resolution=8)).settings.first_resolution == 8
    assert len(asked) == 1
