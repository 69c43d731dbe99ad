"""The stages of projection in an experiment: each takes what the one before it made, and the report tells."""

import json

import pytest

from l4f_datagen.cli import main
from l4f_datagen.errors import UserError

from .conftest import SEGMENTER
from .test_plan import plan_of

PROJECTING = {
    "train-encoder": {"images": "world:vessels", "world_images": 4, "width": 2, "hidden": 4, "iterations": 2,
                      "batch_size": 4, "photographs": 2, "validation_samples": 2, "device": "cpu"},
    "project": {"images": "world:vessels", "world_images": 4, "refine_steps": 2, "device": "cpu"},
}  # fmt: skip


EDIT = {"edit": {"direction": "pca:0", "steps": 2, "device": "cpu"}}


def test_each_stage_of_projection_takes_what_was_made(tmp_path):
    more = PROJECTING | EDIT | {"evaluate": {"projection": {"images": "world:vessels"}}}
    stages = {piece.name: piece for piece in plan_of(tmp_path, **more).pieces}
    project = stages["project"].settings
    assert (project.how, project.encoder) == ("encoder", str(tmp_path / "encoder" / "final"))
    assert project.generator == stages["train-encoder"].settings.generator == "net"
    assert project.alpha == str(tmp_path / "alpha" / "final")
    looks_at = stages["evaluate projection"].looks_at
    assert looks_at["codes"] == str(tmp_path / "codes")
    assert looks_at["supervised"] == str(tmp_path / "segmenters/unet-supervised")
    assert looks_at["segmenter 1"] == str(tmp_path / "segmenters/unet")
    edit = stages["edit"].settings
    assert (edit.codes, edit.generator, edit.alpha) == (str(tmp_path / "codes"), "net", project.alpha)
    of_seeds = {"edit": EDIT["edit"] | {"seeds": 3}}
    edit = {piece.name: piece for piece in plan_of(tmp_path, **PROJECTING, **of_seeds).pieces}["edit"].settings
    assert edit.codes is None and edit.alpha == project.alpha
    optimising = PROJECTING | {"project": {**PROJECTING["project"], "how": "optimise"}}
    stages = {piece.name: piece for piece in plan_of(tmp_path, **optimising).pieces}
    assert stages["project"].settings.encoder is None
    with pytest.raises(UserError, match="no section project"):
        plan_of(tmp_path, evaluate={"projection": {"images": "world:vessels"}})


def test_the_report_tells_of_projection(tmp_path, tiny_checkpoint):
    content = PROJECTING | {
        "paper": EDIT,  # only `run paper` edits
        "domain": "tiny",
        "train-segmenter": SEGMENTER | {"shards": ["world:vessels"]},
        "evaluate": {"projection": {"images": "world:vessels", "resamples": 9, "device": "cpu"}},
    }
    for section in ("train-encoder", "project"):
        content[section] = content[section] | {"generator": str(tiny_checkpoint)}
    (tmp_path / "tiny.yaml").write_text(json.dumps(content))
    words = ["run", "paper", "--domain", str(tmp_path / "tiny.yaml"), "--out", str(tmp_path / "out")]
    assert main(words) == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert f"run paper --out {tmp_path / 'out'} --domain {tmp_path / 'tiny.yaml'}" in report["command"]
    assert report["projected"]["photographs"] == 4
    first, *others = report["tables"]["projection"]["rows"]
    assert first["error"] > 0 and [row["segmenter"] for row in others] == ["segmenter"]
    text = (tmp_path / "out" / "report.md").read_text()
    assert any(row["method"].startswith("projection: ") for row in report["paper"]["4"]["rows"])
    shown = {name for name, one in report["pictures"].items() if one["section"].startswith("Figs. 4 and 5")}
    assert shown == {"projection-0"}
    assert "Projection (Table 4)" in text and "4 photographs projected (encoder+optimise)" in text
    assert report["pictures"]["sheet-codes"]["path"] == "codes/sheet.png" and "Masks by projection" in text
    edited = report["edited"]
    assert edited["edits"] + len(edited["left_out"]) == 4 and edited["worst"]["kept_outside"] == 0
    sheet = report["pictures"]["sheet-edits"]
    assert sheet["path"] == "edits/sheet.png" and sheet["section"].startswith("Fig. 6")
    assert "edits along pca:0 in 2 steps" in text
    assert {stage["name"] for stage in report["stages"]} >= {"project", "edit"}


def test_a_run_goes_on_where_nothing_can_be_edited(tmp_path, tiny_checkpoint):
    """An alpha network that learned little gives empty masks: the report says so, and the rest of it is there."""
    content = {"domain": "tiny", "edit": EDIT["edit"] | {"seeds": "0-1", "threshold": 0.99}}
    for name in ("generator", "alpha"):
        content["edit"] = content["edit"] | {name: str(tiny_checkpoint)}
    (tmp_path / "tiny.yaml").write_text(json.dumps(content))
    words = ["run", str(tmp_path / "tiny.yaml"), "--out", str(tmp_path / "out")]
    assert main(words) == 0 and main(words) == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["edited"]["edits"] == 0 and report["edited"]["left_out"] == ["seed-0", "seed-1"]
    assert "sheet-edits" not in report["pictures"]
    text = (tmp_path / "out" / "report.md").read_text()
    assert "Nothing could be edited: seed-0, seed-1 have no foreground or no background." in text
