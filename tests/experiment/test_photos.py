"""From a folder of photographs to the report: the pipeline ``photos`` itself, with tiny networks."""

import json
import sys

import pytest
import yaml

from l4f_datagen import resources
from l4f_datagen.cli import main

from ..trackers import stand_in_for_wandb

SMALL = {
    "train-generator": {
        "kimg": 1, "hours": 1e-5, "batch_size": 24, "channels": [8, 8, 8], "z_dim": 8, "mapping_layers": 1,
        "r1_every": 100, "sheet_every": 1, "augment": "off",
    },
    "train-alpha": {
        "preset": "paper", "first_resolution": 8, "iterations": 2, "batch_size": 4, "sheet_every": 2,
        "minibatch_group": 2,
    },
    "generate": {"n": 12, "save": []},
    "train-segmenter": {"iterations": 2, "batch_size": 4, "width": 2, "depth": 1, "validation": 0.25},
    "segmenters": {"archs": {"unet": {}}},
}  # fmt: skip


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Rendered vessels in the place of photographs, and labelled ones: ``photos/``, ``pairs/image``, ``pairs/mask``."""
    place = tmp_path_factory.mktemp("photos")
    for name, seed in (("plain", "0"), ("pairs", "7")):
        shards = str(place / f"{name}-shards")
        assert main(["render", "vessels", "--n", "24", "--size", "16", "--seed", seed, "--out", shards, "-q"]) == 0
        assert main(["export", shards, "--format", "folder", "--out", str(place / name), "-q"]) == 0
    (place / "plain" / "images").rename(place / "photos")
    return place


def small(folder, **changes):
    """The package's pipeline file, with less of everything."""
    content = yaml.safe_load((resources.folder("pipelines") / "photos.yaml").read_text())
    for name, values in (SMALL | changes).items():
        content[name] = content.get(name, {}) | values if name != "segmenters" else values
    path = folder / "small.yaml"
    path.write_text(json.dumps(content))
    return str(path)


def test_from_photographs_to_the_report(photos, tmp_path, capsys, monkeypatch):
    out, pairs, wandb = tmp_path / "out", photos / "pairs", stand_in_for_wandb(monkeypatch)
    words = ["run", small(tmp_path), "--images", str(photos / "photos"), "--resolution", "16", "--device", "cpu"]
    with monkeypatch.context() as missing:
        missing.setitem(sys.modules, "wandb", None)
        assert main([*words, "--out", str(out), "--report", "wandb"]) == 2 and not out.exists()
    assert capsys.readouterr().err.count("expected the extra `wandb`") == 1
    assert main([*words, "--out", str(out), "--report", "wandb"]) == 0
    report = json.loads((out / "report.json").read_text())
    assert [stage["name"] for stage in report["stages"]] == [
        "train-generator", "train-alpha", "generate", "train-segmenter unet",
    ]  # fmt: skip
    assert "--report wandb" in report["command"]
    begun = {options["name"]: options for _, options in wandb.of("init")}
    assert list(begun) == ["out/generator", "out/alpha", "out/segmenters/unet"] and len(wandb.of("finish")) == 3
    assert [one["config"]["stage"] for one in begun.values()] == ["train-generator", "train-alpha", "train-segmenter"]
    assert {one["group"] for one in begun.values()} == {"out"}
    assert any("--test-images was not given (labelled images" in line for line in report["missing"])
    capsys.readouterr()

    # With test pairs what is done stays, and is measured.
    tests = ["--test-images", str(pairs / "images"), "--test-masks", str(pairs / "masks")]
    assert main([*words, *tests, "--out", str(out)]) == 0
    report = json.loads((out / "report.json").read_text())
    rows = report["tables"]["segmenters"]["rows"]
    assert {row["role"] for row in rows} == {"measured", "baseline"} and len(rows) > 3
    assert not any("test-images" in line for line in report["missing"])
    assert f"--test-masks {pairs}/masks" in report["command"] and "--resolution 16" in report["command"]
    done = capsys.readouterr().out
    assert "0 now" in done and "measured in" in done

    # What another folder made is taken from there.
    given = ["--generator", str(out / "generator"), "--alpha", str(out / "alpha"), "--images", str(photos / "photos")]
    assert main(["run", small(tmp_path), *given, *tests, "--device", "cpu", "--out", str(tmp_path / "two")]) == 0
    second = json.loads((tmp_path / "two" / "report.json").read_text())
    assert [stage["name"] for stage in second["stages"]][:2] == ["generate", "train-segmenter unet"]
    assert "`train-alpha` was left out: --alpha was given." in second["missing"]
    again = second["tables"]["segmenters"]["rows"]
    assert [row["miou"] for row in again] == [row["miou"] for row in rows]


def test_photographs_that_are_given_are_projected_and_edited(photos, tmp_path, capsys):
    words = ["run", small(tmp_path), "--images", "world:vessels", "--project", str(photos / "photos")]
    words += ["--resolution", "16", "--device", "cpu", "--out", str(tmp_path / "out")]
    assert main([*words, "--dry-run"]) == 0
    stages = json.loads(capsys.readouterr().out)
    assert stages["project"]["images"] == str(photos / "photos")
    assert stages["project"]["alpha"] == stages["edit"]["alpha"] == str(tmp_path / "out" / "alpha" / "final")
    assert stages["edit"]["codes"] == str(tmp_path / "out" / "codes")
    words[5] = str(tmp_path / "none")
    assert main(words) == 2  # before any work
    assert "none" in capsys.readouterr().err and not (tmp_path / "out" / "generator").exists()


def test_a_generator_may_go_on_from_a_checkpoint_at_its_resolution(photos, tmp_path, capsys):
    words = ["run", "photos", "--images", str(photos / "photos"), "--from", "vessels64", "--device", "cpu"]
    words += ["--out", str(tmp_path / "out"), "--dry-run"]
    assert main(words) == 0
    out = capsys.readouterr()
    settings = json.loads(out.out)["train-generator"]
    assert (settings["from"], settings["resolution"]) == ("vessels64", None) and "at 64 px" in out.err
    assert main([*words, "--generator", "vessels64"]) == 2
    assert "--from: got it, though --generator was given" in capsys.readouterr().err


def test_test_pairs_are_looked_at_before_the_work(photos, tmp_path, capsys):
    words = ["run", small(tmp_path), "--images", str(photos / "photos"), "--out", str(tmp_path / "out")]
    assert main([*words, "--test-images", str(tmp_path / "none")]) == 2
    assert "none" in capsys.readouterr().err and not (tmp_path / "out" / "generator").exists()


@pytest.mark.slow
def test_the_pipeline_itself_in_its_quick_form(photos, tmp_path):
    words = ["run", "photos", "--images", str(photos / "photos"), "--resolution", "16", "--quick", "--device", "cpu"]
    assert main([*words, "--out", str(tmp_path / "out")]) == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["quick"] and len(report["stages"]) == 5
