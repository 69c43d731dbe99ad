"""Table 3 in an experiment: masks by hand of some samples of its own data set."""

import json

import cv2
import pytest

import l4f_datagen as l4f
from l4f_datagen.cli import main

from .test_plan import plan_of


def test_masks_by_hand_fill_table_3(tmp_path, tiny_checkpoint, capsys):
    generating = {"generator": str(tiny_checkpoint), "n": 5, "threshold": 0.5, "device": "cpu"}
    file, out, hand = tmp_path / "p.yaml", tmp_path / "out", tmp_path / "hand"
    file.write_text(json.dumps({"domain": "tiny", "generate": generating}))
    assert main(["run", str(file), "--out", str(out)]) == 0
    missing = json.loads((out / "report.json").read_text())["missing"]
    assert any(line.startswith("Table 3") and "evaluate: masks: truth:" in line for line in missing)

    # Of three samples somebody says the same, but for one pixel of the first.
    hand.mkdir()
    for number, sample in enumerate(list(l4f.open_dataset(out / "shards"))[:3]):
        mask = sample.mask.copy()
        mask[0, 0] ^= number == 0
        cv2.imwrite(str(hand / f"{sample.key}.png"), mask * 255)
    file.write_text(json.dumps({"generate": generating, "evaluate": {"masks": {"truth": str(hand), "resamples": 9}}}))
    assert main(["run", str(file), "--out", str(out)]) == 0
    report = json.loads((out / "report.json").read_text())
    (row,) = json.loads((out / "evaluation/masks.json").read_text())["rows"]
    assert row["images"] == 3 and row["accuracy"] == pytest.approx(1 - 1 / (3 * 256))
    (ours, _) = report["paper"]["3"]["rows"]
    assert ours == {"who": "this run", "method": "alpha network", "this run": row["miou"]}
    assert not any(line.startswith("Table 3") for line in report["missing"])
    assert (
        report["pictures"]["masks-0"]["path"] == "evaluation/masks-0.png" and (out / "evaluation/masks-0.png").is_file()
    )
    # Its sheet has the samples' images, though masks by hand have none: 4 rows of pictures below legend and names.
    assert cv2.imread(str(out / "evaluation/masks-0.png")).shape[0] > 4 * 96


def test_what_masks_by_hand_are_held_against(tmp_path):
    (piece,) = (
        one for one in plan_of(tmp_path, evaluate={"masks": {"truth": "hand"}}).pieces if one.kind == "evaluate masks"
    )
    assert (
        dict(piece.looks_at) == {"shards": str(tmp_path / "shards"), "truth": "hand"} and piece.settings.allow_missing
    )
