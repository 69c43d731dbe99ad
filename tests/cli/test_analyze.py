import csv
import sys

import cv2
import numpy as np
import pytest
import torch

from l4f_datagen.cli import main
from l4f_datagen.networks.segmenters.unet import UNet
from l4f_datagen.networks.stylegan2 import GeneratorArchitecture
from l4f_datagen.weights import native
from tests.conftest import tiny_generator
from tests.training.conftest import write_pictures


def table(folder):
    with (folder / "table.csv").open() as file:
        return list(csv.DictReader(file))


def test_layers(capsys, tmp_path, tiny_checkpoint):
    out = tmp_path / "new" / "layers"
    assert main(["analyze", "layers", "--generator", str(tiny_checkpoint), "--n", "9", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    rows = table(out)
    assert [row["resolution"] for row in rows] == ["4", "8", "16"]
    assert all(f"SSIM {float(row['ssim']):.3f}" in printed for row in rows)
    assert printed.splitlines()[-1] == "first_resolution: 8"
    assert cv2.imread(str(out / "plot.png")).shape == (480, 960, 3)
    assert cv2.imread(str(out / "sheet.png")).std() > 10


def test_backgrounds(capsys, tmp_path, tiny_checkpoint):
    arguments = ["analyze", "backgrounds", "--generator", str(tiny_checkpoint), "--n", "3", "--psi", "0.7"]
    arguments += ["--shares", "0.5,0,1"]
    for name in "ab":
        assert main([*arguments, "--out", str(tmp_path / name)]) == 0
    printed = capsys.readouterr().out
    rows = table(tmp_path / "a")
    assert [row["layer"] for row in rows] == ["constant", "first_convolution", "8_up", "8", "16_up", "16"]
    assert all(float(row["gradient"]) > 0 and float(row["effect"]) >= 0 for row in rows)
    assert printed.splitlines()[-1] in ("switched_off: constant", "switched_off: first_convolution")
    for name in ("table.csv", "trials.csv", "plot.png", "sheet.png"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize("verdict", [0, 1])
def test_shares_of_channels_are_tried(capsys, tmp_path, tiny_checkpoint, verdict):
    """By a UNet that takes every pixel for background, or for foreground, with crops that are read from files."""
    unet = UNet(classes=2, width=2, depth=1).eval()
    torch.nn.init.zeros_(unet.scores.weight)
    unet.scores.bias.data = torch.tensor([1.0 - verdict, float(verdict)])
    native.save(tmp_path / "unet", segmenter=unet)
    write_pictures(tmp_path / "crops", 2)
    arguments = ["analyze", "backgrounds", "--generator", str(tiny_checkpoint), "--n", "2", "--shares", "0,0.5"]
    arguments += ["--crops", str(tmp_path / "crops"), "--segmenter", str(tmp_path / "unet")]
    assert main([*arguments, "--out", str(tmp_path / "o")]) == 0
    with (tmp_path / "o" / "trials.csv").open() as file:
        rows = {row["switched_off"]: row for row in csv.DictReader(file)}
    assert list(rows) == ["first_convolution", "constant", "channels:0", "channels:0.5"]
    assert [rows[name]["zeroed"] for name in ("channels:0", "channels:0.5")] == ["0", "18"]
    assert all(float(row["foreground"]) == verdict for row in rows.values())
    printed = capsys.readouterr().out
    assert all(f"{name:18} " in printed for name in rows) and "%" in printed


@pytest.mark.parametrize("analysis", ["layers", "backgrounds"])
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--n", "0"], ["n: got '0'", "greater than 0"]),
        (["--psi", "2"], ["psi", "1.5"]),
        (["--generator", "nowhere.pt"], ["nowhere.pt", "vessels"]),
        (["--device", "cuda:97"], ["cuda:97"]),
    ],
    ids=lambda value: " ".join(value)[:12],
)
def test_mistakes(capsys, tmp_path, analysis, arguments, words):
    assert main(["analyze", analysis, *arguments, "--out", str(tmp_path / "o")]) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1 and all(word in message for word in words), message


@pytest.mark.parametrize("analysis", ["layers", "backgrounds"])
def test_a_large_generator_in_small_batches(tmp_path, analysis):
    """Pictures are shrunk for the sheet, which does not depend on the batches but for rounding."""
    architecture = GeneratorArchitecture(channels=(6, 6, 4, 4, 4, 3, 3), z_dim=4, w_dim=4, mapping_layers=1)
    native.save(tmp_path / "g", generator=tiny_generator(architecture), card={"name": "g", "licence": "MIT"})
    sheets = []
    for size in ("3", "8"):
        out = tmp_path / size
        words = ["--generator", str(tmp_path / "g"), "--n", "4", "--batch-size", size, "--out", str(out)]
        words += ["--shares", "0.5"] * (analysis == "backgrounds")
        assert main(["analyze", analysis, *words]) == 0
        sheets.append(cv2.imread(str(out / "sheet.png")).astype(int))
    assert sheets[0].std() > 10
    assert np.abs(sheets[0] - sheets[1]).max() <= 2


def test_too_little_memory_names_the_batch_size(capsys, tmp_path, tiny_checkpoint, monkeypatch):
    monkeypatch.setattr("l4f_datagen.analysis.layers.images_with_noise", lambda *_, **__: torch.empty(1 << 60))
    assert main(["analyze", "layers", "--generator", str(tiny_checkpoint), "--out", str(tmp_path)]) == 1
    assert "batches of 8: use a smaller --batch-size" in capsys.readouterr().err


def test_out_that_is_a_file(capsys, tmp_path):
    (tmp_path / "file").write_text("precious")
    assert main(["analyze", "layers", "--out", str(tmp_path / "file")]) == 2
    assert "expected a folder" in capsys.readouterr().err
    assert (tmp_path / "file").read_text() == "precious"


def test_without_matplotlib_the_extra_is_named(capsys, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert main(["analyze", "layers", "--n", "4", "--out", str(tmp_path)]) == 2
    assert "l4f-datagen[analysis]" in capsys.readouterr().err
