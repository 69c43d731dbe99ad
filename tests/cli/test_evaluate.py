import csv
import json
import sys

import cv2
import numpy as np
import pytest
import torch

from l4f_datagen.cli import main
from l4f_datagen.networks.segmenters.unet import UNet
from l4f_datagen.weights import native


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """Two folders of masks, one of images, and a segmenter that was never trained."""
    folder = tmp_path_factory.mktemp("evaluate")
    rng = np.random.default_rng(0)
    for name in ("p", "t", "i"):
        (folder / name).mkdir()
        for number in range(4):
            picture = rng.integers(0, 256, (16, 16, 3)) if name == "i" else (rng.random((16, 16)) < 0.5) * 255
            cv2.imwrite(str(folder / name / f"{number}.png"), picture.astype(np.uint8))
    torch.manual_seed(0)
    native.save(folder / "s", segmenter=UNet(width=4, depth=2).eval(), card={"name": "s", "licence": "MIT"})
    return folder


def results(folder):
    with (folder / "r.csv").open() as file:
        return json.loads((folder / "r.json").read_text()), list(csv.DictReader(file))


def run(here, tmp_path, *words):
    words = [word.replace("@", str(here)) for word in words]
    return main(["evaluate", *words, "--json-file", str(tmp_path / "r.json"), "--csv", str(tmp_path / "r.csv")])


def test_masks(capsys, here, tmp_path):
    assert run(here, tmp_path, "masks", "@/p", "@/t", "--worst", "2") == 0
    printed = capsys.readouterr().out
    content, (row,) = results(tmp_path)
    assert 0.2 < content["rows"][0]["miou"] < 0.5 and float(row["miou"]) == content["rows"][0]["miou"]
    assert f"{content['rows'][0]['miou']:.3f}" in printed and "Worst of" in printed
    assert len(content["rows"][0]["per_image"]) == 4 and content["settings"]["resamples"] == 1000
    first = (tmp_path / "r.json").read_bytes()
    assert run(here, tmp_path, "masks", "@/p", "@/t", "--worst", "2") == 0
    assert (tmp_path / "r.json").read_bytes() == first


def test_alpha(capsys, here, tmp_path, tiny_checkpoint):
    words = ["alpha", "--generator", str(tiny_checkpoint), "--n", "5", "--psi", "0.5", "--reject", ""]
    assert run(here, tmp_path, *words, "--reference", "@/s", "--threshold", "0.4,0.6", "--baselines") == 0
    content, rows = results(tmp_path)
    assert [row["threshold"] for row in rows] == ["0.4", "0.6", *[""] * 6] and {r["images"] for r in rows} == {"5"}
    assert content["settings"]["reference"].endswith("/s")
    assert "psi 0.5: 5 of 5 samples counted" in capsys.readouterr().out


def test_exported_images(capsys, tmp_path, tiny_checkpoint):
    words = ["evaluate", "alpha", "--generator", str(tiny_checkpoint), "--n", "3", "--psi", "0.5,1"]
    assert main([*words, "--export-images", str(tmp_path / "x")]) == 0
    assert "6 images" in capsys.readouterr().out
    assert cv2.imread(str(tmp_path / "x" / "psi0.5" / "000000002.png")).shape == (16, 16, 3)


def test_segmenter(capsys, here, tmp_path):
    words = ["segmenter", "@/s", "@/t", "--images", "@/i", "--masks", "@/t", "--supervised", "@/p", "--baselines"]
    assert run(here, tmp_path, *words) == 0
    _, rows = results(tmp_path)
    assert [row["role"] for row in rows] == ["supervised", "measured", "measured", *["baseline"] * 4]
    assert float(rows[2]["miou"]) == 1 and float(rows[2]["ratio"]) == pytest.approx(1 / float(rows[0]["miou"]))
    assert "of supervised" in capsys.readouterr().out


def test_segmenter_on_a_world(here, tmp_path):
    assert run(here, tmp_path, "segmenter", "@/s", "--images", "world:vessels", "--n", "3", "--size", "20") == 0
    assert results(tmp_path)[1][0]["images"] == "3"


def test_frechet(capsys, here, tmp_path, tiny_checkpoint):
    words = ["frechet", f"generator:{tiny_checkpoint}", "@/i", "--features", "@/s", "--n", "4"]
    assert run(here, tmp_path, *words) == 0
    (row,) = results(tmp_path)[1]
    assert float(row["fid"]) > 0 and row["dimensions"] == "16" and row["images"] == row["images of B"] == "4"
    assert "Few images" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["masks", "@/p", "@/nowhere"], ["nowhere"]),
        (["masks", "@/p", "@/t", "--truth-classes", "300"], ["truth_classes", "254"]),
        (["masks", "@/p", "@/t", "--json-file", "@"], ["json"]),
        (["alpha"], ["--reference", "--export-images"]),
        (["alpha", "--reference", "@/s", "--psi", "0.7,2"], ["psi", "1.5"]),
        (["alpha", "--reference", "@/s", "--psi", ""], ["psi"]),
        (["alpha", "--reference", "@/s", "--reject", "ugly"], ["reject", "several"]),
        (["alpha", "--reference", "@/nowhere.pth"], ["nowhere.pth"]),
        (["alpha", "--reference", "@/s", "--onnx-std", "1,0,1"], ["onnx_std", "greater than 0"]),
        (["alpha", "--reference", "@/s", "--onnx-mean", "1,1"], ["onnx_mean"]),
        (["alpha", "--reference", "@/s", "--reference-threshold", "0"], ["reference_threshold", "greater than 0"]),
        (["alpha", "--reference", "@/s", "--reference-threshold", "0.3"], ["--reference-threshold", "no ONNX model"]),
        (
            ["segmenter", "@/s", "--images", "@/i", "--masks", "@/t", "--onnx-logits", "--onnx-mean", "0,0,0"],
            ["--onnx-mean, --onnx-logits", "no ONNX model"],
        ),
        (["segmenter", "@/s", "--images", "@/i"], ["--masks"]),
        (["segmenter", "@/s"], ["--images"]),
        (["segmenter", "@/s", "--images", "world:moon"], ["moon", "vessels"]),
        (["segmenter", "@/s", "--images", "world:vessels", "--foreground-classes", "7"], ["classes 7", "0 to 1"]),
        (["frechet", "@/i", "@/i"], ["--features"]),
        (["frechet", "@/i", "@/i", "--features", "@/nowhere.pt"], ["nowhere.pt"]),
        (["frechet", "@/i", "@/nowhere", "--features", "@/s"], ["nowhere"]),
        (["frechet", "@/i", "@/i", "--features", "@/s", "--device", "cuda:97"], ["cuda:97"]),
    ],
    ids=lambda value: " ".join(value)[-24:],
)  # fmt: skip
def test_mistakes(capsys, here, words, expected):
    assert main(["evaluate", *(word.replace("@", str(here)) for word in words)]) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1 and all(word in message for word in expected), message


def test_without_torchmetrics_the_extra_is_named(capsys, here, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchmetrics", None)
    assert main(["evaluate", "masks", str(here / "p"), str(here / "t")]) == 2
    assert "l4f-datagen[evaluation]" in capsys.readouterr().err
