"""Table 2 of the paper: samples of no or several objects are rejected, by instances, and counted."""

import json
import re

import numpy as np
import pytest
import torch

from l4f_datagen.cli import main
from l4f_datagen.errors import UserError
from l4f_datagen.evaluation import alpha
from l4f_datagen.evaluation.references import InstanceMasker, open_masker
from l4f_datagen.evaluation.rejection import asked
from l4f_datagen.settings import EvaluateAlphaSettings, EvaluateSegmenterSettings
from tests.detectors import lists, picture

pytest.importorskip("onnx")
COLOURS = ((), ("red",), ("red", "green"), ("blue",))


@pytest.fixture
def detector(tmp_path):
    return lists(tmp_path / "d.onnx")


def test_touching_objects_are_several_and_the_mask_is_their_union(detector):
    masker = open_masker(detector, EvaluateSegmenterSettings(images="world:vessels"), torch.device("cpu"))
    images = np.stack([picture(*colours) for colours in COLOURS])
    masks, reasons = asked(masker, images, list("abcd"), 0.01)
    assert isinstance(masker, InstanceMasker) and reasons == ["no object", None, "several objects", None]
    np.testing.assert_array_equal(masks, images.max(3) > 128)
    np.testing.assert_array_equal(masker(images, list("abcd")), masks)

    def parts(images, keys):
        return masks

    # As parts of a mask the two that touch are one.
    assert asked(parts, images, list("abcd"), 0.01)[1] == ["empty", None, None, None]


def test_what_is_rejected_is_counted_beside_the_rest(capsys, tmp_path, tiny_checkpoint, detector):
    words = ["evaluate", "alpha", "--generator", str(tiny_checkpoint), "--n", "9", "--psi", "1", "--device", "cpu",
             "--threshold", "0.4,0.5", "--resamples", "9", "--json-file", str(tmp_path / "r.json"), "--reference",
             detector]  # fmt: skip
    assert main([*words, "--object-area", "0.45"]) == 0
    rows = json.loads((tmp_path / "r.json").read_text())["rows"]
    assert [row["role"] for row in rows] == ["measured"] * 2 + ["unrejected"] * 2
    kept = rows[0]["images"]
    assert 0 < kept < 9 and [row["images"] for row in rows] == [kept, kept, 9, 9]
    assert [len(row["per_image"]) for row in rows] == [kept, kept, 0, 0]
    text = " ".join(capsys.readouterr().out.split())
    assert f"{kept} of 9 samples counted, {9 - kept} rejected: it found several objects in {9 - kept}" in text
    assert main([*words, "--reject", ""]) == 0
    rows = json.loads((tmp_path / "r.json").read_text())["rows"]
    assert [(row["role"], row["images"]) for row in rows] == [("measured", 9)] * 2
    assert main([*words[:-1], lists(tmp_path / "unsure.onnx", gain=0.4)]) == 1
    assert "it was not sure enough of any in " in capsys.readouterr().err


def test_a_list_made_elsewhere_is_of_the_images_that_evaluate_exports(tmp_path, tiny_checkpoint, detector):
    """The same detections, once by the detector itself and once as a list: the same table."""
    pytest.importorskip("pycocotools")
    from l4f_datagen.run_lengths import of_coco

    settings = EvaluateAlphaSettings(
        n=6, generator=str(tiny_checkpoint), psi="0.7,1", threshold="0.5", device="cpu", object_area=0.45
    )
    masker = open_masker(detector, settings, torch.device("cpu"))
    models, entries = alpha.load(settings), []
    for psi in settings.psi:
        for batch in alpha.draw(settings, models, psi):
            for key, found in zip(batch.keys, masker.find(batch.images, batch.keys), strict=True):
                common = {"image_id": f"exported/{key}.png", "category_id": 1, "score": 0.9}
                entries += [common | of_coco.encode(mask) for mask in found.masks]
    (tmp_path / "list.json").write_text(json.dumps(entries))
    listed = open_masker(str(tmp_path / "list.json"), settings, torch.device("cpu"))
    tables = [alpha.evaluate_alpha(settings, one, models=models).rows for one in (masker, listed)]
    assert [row.values for row in tables[0]] == [row.values for row in tables[1]]
    with pytest.raises(UserError, match="--onnx-mean: got no ONNX model"):
        alpha.evaluate_alpha(settings.model_copy(update={"onnx_mean": (0.5, 0.5, 0.5)}), listed)
    (tmp_path / "list.json").write_text(json.dumps([entry | {"image_id": "other.png"} for entry in entries]))
    with pytest.raises(UserError, match="nothing about 12 of 12 samples"):
        alpha.evaluate_alpha(settings, open_masker(str(tmp_path / "list.json"), settings, torch.device("cpu")))


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--foreground-classes", "1"), "classes of a segmenter for .*expected --reference-classes"),
        (("--onnx-logits",), "which gives instances; expected a segmenter of one channel"),
        (("--reference-classes", "cat"), "'cat', no class of"),
        (("--reference-images", "index"), "which sees the images themselves; expected a list of detections"),
        (("--reference-score", "2"), "less than or equal to 1"),
    ],
)
def test_flags_that_a_detector_does_not_take(capsys, tiny_checkpoint, detector, flags, told):
    words = ["evaluate", "alpha", "--generator", str(tiny_checkpoint), "--device", "cpu", "--reference", detector]
    assert main([*words, *flags]) == 2
    error = capsys.readouterr().err
    assert re.search(told, error) and error.count("\n") == 1


def test_flags_of_instances_mean_nothing_to_a_segmenter(capsys, tiny_checkpoint, red_segmenter):
    words = ["evaluate", "alpha", "--generator", str(tiny_checkpoint), "--device", "cpu", "--reference"]
    assert main([*words, str(red_segmenter), "--reference-score", "0.7"]) == 2
    assert "--reference-score: got no reference that gives instances" in capsys.readouterr().err


@pytest.mark.parametrize("metadata", [{}, {"task": "detect"}])
def test_a_detector_without_masks_is_no_segmenter(capsys, tmp_path, tiny_checkpoint, metadata):
    names = ("found", "labels", "scores", "masks") if metadata else ("boxes", "labels", "scores", "masks")
    path = lists(tmp_path / "boxes.onnx", names=names, masks=False, metadata=metadata)
    assert main(["evaluate", "alpha", "--generator", str(tiny_checkpoint), "--device", "cpu", "--reference", path]) == 2
    assert "export a detector with masks" in capsys.readouterr().err
