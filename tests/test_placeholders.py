"""Pipeline files with places that flags of ``run`` fill."""

import json
from pathlib import Path

import pytest
import torch

from l4f_datagen.cli import main
from l4f_datagen.errors import UserError
from l4f_datagen.settings import PipelineFlags, TrainAlphaSettings, load_pipeline, placeholders, resolve

FILE = """
flags: {images: required, resolution: 64, mirror: true, kimg:, test_images:, test_masks:}
train-generator: {images: "${images}", resolution: "${resolution}", mirror: "${mirror}", kimg: "${kimg}"}
train-alpha: {images: "${images}"}
evaluate:
  segmenter: {when: test_images, images: "${test_images}", masks: "${test_masks}", baselines: true}
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "p.yaml"
    path.write_text(FILE)
    return str(path)


def load(file, without=None, **flags):
    return load_pipeline(file, resolve(PipelineFlags, {}, flags), without=without)


def test_flags_fill_places_and_defaults_fill_the_others(file):
    content = load(file, images="photos", resolution="16")
    assert content.train_generator == {"images": "photos", "resolution": "16", "mirror": True}
    assert content.evaluate == {} and "--test-images was not given" in content.left_out["evaluate segmenter"]
    content = load(file, images="photos", mirror=False, test_images="i", test_masks="m")
    assert content.train_generator["mirror"] is False and not content.left_out
    assert content.section("evaluate segmenter") == {"images": "i", "masks": "m", "baselines": True}


def test_where_nobody_asks_for_flags_required_ones_stay_to_be_given(file):
    section = load_pipeline(file).train_alpha
    with pytest.raises(UserError, match=r"images: got \$\{images\} .* give --images"):
        resolve(TrainAlphaSettings, section, {})
    assert resolve(TrainAlphaSettings, section, {"images": "photos"}).images == "photos"


@pytest.mark.parametrize(
    ("flags", "without", "said"),
    [
        ({}, {}, "--images: got nothing"),
        ({"images": "p", "precision": "bf16"}, {}, "--precision: got a flag that .* has no place for"),
        ({"images": "p", "test_masks": "m"}, {}, "--test-masks: got it, though --test-images was not given"),
        ({"images": "p", "kimg": "3"}, {"train-generator": "--generator was given"}, "--kimg: got it, though --gen"),
    ],
)
def test_flags_that_fill_nothing_are_refused(file, flags, without, said):
    with pytest.raises(UserError, match=said):
        load(file, without, **flags)


def test_what_is_required_may_be_given_where_nothing_needs_it(file):
    content = load(file, dict.fromkeys(("train-generator", "train-alpha"), "--shards was given"), images="p")
    assert content.section("train-alpha") is None and set(content.left_out) >= {"train-generator", "train-alpha"}
    assert load(file, dict.fromkeys(("train-generator", "train-alpha"), "x")).evaluate == {}


def test_a_default_may_depend_on_another_flag(tmp_path):
    path = tmp_path / "p.yaml"
    path.write_text("flags: {from:, resolution: {default: 64, unless: from}}\n"
                    'train-generator: {from: "${from}", resolution: "${resolution}"}\n')  # fmt: skip
    assert load(str(path)).train_generator == {"resolution": 64}
    assert load(str(path), **{"from": "x"}).train_generator == {"from": "x"}
    both = load(str(path), **{"from": "x", "resolution": "32"})
    assert both.train_generator == {"from": "x", "resolution": "32"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("flags: {colour: 3}", "flags: colour: got an unknown flag"),
        (
            'flags: {kimg: {default: 3, unless: colour}}\ntrain-generator: {kimg: "${kimg}"}',
            "flags: kimg: got .* expected a value, or default and unless: one of kimg",
        ),
        ("flags: 3", "flags: got 3"),
        ("generate: {psi: '${psi}'}", "a place for 'psi'"),
        ("flags: {images:}\nevaluate: {segmenter: {when: test_images}}", "a place for 'test_images'"),
        ("evaluate: {segmenter: {when: [1]}}", "a place for"),
        ("gpu: [1]", "gpu: got"),
        ("paper: [1]", "paper: got"),
    ],
)
def test_bad_places_are_told_in_one_line(tmp_path, text, said):
    (tmp_path / "p.yaml").write_text(text)
    with pytest.raises(UserError, match=said) as error:
        load(str(tmp_path / "p.yaml"))
    assert "\n" not in str(error.value)


def test_places_may_be_in_lists(tmp_path):
    (tmp_path / "p.yaml").write_text("flags: {images:, kimg: 3}\ngenerate: {save: ['${images}', w, '${kimg}']}")
    assert load(str(tmp_path / "p.yaml")).generate == {"save": ["w", 3]}


@pytest.mark.parametrize(("device", "kimg"), [("cpu", 1), ("cuda", 9)])
def test_what_stands_under_gpu_is_laid_over_where_there_is_one(tmp_path, monkeypatch, device, kimg):
    class Device:
        type = device

    monkeypatch.setattr(placeholders, "resolve_device", lambda name: Device)
    (tmp_path / "p.yaml").write_text(
        "flags: {kimg: 1, mirror: true}\ngpu: {flags: {kimg: 9}, train-generator: {batch_size: 32}}\n"
        "train-generator: {kimg: '${kimg}', batch_size: 8, mirror: '${mirror}'}"
    )
    found = load(str(tmp_path / "p.yaml")).train_generator
    assert found == {"kimg": kimg, "batch_size": 32 if device == "cuda" else 8, "mirror": True}


def test_what_stands_under_paper_is_laid_over_where_it_is_asked_for(tmp_path):
    (tmp_path / "p.yaml").write_text(
        "paper: {segmenters: {seeds: 3}, edit: {direction: 'pca:0'}}\nsegmenters: {archs: {unet: {}}, seeds: 1}"
    )
    plain = load_pipeline(str(tmp_path / "p.yaml"))
    assert plain.segmenters == {"archs": {"unet": {}}, "seeds": 1} and plain.section("edit") is None
    whole = load_pipeline(str(tmp_path / "p.yaml"), paper=True)
    assert whole.segmenters == {"archs": {"unet": {}}, "seeds": 3} and whole.section("edit") == {"direction": "pca:0"}


def test_a_section_that_paper_empties_is_left_out(file, tmp_path, monkeypatch):
    """On a machine with a GPU too, whose settings of it have nothing to lie over; its flags change nothing then."""
    monkeypatch.setattr(placeholders, "resolve_device", lambda _: torch.device("cuda"))
    gpu = "gpu: {train-generator: {preset: full}, train-alpha: {preset: full}}"
    Path(file).write_text(f"{FILE}\n{gpu}\npaper: {{train-generator:, train-alpha: {{generator: there}}}}")
    flags = resolve(PipelineFlags, {}, {"images": "photos"})
    whole = load_pipeline(file, flags, paper=True)
    assert not whole.train_generator and "train-generator" not in whole.left_out
    assert whole.train_alpha == {"images": "photos", "preset": "full", "generator": "there"}
    assert load_pipeline(file, flags).train_generator["preset"] == "full"
    with pytest.raises(UserError, match="--kimg: got it, though `run paper` leaves train-generator out of"):
        load_pipeline(file, resolve(PipelineFlags, {}, {"images": "photos", "kimg": "3"}), paper=True)


def test_run_paper_adds_what_the_domains_file_says(tmp_path, capsys):
    def stages(*words):
        assert main(["run", *words, "--out", str(tmp_path / "out"), "--dry-run"]) == 0
        printed = capsys.readouterr()
        return json.loads(printed.out), printed.err

    plain, said = stages("vessels64")
    assert "at 64 px" in said
    whole, said = stages("paper", "--domain", "vessels64")
    assert "train-encoder" in said and "project" in said
    added = {"train-encoder", "project", "edit", "evaluate projection"}
    added |= {"train-layered", "evaluate alpha layered", "evaluate frechet layered"}
    assert set(whole) - set(plain) == added
    assert {name: whole[name] for name in plain} == plain and sum(name.startswith("train-seg") for name in whole) == 12
    # A new domain is one file.
    (tmp_path / "mine.yaml").write_text("generate: {n: 4}\npaper: {edit: {direction: 'pca:0'}}")
    assert set(stages("paper", "--domain", str(tmp_path / "mine.yaml"))[0]) == {"generate", "edit"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["paper"], "--domain: got nothing; expected a class of images: a pipeline file, or one of"),
        (["vessels64", "--domain", "vessels64"], "--domain: got vessels64 beside another pipeline"),
        (["paper", "--domain", "moon"], "moon, which is no file"),
        (["paper", "--domain", "photos"], "--images: got nothing"),
        (["vessels64", "--images", "x"], "--images: got a flag that vessels64 has no place for"),
        (["photos"], "--images: got nothing"),
        (["photos", "--images", "x", "--shards", "y", "--n", "9"], "n: got 9; expected no number: nothing is gen"),
        (["photos", "--images", "x", "--resolution", "63"], "resolution"),
        (["photos", "--images", "x", "--alpha", "y"], "give --generator"),
    ],
)
def test_run_tells_what_is_wrong_with_flags(words, said, tmp_path, capsys):
    assert main(["run", *words, "--out", str(tmp_path / "out"), "--dry-run"]) == 2
    told = capsys.readouterr().err
    assert said in told and told.count("\n") == 1 and not (tmp_path / "out").exists()


def planned(capsys, tmp_path, *words):
    assert main(["run", "photos", "--images", "p", "--out", str(tmp_path / "out"), "--dry-run", *words]) == 0
    printed = capsys.readouterr()
    return json.loads(printed.out), printed.err


def test_each_stage_may_be_given(capsys, tmp_path):
    stages, said = planned(capsys, tmp_path, "--resolution", "32", "--test-images", "i", "--test-masks", "m")
    assert [name.partition(" ")[0] for name in stages] == [
        "train-generator", "train-alpha", "generate", "train-segmenter", "train-segmenter",
        "evaluate", "evaluate", "evaluate",
    ]  # fmt: skip
    assert "roughly" in said and "at 32 px: train-generator" in said and "an estimate" in said
    stages, _ = planned(capsys, tmp_path, "--generator", "g")
    assert stages["train-alpha"]["generator"] == stages["generate"]["generator"] == "g"
    assert "train-generator" not in stages and stages["train-alpha"]["images"] == "p"
    stages, _ = planned(capsys, tmp_path, "--generator", "g", "--alpha", "a")
    assert (stages["generate"]["generator"], stages["generate"]["alpha"]) == ("g", "a") and "train-alpha" not in stages
    stages, _ = planned(capsys, tmp_path, "--shards", "s")
    assert "generate" not in stages and stages["train-segmenter unet"]["shards"] == ["s"]
    stages, _ = planned(capsys, tmp_path, "--segmenter", "n", "--test-images", "i")
    assert set(stages) == {"evaluate segmenter given", "evaluate segmenter baselines"}
