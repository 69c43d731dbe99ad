"""Table 2 of an experiment: samples rejected by instances, where the pipeline file names a detector."""

import json

import pytest

from l4f_datagen.cli import main
from l4f_datagen.errors import UserError
from l4f_datagen.experiment.plan import make_plan
from l4f_datagen.settings import load_pipeline
from tests.detectors import lists

from .conftest import tiny_pipeline


@pytest.fixture
def detector(tmp_path):
    pytest.importorskip("onnx")
    return lists(tmp_path / "d.onnx")


def planned(tmp_path, content):
    (tmp_path / "p.yaml").write_text(json.dumps(content))
    plan = make_plan(load_pipeline(str(tmp_path / "p.yaml")), tmp_path / "out")
    return {piece.place: (piece.settings, piece.looks_at["reference"]) for piece in plan.of("evaluate alpha")}


def test_a_detector_beside_the_supervised_segmenter_is_asked_in_its_own_way(tmp_path, tiny_checkpoint):
    content = tiny_pipeline(tiny_checkpoint)
    of_alpha = {"reference_score": 0.7, "reference_threshold": 0.4, "object_area": 0.2}
    content["evaluate"]["alpha"] |= of_alpha
    alone = planned(tmp_path, content)["evaluation/alpha.json"]
    assert alone[0].reference_score == 0.7  # there the setting is refused, once the reference is known
    content["evaluate"]["instances"] = "d.onnx"
    found = planned(tmp_path, content)
    settings, reference = found["evaluation/alpha.json"]
    assert reference.endswith("segmenters/unet-supervised")
    assert (settings.reference_score, settings.reference_threshold, settings.object_area) == (0.5, 0.4, 0.2)
    settings, reference = found["evaluation/alpha-instances.json"]
    assert reference == "d.onnx" and settings.n == 6 and settings.baselines
    assert (settings.reference_score, settings.reference_threshold, settings.object_area) == (0.7, None, 0.2)
    del content["segmenters"]
    del content["evaluate"]["segmenter"], content["evaluate"]["frechet"]
    # A layered generator is asked as the alpha network is.
    found = planned(tmp_path, content)
    assert set(found) == {"evaluation/alpha-instances.json", "evaluation/alpha-instances-layered.json"}
    settings, reference = found["evaluation/alpha-instances-layered.json"]
    assert reference == "d.onnx" and settings.generator.endswith("layered/final") and not settings.baselines
    del content["evaluate"]["instances"]
    with pytest.raises(UserError, match="no supervised segmenter"):
        planned(tmp_path, content)


def test_table_2_has_rows_with_and_without_rejection(tmp_path, tiny_checkpoint, detector):
    common = {"generator": str(tiny_checkpoint), "device": "cpu"}
    alpha = {"n": 9, "psi": "1.0", "threshold": "0.5", "object_area": 0.45, "resamples": 9}
    content = {"domain": "tiny", "generate": {**common, "n": 2}, "evaluate": {"instances": detector, "alpha": alpha}}
    (tmp_path / "p.yaml").write_text(json.dumps(content))
    assert main(["run", str(tmp_path / "p.yaml"), "--out", str(tmp_path / "out")]) == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    kept, everything = json.loads((tmp_path / "out" / "evaluation" / "alpha-instances.json").read_text())["rows"]
    ours = [row for row in report["paper"]["2"]["rows"] if row["who"] == "this run"]
    assert [(row["method"].rpartition(": ")[2], row["tiny"], row["images"]) for row in ours] == [
        ("not rejected", kept["miou"], kept["images"]), ("all", everything["miou"], 9),
    ]  # fmt: skip
    assert 0 < kept["images"] < 9
    assert not any("touch count as one" in note for note in report["paper"]["2"]["notes"])
    assert any("it found several objects in" in note for note in report["tables"]["alpha"]["notes"])
    assert "samples not rejected by instances: mIoU" in report["findings"][0]
    assert not any("Table 2" in line for line in report["missing"] if "PSeg" not in line)


def test_without_a_detector_the_table_says_how_to_give_one(experiment):
    table = json.loads((experiment / "report.json").read_text())["paper"]["2"]
    assert any("touch count as one: `evaluate: instances:` names a detector" in note for note in table["notes"])
