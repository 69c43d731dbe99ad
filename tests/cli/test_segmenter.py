"""``train-segmenter``, ``segment`` and the conversion to ONNX, from the command line."""

import json
import re

import numpy as np
import pytest
import torch
from PIL import Image

import l4f_datagen as l4f
from l4f_datagen.cli import main
from l4f_datagen.networks.segmenters.unet import UNet
from l4f_datagen.settings import SegmentSettings, TrainSegmenterSettings
from l4f_datagen.weights import native
from l4f_datagen.weights.onnx import writing as onnx_file
from tests.training.conftest import write_pictures

from .test_train_alpha import words

FEW = {
    "world_images": 12, "validation": 0.25, "size": 24, "width": 4, "iterations": 3, "batch_size": 4,
    "log_every": 1, "validate_every": 3, "checkpoint_every": 3, "sheet_every": 3, "device": "cpu",
}  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A BiSeNet that was trained for three steps, with its ONNX file."""
    folder = tmp_path_factory.mktemp("runs") / "bisenet"
    flags = words(shards="world:vessels", arch="bisenet", **FEW)
    assert main(["train-segmenter", "--out", str(folder), *flags, "--onnx", "--tensorboard"]) == 0
    return folder


def test_from_training_to_masks(run, tmp_path, capsys):
    write_pictures(tmp_path / "in", 3)
    arguments = ["segment", "--segmenter", str(run), str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--alpha"]
    assert main(arguments) == 0
    told = capsys.readouterr()
    assert re.search(r"out: 3 images in [\d.]+ s", told.out) and "--video" not in told.err
    assert main([*arguments[:-1], "--video", "mask,frames"]) == 0
    assert "no video among the images: --video frames,mask had no effect" in capsys.readouterr().err
    masks = sorted((tmp_path / "out").rglob("*[0-9].png"))
    assert len(masks) == 3 and np.array(Image.open(masks[0])).shape == (16, 20)
    (tmp_path / "in" / "broken.jpg").write_text("no image")
    assert main(arguments) == 1
    assert "1 images could not be read" in capsys.readouterr().err


def test_what_training_says(run, capsys):
    flags = words(shards="world:vessels", arch="bisenet", **FEW)
    assert main(["train-segmenter", "--out", str(run), *flags]) == 0
    assert re.search(r"bisenet/final: 3 iterations, 0 now in [\d.]+ s; mIoU 0\.\d+", capsys.readouterr().out)
    assert any((run / "tensorboard").iterdir())


def test_the_onnx_file_gives_the_same_scores_at_any_size(run):
    network = l4f.load_segmenter(run)
    import onnxruntime

    session = onnxruntime.InferenceSession(str(run / "final" / "segmenter.onnx"))
    facts = session.get_modelmeta().custom_metadata_map
    assert json.loads(facts["foreground"]) == [1] and json.loads(facts["size"]) == 24
    for shape in ((1, 3, 24, 24), (3, 3, 37, 51)):
        image = torch.rand(shape) * 2 - 1
        (found,) = session.run(["scores"], {"image": image.numpy()})
        assert np.abs(found - network(image).numpy()).max() < 1e-4


def test_a_unet_becomes_onnx_too(tmp_path, capsys):
    network = UNet(depth=1, width=2, classes=3).eval()
    native.save(tmp_path / "unet", segmenter=network)
    assert main(["convert", str(tmp_path / "unet"), "--out", str(tmp_path / "a.onnx"), "--json"]) == 0
    done = json.loads(capsys.readouterr().out)
    assert done["target"] == "onnx" and done["networks"] == ["segmenter"] and done["largest_difference"] < 1e-4
    # What is verified is the file.
    with torch.no_grad():
        network.scores.bias += 1
    assert onnx_file.difference(network, tmp_path / "a.onnx") > 0.9


def test_only_segmenters_become_onnx(tiny_checkpoint, tmp_path, capsys):
    assert main(["convert", str(tiny_checkpoint), "--out", str(tmp_path / "a.onnx")]) == 2
    assert "expected a segmenter" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_every_setting_of_training_is_a_flag(capsys, tmp_path):
    (tmp_path / "list.txt").write_text("000000003 1\n7\n")
    values = {
        "world_images": 7, "validation": "0.3", "validation_images": 8, "arch": "smp:Unet/resnet34", "classes": 3,
        "width": 8,
        "depth": 4, "stem": 2, "size": 48, "loss": "soft", "threshold": 0.6, "foregrounds": 0.3,
        "auxiliary_weight": 0.5, "flip": 0.1, "scale": 0.2, "scaled": 0.9,
        "crop": 0.3, "colour": 0.4, "blur": 0.5, "jpeg": 0.6,
        "iterations": 9, "batch_size": 2, "learning_rate": 0.1, "weight_decay": 0.2, "schedule": "cosine",
        "warm_up": 0.3, "ema_decay": 0.4, "keep": "last", "seed": 5, "precision": "bf16", "device": "cpu",
        "memory": 0.5, "workers": 3, "validate_every": 1, "log_every": 2, "sheet_every": 3, "checkpoint_every": 4,
        "keep_checkpoints": 5, "sample_weights": "w.csv", "photographs": "p", "rounds": 3, "students": 4,
        "agreement": 0.7, "encoder": "e.pth",
    }  # fmt: skip
    assert values.keys() | {"shards", "without", "graphs"} == TrainSegmenterSettings.model_fields.keys()
    flags = [*words(**values), "--shards", "a", "--shards", "b:0.5,world:vessels:2"]
    flags += ["--without", str(tmp_path / "list.txt"), "--graphs"]
    assert main(["train-segmenter", "--out", "o", *flags, "--dry-run"]) == 0
    shards = ["a", "b:0.5", "world:vessels:2"]
    assert json.loads(capsys.readouterr().out) == values | {
        "shards": shards,
        "graphs": True,
        "without": ["000000003 1", "000000007"],
        "out": "o",
    }


def test_every_setting_of_segment_is_a_flag(capsys):
    values = {
        "segmenter": "s", "foreground": [1, 2], "threshold": 0.4, "size": 64, "tile": 32, "overlap": 0.5,
        "batch_size": 2, "mask_values": "0255", "names": "full", "device": "cpu", "video": ["frames", "mask"],
        "video_format": "avi",
    }  # fmt: skip
    switches = dict.fromkeys(("alpha", "cutout", "overlay", "classes"), True)
    assert values.keys() | switches.keys() == SegmentSettings.model_fields.keys()
    flags = [*words(**values | {"foreground": "1,2", "video": "frames,mask"}), *(f"--{name}" for name in switches)]
    assert main(["segment", "a.jpg", "--out", "o", *flags, "--dry-run"]) == 0
    assert json.loads(capsys.readouterr().out) == values | switches | {"images": ["a.jpg"], "out": "o"}


def test_sources_and_their_weights():
    settings = TrainSegmenterSettings(shards="a, C:/b:2,world:vessels,world:vessels:0.5")
    assert [tuple(source) for source in settings.sources] == [
        ("a", 1), ("C:/b", 2), ("world:vessels", 1), ("world:vessels", 0.5),
    ]  # fmt: skip
    assert (settings.held_out, TrainSegmenterSettings(validation="real").held_out) == (0.05, None)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train-segmenter"], "shards: got none"),
        (["train-segmenter", "--shards", "nowhere"], "no such folder"),
        (["train-segmenter", "--shards", "a:0"], "weights above 0"),
        (["train-segmenter", "--shards", "a", "--stem", "3"], "1, 2, 4 or auto"),
        (["train-segmenter", "--shards", "a", "--validation", "1.5"], "below 1"),
        (["train-segmenter", "--shards", "a", "--arch", "resnet"], "unet"),
        (["segment", "a.jpg"], "segmenter: got none"),
        (["segment"], "Missing argument"),
        (["segment", "a.jpg", "--foreground", "skin"], "foreground: got"),
    ],
    ids=lambda value: " ".join(value)[:40],
)
def test_a_mistake_is_one_line_and_exit_2(capsys, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save("a.jpg")
    assert main([*arguments, "--out", "out"]) == 2
    message = capsys.readouterr().err
    assert said in message and message.count("\n") == 1, message
    assert not (tmp_path / "out").exists()


def test_run_trains_a_segmenter_on_what_it_generated(tmp_path, tiny_checkpoint, capsys):
    generating = {"generator": str(tiny_checkpoint), "n": 9, "device": "cpu", "threshold": 0.5}
    few = {name: value for name, value in FEW.items() if name not in ("world_images", "size")}
    training = {**few, "validation": "world:vessels", "validation_images": 4}
    # JSON is YAML.
    (tmp_path / "p.yaml").write_text(json.dumps({"generate": generating, "train-segmenter": training}))
    arguments = ["run", str(tmp_path / "p.yaml"), "--out", str(tmp_path / "out")]
    assert main(arguments) == 0
    assert "segmenter/final: 3 iterations, 3 now" in capsys.readouterr().out
    assert l4f.load_segmenter(tmp_path / "out" / "segmenter").size == 16
    assert main(arguments) == 0
    assert "3 iterations, 0 now" in capsys.readouterr().out
    assert main([*arguments, "--dry-run"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["train-segmenter"]["shards"] == [str(tmp_path / "out" / "shards")]
