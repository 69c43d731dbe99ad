"""Segmenters of transformers, tiny ones with random weights. One file, since the library takes seconds to import."""

import json
import shutil

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

import l4f_datagen as l4f
from l4f_datagen.errors import UserError
from l4f_datagen.evaluation.references import open_masker
from l4f_datagen.making.render import render
from l4f_datagen.settings import EvaluateSegmenterSettings, RenderSettings, TrainSegmenterSettings
from l4f_datagen.training.core.run import RunFolder
from l4f_datagen.training.segmenter.train import train_segmenter
from l4f_datagen.weights import native
from l4f_datagen.weights.conversion.convert import convert
from l4f_datagen.weights.families import family_of
from l4f_datagen.weights.inspection import inspect


@pytest.fixture(autouse=True, scope="module")
def library():
    """The library, for these tests alone: every process that collects them would wait for it."""
    global transformers, hf
    transformers = pytest.importorskip("transformers")
    from l4f_datagen.weights.families import hf


SEGFORMER = {
    "model_type": "segformer", "hidden_sizes": [4, 4, 8, 8], "depths": [1, 1, 1, 1], "decoder_hidden_size": 8,
    "num_attention_heads": [1, 1, 2, 2],
}  # fmt: skip
_TRANSFORMER = {"hidden_size": 8, "num_hidden_layers": 4, "num_attention_heads": 2, "intermediate_size": 8}
_PATCHES = {**_TRANSFORMER, "image_size": 32, "patch_size": 8}
KINDS = {
    "segformer": SEGFORMER,
    "beit": {**_PATCHES, "out_indices": [1, 2, 3, 4]},
    "data2vec-vision": {**_PATCHES, "out_indices": [1, 2, 3, 4]},
    "dpt": {
        **_PATCHES, "backbone_out_indices": [0, 1, 2, 3], "neck_hidden_sizes": [4, 4, 8, 8], "fusion_hidden_size": 8,
    },
    "mobilevit": {
        "hidden_sizes": [8, 8, 8], "neck_hidden_sizes": [4, 4, 4, 8, 8, 8, 8], "aspp_out_channels": 8,
        "num_attention_heads": 2,
    },
    "upernet": {
        "hidden_size": 8, "use_pretrained_backbone": True,
        "backbone_config": {
            "model_type": "convnext", "hidden_sizes": [4, 4, 8, 8], "depths": [1, 1, 1, 1],
            "out_features": ["stage1", "stage2", "stage3", "stage4"],
        },
    },
}  # fmt: skip
"""Tiny configurations of every kind of model that is told from others in how it wants its images."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny SegFormer of five classes as ``save_pretrained`` leaves it."""
    place = tmp_path_factory.mktemp("hf") / "segformer"
    torch.manual_seed(0)
    said = {key: value for key, value in SEGFORMER.items() if key != "model_type"}
    model = transformers.SegformerForSemanticSegmentation(transformers.SegformerConfig(num_labels=5, **said))
    save_file(model.state_dict(), place.mkdir() or place / "model.safetensors", {"format": "pt"})
    model.config.save_pretrained(place)
    return place


@pytest.fixture(scope="module")
def settings(folder, tmp_path_factory):
    shards = tmp_path_factory.mktemp("shards") / "rendered"
    render(RenderSettings(n=12, size=32, samples_per_shard=6), shards)
    return TrainSegmenterSettings(
        shards=(str(shards),), arch=f"hf:{folder}", validation="0.3", size=32, iterations=3, batch_size=4, device="cpu",
        log_every=1, checkpoint_every=1, validate_every=3, sheet_every=3,
    )  # fmt: skip


@pytest.fixture(scope="module")
def run(settings, tmp_path_factory):
    place = tmp_path_factory.mktemp("run") / "run"
    train_segmenter(settings, place)
    return place


@pytest.mark.parametrize("name", ["segformer-b0", "segformer-b5"])
def test_published_configurations_have_the_published_sizes(name):
    with torch.device("meta"):
        network, notes = hf.Transformers().begin(name, classes=150, size=512)
    millions = sum(parameter.numel() for parameter in network.parameters()) / 1e6
    assert round(millions, 1) == {"segformer-b0": 3.8, "segformer-b5": 84.7}[name] and notes == ()


def test_a_folder_gives_the_scores_that_transformers_gives(folder):
    network, (note,) = hf.Transformers().begin(str(folder), classes=5, size=64)
    assert "at random" not in note and "left out" not in note
    model = transformers.SegformerForSemanticSegmentation.from_pretrained(folder).eval()
    image = torch.rand(2, 3, 64, 96)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    with torch.no_grad():
        theirs = F.interpolate(model((image - mean) / std).logits, size=(64, 96), mode="bilinear")
        ours = network.eval()(image * 2 - 1)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_models_of_every_kind_take_images_of_any_size_and_are_made_again(kind, tmp_path):
    torch.manual_seed(0)
    stated = {"config": {"model_type": kind, **KINDS[kind]}, "classes": 3}
    network = hf.Transformers().again(stated, foreground=None, size=48).eval()
    with torch.no_grad():
        for size in ((64, 64), (33, 47), (1, 1)):
            scores = network(torch.randn(2, 3, *size))
            assert scores.shape == (2, 3, *size) and scores.isfinite().all()
        assert network.deepest(torch.randn(2, 3, 40, 40)).ndim == 4
    native.save(tmp_path / "saved", segmenter=network)
    again = l4f.load_segmenter(tmp_path / "saved")
    image = torch.randn(1, 3, 40, 64)
    assert (again.name, again.size) == (f"hf:{kind}", 48)
    torch.testing.assert_close(again(image), network(image).detach())


def test_a_run_says_what_it_is_and_is_used_like_any_other(run, settings, folder):
    card = native.read_card(run / "final")
    assert card["segmenter"]["architecture"]["config"]["hidden_sizes"] == SEGFORMER["hidden_sizes"]
    assert card["source"]["segmenter"].endswith(f"begun with the weights of hf:{folder}")
    found = inspect(run)
    assert found.what == "a Segformer of transformers of 2 classes" and found.networks[0].segmenter == "hf:segformer"
    images = np.zeros((2, 40, 50, 3), np.uint8)
    found = l4f.segment(l4f.load_segmenter(run), images)
    masker = open_masker(str(run), EvaluateSegmenterSettings(images="world:vessels"), torch.device("cpu"))
    assert np.array_equal(masker(images, ["a", "b"]), found.mask)
    assert convert(run, run.parent / "native").largest_difference == 0


def test_killed_and_started_again_it_gives_the_same_bits(run, settings, tmp_path, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(RunFolder, "sheet", killed)  # after the third step, whose dropout is drawn anew
        train_segmenter(settings, tmp_path / "run")
    assert train_segmenter(settings, tmp_path / "run").made == 1
    whole, again = (load_file(place / "final" / "segmenter.safetensors") for place in (run, tmp_path / "run"))
    assert all(torch.equal(whole[name], again[name]) for name in whole)


def test_a_run_is_told_by_the_content_of_the_folder(run, settings, folder, tmp_path):
    shutil.copytree(folder, tmp_path / "moved")
    moved = settings.model_copy(update={"arch": f"hf:{tmp_path / 'moved'}"})
    assert train_segmenter(moved, run).made == 0
    tensors = load_file(folder / "model.safetensors")
    save_file({k: t + 1 for k, t in tensors.items()}, tmp_path / "moved" / "model.safetensors", {"format": "pt"})
    with pytest.raises(UserError, match="with other settings: arch"):
        train_segmenter(moved, run)


def written(folder, place, **changes):
    """The folder at another place, with other entries in its configuration, or other files where they have a suffix."""
    shutil.copytree(folder, place)
    said = json.loads((place / "config.json").read_text())
    (place / "config.json").write_text(json.dumps(said | changes))
    return place


def test_what_does_not_fit_is_told(folder, tmp_path):
    place = written(folder, tmp_path / "more")
    tensors = load_file(folder / "model.safetensors")
    tensors = {k: t for k, t in tensors.items() if not k.startswith("decode_head")} | {
        "classifier.bias": torch.zeros(9)
    }
    save_file(tensors, place / "model.safetensors", {"format": "pt"})
    (place / "preprocessor_config.json").write_text('{"image_mean": [0.5, 0.5, 0.5], "image_std": [0.25, 0.25, 0.25]}')
    network, (note,) = hf.Transformers().begin(str(place), classes=2, size=64)
    assert "begin at random (decode_head." in note and "1 of the file are left out (classifier.bias)" in note
    assert network.architecture["mean"] == [0.5] * 3 and network.architecture["std"] == [0.25] * 3
    (place / "preprocessor_config.json").write_text('{"do_rescale": true, "do_flip_channel_order": true}')
    network, _ = hf.Transformers().begin(str(place), classes=2, size=64)
    assert network.architecture["mean"] == [0.0] * 3 and network.architecture["bgr"] is True
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(
            network.eval()(image * 2 - 1),
            network.model((image).flip(1)).logits.new_tensor(
                F.interpolate(network.model(image.flip(1)).logits, size=(64, 64), mode="bilinear").numpy()
            ),
        )


REFUSED = {
    "code of its own": ({"auto_map": {"AutoModel": "evil.py"}}, "auto_map"),
    "no segmentation": ({"model_type": "bert"}, "kind bert"),
    "no kind": ({"model_type": None}, "none for semantic segmentation"),
    "endless layers": ({"depths": [1, 1, 1, 10**9]}, "depths"),
    "a layer as wide as memory": ({"decoder_hidden_size": 10**7}, "decoder_hidden_size"),
    "images of four channels": ({"num_channels": 4}, "num_channels 4 where images have 3"),
    "a backbone of one channel": ({"backbone_config": {"num_channels": 1}}, "num_channels 1 where images have 3"),
    "quantised": ({"quantization_config": {"bits": 4}}, "quantization_config"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_configuration_that_cannot_be_used_is_refused(what, folder, tmp_path):
    changes, message = REFUSED[what]
    place = written(folder, tmp_path / "other", **changes)
    with pytest.raises(UserError, match=message):
        hf.Transformers().begin(str(place), classes=2, size=64)


def test_a_place_that_cannot_be_used_is_told_before_anything_is_written(folder, settings, tmp_path):
    (tmp_path / "empty").mkdir()
    unsafe = written(folder, tmp_path / "unsafe")
    (unsafe / "model.safetensors").rename(unsafe / "pytorch_model.bin")
    torn = written(folder, tmp_path / "torn")
    (torn / "model.safetensors").write_bytes(b"\0" * 99)
    others = written(folder, tmp_path / "others")
    save_file({"nothing": torch.zeros(3)}, others / "model.safetensors", {"format": "pt"})
    for arch, message in {
        "hf:nvidia/mit-b0": "hf download nvidia/mit-b0 --local-dir",
        f"hf:{tmp_path / 'empty'}": "a folder without config.json",
        f"hf:{unsafe}": "a folder without model.safetensors",
        f"hf:{torn}": "cannot load",
        f"hf:{others}": "none is of this model",
    }.items():
        with pytest.raises(UserError, match=message):
            train_segmenter(settings.model_copy(update={"arch": arch}), tmp_path / "run")
    with pytest.raises(UserError, match="--width: got a setting of other networks"):
        train_segmenter(settings.model_copy(update={"width": 64}), tmp_path / "run")
    with pytest.raises(UserError, match="graphs: got a recording"):
        train_segmenter(settings.model_copy(update={"graphs": True}), tmp_path / "run")
    with pytest.raises(UserError, match="no encoder of ImageNet"):
        train_segmenter(settings.model_copy(update={"encoder": "resnet18.pth"}), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("changes", [{"depths": [1, 1, 1, 9]}, {"model_type": "../evil"}, {"hidden_sizes": "wide"}])
def test_a_card_that_claims_another_model_is_refused(run, tmp_path, changes):
    place = tmp_path / "final"
    shutil.copytree(run / "final", place)
    card = json.loads((place / "model.json").read_text())
    card["segmenter"]["architecture"]["config"] |= changes
    (place / "model.json").write_text(json.dumps(card))
    with pytest.raises(UserError, match="segmenter.safetensors"):
        l4f.load_segmenter(place)


def test_families_are_found_by_what_stands_before_the_colon():
    found = family_of("hf:segformer-b0")
    assert found and found[1] == "segformer-b0" and isinstance(found[0], hf.Transformers)
    assert family_of("unet") is None and family_of("other:unet") is None and family_of(None) is None


@pytest.mark.slow
def test_it_becomes_onnx(run):
    pytest.importorskip("onnxscript")
    assert convert(run, run.parent / "segformer.onnx").largest_difference < 1e-4
