"""One command from nothing to the report: its numbers, its links, and that nothing is done twice."""

import json
import re
import shutil
import sys
from pathlib import Path

import pytest

from l4f_datagen.cli import main
from l4f_datagen.evaluation.tables import as_text
from l4f_datagen.experiment import report
from l4f_datagen.weights import native

from .conftest import contents


@pytest.fixture(scope="module")
def content(experiment):
    return json.loads((experiment / "report.json").read_text())


def evaluation(experiment, name):
    return json.loads((experiment / "evaluation" / f"{name}.json").read_text())


def numbers(row):
    return {name: value for name, value in row.items() if name not in ("worst", "per_image")}


def test_the_reports_numbers_are_the_stages(experiment, content):
    names = ["unet", "unet-seed1", "bisenet", "bisenet-seed1", "baselines"]
    stages = [row for name in names for row in evaluation(experiment, f"segmenter-{name}")["rows"]]
    assert list(map(numbers, content["tables"]["segmenters"]["rows"])) == list(map(numbers, stages))
    for name in ("alpha", "frechet"):
        rows = content["tables"][name]["rows"]
        of_both = [row for one in (name, f"{name}-layered") for row in evaluation(experiment, one)["rows"]]
        assert list(map(numbers, rows)) == list(map(numbers, of_both))
    roles = [row["role"] for row in stages]
    assert (roles.count("supervised"), roles.count("measured")) == (4, 4) and roles[-1] == "baseline"
    assert len([r for r in content["tables"]["alpha"]["rows"] if r["role"] == "measured"]) == 4

    # Ratios and means over the seeds, computed here from the rows.
    ours = {row["segmenter"]: row for row in stages}
    bisenets = [ours[f"segmenters/bisenet{seed}"] for seed in ("", "-seed1")]
    theirs = [ours[f"segmenters/bisenet-supervised{seed}"] for seed in ("", "-seed1")]
    for mine, exact in zip(bisenets, theirs):
        assert mine["ratio"] == pytest.approx(mine["miou"] / exact["miou"])
    seeds = {row["segmenter"]: row for row in content["tables"]["seeds"]["rows"]}["bisenet"]
    assert seeds["seeds"] == 2
    assert seeds["miou_mean"] == pytest.approx((bisenets[0]["miou"] + bisenets[1]["miou"]) / 2)
    assert seeds["miou_deviation"] == pytest.approx(abs(bisenets[0]["miou"] - bisenets[1]["miou"]) / 2**0.5)

    for training in content["trainings"]:
        card = native.read_card(experiment / training["place"] / "final")
        assert training["quality"] == card["quality"]
    assert content["samples"]["samples"] == 12 and content["quick"] is False
    # The file lists all but these; masks by hand and another method's training no file lists.
    assert [line.partition(":")[0] for line in content["missing"]] == [
        "Edits that keep the background (Fig. 6)",
        "Masks by projection (Table 4)",
        "Table 3",
    ]


def test_the_papers_tables_hold_the_stages_numbers_beside_the_papers(experiment, content):
    measured = {name: content["tables"][name]["rows"] for name in content["tables"]}
    columns = {
        "1": ("alpha", {"psi": "psi", "miou": "miou", "f1": "f1", "iou_foreground": "iou_foreground"}),
        "2": ("alpha", {"psi": "psi", "tiny": "miou"}),
        "4": ("segmenters", {"miou": "miou", "ratio": "ratio"}),
        "5": ("frechet", {"tiny": "fid"}),
    }
    counted = {}
    for number, (table, names) in columns.items():
        rows = [row for row in content["paper"][number]["rows"] if row["who"] == "this run"]
        counted[number] = len(rows)
        assert {row["who"] for row in content["paper"][number]["rows"]} == {"this run", "paper"}
        for row in rows:
            if row["method"].endswith("2 seeds"):
                table, names = "seeds", {"miou": "miou_mean", "ratio": "ratio_mean", "deviation": "miou_deviation"}
            elif number == "4":
                table, names = columns[number]
            assert any(
                all(row.get(ours) == one.get(theirs) for ours, theirs in names.items()) for one in measured[table]
            ), row
    # Two psi of two thresholds, six baselines and PSeg; four kinds over seeds and four baselines; PSeg again.
    assert counted == {"1": 18, "2": 6, "4": 8, "5": 2}
    assert not any(row["who"] == "this run" for row in content["paper"]["3"]["rows"])
    baselines = {row["method"] for row in content["paper"]["1"]["rows"]}
    assert {"GrabCut from a centred box", "k-means of the generator's features", "PSeg, threshold 0.5"} <= baselines
    assert any(row["method"].startswith("PSeg, by encoder") for row in content["paper"]["5"]["rows"])
    assert content["pictures"]["sheet-layered"]["section"].startswith("Fig. 7")


@pytest.mark.parametrize(
    ("number", "method", "values"),
    [
        ("1", "PSeg", {"psi": 0.7, "iou_foreground": 0.52, "iou_background": 0.82, "miou": 0.67}),
        ("1", "Labels4Free", {"psi": 0.7, "miou": 0.90, "f1": 0.95, "precision": 0.95, "recall": 0.94}),
        ("2", "Labels4Free", {"LSUN-Cat": 0.81, "LSUN-Horse": 0.75, "LSUN-Car": 0.89}),
        ("3", "Labels4Free", {"FFHQ": 0.96, "LSUN-Cat": 0.96, "LSUN-Horse": 0.97, "LSUN-Car": 0.97}),
        ("4", "projection", {"miou": 0.88, "ratio": 1.0}),
        ("5", "StyleGAN2", {"FFHQ": 2.82, "LSUN-Cat": 6.93, "LSUN-Horse": 3.43, "LSUN-Car": 2.32}),
        ("5", "PSeg", {"FFHQ": 24.3, "LSUN-Cat": 57.3, "LSUN-Horse": 53.6, "LSUN-Car": 30.9}),
    ],
)
def test_the_papers_own_numbers(content, number, method, values):
    rows = [row for row in content["paper"][number]["rows"] if (row["who"], row["method"]) == ("paper", method)]
    assert any(values.items() <= row.items() for row in rows)


def test_the_papers_numbers_have_as_many_digits_as_it_gives(experiment):
    page = (experiment / "report.md").read_text()
    assert "| paper | PSeg | FFHQ | 0.7 | 0.52 | 0.82 | 0.67 | – | – | – | – | – |" in page
    assert "| paper | StyleGAN2 | – | 2.82 | 6.93 | 3.43 | 2.32 |" in page


def test_captions_say_what_the_stages_measured(experiment, content):
    sheets = {name: one for name, one in content["pictures"].items() if one["section"].startswith("Figs. 4 and 5")}
    assert len(sheets) == 14
    for figure in sheets.values():
        name, _, number = Path(figure["path"]).stem.rpartition("-")
        row = evaluation(experiment, name)["rows"][int(number)]
        measured = {one["key"]: one["miou"] for one in row["per_image"]}
        pooled, named = re.search(r"mIoU (\S+) over", figure["caption"])[1], figure["caption"].partition("each: ")[2]
        assert pooled == as_text(row["miou"])
        shown = re.findall(r"(\S+) \((\S+)\)", named)
        assert len(shown) == 6 and all(as_text(measured[key]) == value for key, value in shown)
    # The best threshold of each psi, and one seed of each segmenter on generated samples, can be seen without a click.
    open_ones = {name for name, one in sheets.items() if not one["folded"]}
    assert {"segmenter-unet-1", "segmenter-bisenet-1"} <= open_ones and len(open_ones) in (4, 5, 6)
    page = (experiment / "report.md").read_text()
    for name, figure in content["pictures"].items():
        assert f"]({figure['path']})\n\n*{figure['caption']}*" in page, name


def test_the_page_says_them(experiment, content):
    page = (experiment / "report.md").read_text()
    rows = content["tables"]["alpha"]["rows"] + content["tables"]["segmenters"]["rows"]
    for row in rows:
        assert f"| {row['miou']:.3f}<br>" in page
    assert f"{content['tables']['frechet']['rows'][0]['features']}" in page
    assert re.search(r"The reference .* reaches mIoU 0\.\d+ on held-out images", page)
    assert "    l4f-datagen run " in page and "Hardware: " in page and "A quick run" not in page
    for name in ("train-alpha", "generate", "train-segmenter unet-supervised", "evaluate frechet"):
        assert f"<summary>{name}</summary>" in page and f"| [{name}](" in page


def test_links_are_relative_and_lead_somewhere(experiment):
    page = (experiment / "report.md").read_text()
    links = re.findall(r"\]\(([^)]+)\)", page)
    assert len(links) > 25
    for link in links:
        assert not link.startswith("/") and (experiment / link).exists(), link
    pictures = {link for link in links if link.startswith("report/")}
    wanted = {"alpha-curves", "segmenter-curves", "shards", "shards-distributions"}
    assert {f"report/{name}.png" for name in wanted} <= pictures
    # A sheet of differences for every row of a network: both psi and thresholds, four pairs of segmenters.
    sheets = {link for link in links if re.fullmatch(r"evaluation/.*-\d\.png", link)}
    assert {f"evaluation/alpha-{number}.png" for number in (0, 1, 8, 9)} <= sheets
    names = [f"{arch}{seed}" for arch in ("unet", "bisenet") for seed in ("", "-seed1")]
    assert sheets >= {f"evaluation/segmenter-{name}-{number}.png" for name in names for number in (0, 1)}
    assert len(sheets) == 14
    for name in ("report.json", "evaluation/alpha.json", "evaluation/segmenter-unet.json"):
        text = (
            (experiment / name).read_text().replace(json.loads((experiment / "report.json").read_text())["command"], "")
        )
        assert str(experiment) not in text, "the folder can be moved"


def test_a_second_run_skips_everything_and_changes_nothing(experiment, capsys):
    before = contents(experiment)
    assert main(["run", str(experiment.parent / "tiny.yaml"), "--out", str(experiment)]) == 0
    said = capsys.readouterr().out
    assert "4 iterations, 0 now" in said and "made 0" in said and said.count("3 iterations, 0 now") == 8
    assert said.count("measured before") == 9 and "measured in" not in said
    after = contents(experiment)
    assert before.keys() == after.keys()
    assert [name for name in before if before[name] != after[name]] == []


def test_a_sheet_that_is_not_there_is_drawn_again(experiment, tmp_path, capsys):
    shutil.copytree(experiment, tmp_path / "out")
    lost = tmp_path / "out/evaluation/segmenter-unet-1.png"
    lost.unlink()
    assert main(["run", str(experiment.parent / "tiny.yaml"), "--out", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.count("measured before") == 9
    assert lost.read_bytes() == (experiment / "evaluation/segmenter-unet-1.png").read_bytes()


def test_what_changed_is_measured_again_and_nothing_else(experiment, tmp_path, capsys):
    moved = tmp_path / "moved"
    shutil.copytree(experiment, moved)
    pipeline = json.loads((experiment.parent / "tiny.yaml").read_text())
    pipeline["evaluate"]["frechet"]["n"] = 10
    # Another network of the same name: only what looks at it is stale.
    card = moved / "segmenters/bisenet/final"
    shutil.copy(moved / "segmenters/bisenet-seed1/final/segmenter.safetensors", card)
    shutil.copy(moved / "segmenters/bisenet-seed1/final/model.json", card)
    (tmp_path / "p.yaml").write_text(json.dumps(pipeline))
    assert main(["run", str(tmp_path / "p.yaml"), "--out", str(moved)]) == 0
    said = capsys.readouterr().out
    again = re.findall(r"evaluation/([\w-]+)\.json: measured in", said)
    assert again == ["segmenter-bisenet", "frechet", "frechet-layered"]
    found = json.loads((moved / "report.json").read_text())
    assert found["tables"]["frechet"]["rows"][0]["images"] == 10
    rows = {row["segmenter"]: row for row in found["tables"]["segmenters"]["rows"]}
    assert rows["segmenters/bisenet"]["miou"] == rows["segmenters/bisenet-seed1"]["miou"]
    # So do the sheets: that of the other network is drawn anew.
    sheet = (moved / "evaluation/segmenter-bisenet-1.png").read_bytes()
    assert sheet == (experiment / "evaluation/segmenter-bisenet-seed1-1.png").read_bytes()


def test_times_are_those_of_the_work(experiment, content):
    seconds = {stage["name"]: stage["seconds"] for stage in content["stages"]}
    assert all(value is not None and value >= 0 for value in seconds.values()) and max(seconds.values()) > 0
    assert content["seconds"] == pytest.approx(sum(seconds.values()), abs=0.05)
    assert content["hardware"] and content["hardware"][0]["cores"] >= 1


def test_without_matplotlib_it_says_so(experiment, tmp_path, capsys, monkeypatch):
    shutil.copytree(experiment, tmp_path / "out")
    shutil.rmtree(tmp_path / "out" / "report")
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main(["run", str(experiment.parent / "tiny.yaml"), "--out", str(tmp_path / "out")]) == 0
    page = (tmp_path / "out" / "report.md").read_text()
    assert "l4f-datagen[analysis]" in page and "curves.png" not in page and "![shards](report/shards.png)" in page


def test_a_domain_without_truth_gets_what_it_can(tmp_path, tiny_checkpoint, capsys):
    generating = {"generator": str(tiny_checkpoint), "n": 3, "device": "cpu"}
    (tmp_path / "p.yaml").write_text(json.dumps({"domain": "faces", "generate": generating}))
    words = ["run", str(tmp_path / "p.yaml"), "--out", str(tmp_path / "out"), "--quick"]
    assert main([*words, "--report", "wandb", "--tensorboard"]) == 2 and not (tmp_path / "out").exists()
    refused = "--report: got wandb, tensorboard; expected no tracker: nothing is trained; leave it out"
    assert refused in capsys.readouterr().err
    assert main(words) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(tmp_path / "out" / report.TEXT)
    page = (tmp_path / "out" / "report.md").read_text()
    missing = page.partition("## What is missing")[2].partition("## Settings")[0]
    for section in ("train-alpha", "train-segmenter", "evaluate: alpha:", "evaluate: segmenter:", "evaluate: frechet:"):
        assert section in missing
    assert "A quick run" in page and "## Segmenters" not in page and "3 samples" in page
