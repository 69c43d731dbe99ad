"""Data sets with filters: bytes, counts, and what may continue them."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import l4f_datagen as l4f
from l4f_datagen.cli import main
from l4f_datagen.engines.local import generate
from l4f_datagen.generation.models import load_models
from l4f_datagen.shards.format import layout
from tests.detectors import lists
from tests.torture import kill_after


def fingerprints(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


@pytest.fixture
def settings(tiny_settings):
    changes = {"max_area": 0.5, "max_components": 3, "fill_holes": True, "ignore_band": (0.4, 0.6)}
    return tiny_settings.model_copy(update=changes)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """Where the data set that all tests begin with is kept, once one of them has made it."""
    return tmp_path_factory.mktemp("filters") / "s"


@pytest.fixture
def whole(tmp_path, settings, made) -> Path:
    """A copy of the data set of ``settings``."""
    if not made.exists():
        generate(settings, made)
    return shutil.copytree(made, tmp_path / "a" / "s")


def test_every_shard_is_full_and_counts_what_was_rejected(whole):
    dataset, counts = l4f.open_dataset(whole), {}
    samples = list(dataset)
    assert [sample.key for sample in samples] == [f"{i:09d}" for i in range(23)]
    for sample in samples:
        row = sample.metadata
        assert row["mask_area"] <= 0.5 and row["components"] <= 3 and row["background_source"] == "generator"
        assert set(np.unique(sample.mask)) == {0, 1, 255}
    for shard in range(3):
        rejected = json.loads((whole / layout.stats(shard)).read_text())["rejected"]
        assert sum(rejected.values()) == sum(s.metadata["candidate"] for s in samples if s.metadata["shard"] == shard)
        counts = {name: counts.get(name, 0) + number for name, number in rejected.items()}
    assert set(counts) == {"max_area", "max_components"} and min(counts.values()) > 5


def test_a_shard_made_again_has_the_same_bytes(whole, settings):
    before = fingerprints(whole)
    (whole / layout.stats(1)).unlink()
    generate(settings, whole)
    assert fingerprints(whole) == before


def test_interrupted_and_started_again_gives_the_same_bytes(tmp_path, whole, settings):
    def interrupt(progress):
        if progress.made == 14:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(settings, tmp_path / "b" / "s", report=interrupt)
    assert generate(settings, tmp_path / "b" / "s").made == 13
    assert fingerprints(tmp_path / "b" / "s") == fingerprints(whole)


def test_a_larger_n_extends(tmp_path, whole, settings):
    generate(settings.model_copy(update={"n": 7}), tmp_path / "b" / "s")
    generate(settings, tmp_path / "b" / "s")
    assert fingerprints(tmp_path / "b" / "s") == fingerprints(whole)


def test_other_filters_do_not_continue_it(whole, settings):
    before = fingerprints(whole)
    other = settings.model_copy(update={"max_area": 0.61, "ignore_band": None, "min_area": 0.0})
    with pytest.raises(l4f.UserError, match=r"ignore_band \(\[0.4, 0.6\] there, None here\).*max_area.*min_area"):
        generate(other, whole)
    assert fingerprints(whole) == before


def test_the_card_tells_how_samples_were_chosen(whole, tmp_path, tiny_settings):
    card = (whole / layout.CARD).read_text()
    assert "- masks cover at most 0.5 of the image" in card and "- masks have no more components than 3" in card
    assert "where alpha is within [0.4, 0.6], masks are 255" in card
    assert "grey of 8 bits: 0 background, 1 foreground, 255 ignored; all but" in card
    described = (whole / layout.DATASET).read_text()
    assert "reference" not in described and "object_area" not in described
    assert "border" not in card.split("## Source")[0].split("| column")[0] and "| `candidate` | int32" in card
    generate(tiny_settings.model_copy(update={"n": 1, "max_area": None, "min_area": 0.0}), tmp_path / "c")
    assert "- masks cover at least 0.0 of" in (tmp_path / "c" / layout.CARD).read_text()
    generate(tiny_settings.model_copy(update={"n": 1}), tmp_path / "d")
    assert "rejected, and masks changed" not in (tmp_path / "d" / layout.CARD).read_text()


def bright(image, alpha, mask):
    return bool(image.mean() > 128)


def dark(image, alpha, mask):
    return bool(image.mean() <= 128)


def test_only_the_same_reference_continues(tmp_path, tiny_settings, capsys):
    generate(tiny_settings.model_copy(update={"n": 10}), tmp_path, reference=bright)
    assert all(sample.image.mean() > 127 for sample in l4f.open_dataset(tmp_path))
    assert set(json.loads((tmp_path / layout.stats(0)).read_text())["rejected"]) == {"reference"}
    assert "tests.engines.test_filters.bright` agrees" in (tmp_path / layout.CARD).read_text()
    for other in (dark, None):
        with pytest.raises(l4f.UserError, match="reference .tests.engines.test_filters.bright there"):
            generate(tiny_settings, tmp_path, reference=other)
    assert generate(tiny_settings, tmp_path, reference=bright).made == 13
    # Nor does another one make a shard again that is lost; whoever has no function at all is told what to do.
    whole = fingerprints(tmp_path)
    (tmp_path / layout.tar(1)).unlink()
    damaged = fingerprints(tmp_path)
    capsys.readouterr()
    assert main(["verify", str(tmp_path), "--repair"]) == 2
    (told,) = capsys.readouterr().err.splitlines()
    assert "function of Python judged, tests.engines.test_filters.bright" in told
    assert "l4f_datagen.remake(folder, reference=the function)" in told
    with pytest.raises(l4f.UserError, match="reference .tests.engines.test_filters.bright there"):
        l4f.remake(tmp_path, reference=dark)
    assert fingerprints(tmp_path) == damaged
    assert l4f.remake(tmp_path, reference=bright).made == [1] and fingerprints(tmp_path) == whole


def test_hardly_any_accepted_ends_with_1_and_one_line(capsys, tmp_path, tiny_checkpoint):
    words = ["--n", "50", "--generator", str(tiny_checkpoint), "--device", "cpu", "--out", str(tmp_path / "s")]
    assert main(["generate", *words, "--threshold", "0.5", "--reject-border", "--min-area", "0.1"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "leave --reject-border out" in error
    assert not (tmp_path / "s" / layout.stats(0)).exists()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--min-area", "0.5", "--max-area", "0.4"], "max_area: got '0.4'; expected at least min_area, 0.5"),
        (["--ignore-band", "0.5"], "expected two numbers, LOW,HIGH"),
        (["--ignore-band", "0.8,0.2"], "0 < LOW ≤ HIGH < 1"),
        (["--ignore-band", "a,0.2"], "ignore_band: got 'a'"),
        (["--max-components", "0"], "greater than or equal to 1"),
    ],
)
def test_bounds_that_cannot_be(capsys, tmp_path, flags, words):
    assert main(["generate", "--out", str(tmp_path / "s"), *flags]) == 2
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1


def test_killed_and_started_again_gives_the_same_bytes(tmp_path, settings):
    settings = settings.model_copy(update={"n": 160, "samples_per_shard": 20})
    generate(settings, tmp_path / "a" / "s")
    out = tmp_path / "b" / "s"
    kill_after(settings, out, 50, tmp_path)
    assert (out / layout.stats(1)).exists() and not (out / layout.stats(7)).exists()
    generate(settings, out)
    assert fingerprints(out) == fingerprints(tmp_path / "a" / "s")


@pytest.fixture
def detector(tmp_path) -> Path:
    pytest.importorskip("onnx")
    lists(tmp_path / "detector.onnx")
    return tmp_path / "detector.onnx"


def test_a_detector_as_reference_is_named_counted_and_part_of_the_data_set(tmp_path, tiny_settings, detector, capsys):
    words = ["generate", "--generator", tiny_settings.generator, "--device", "cpu", "--threshold", "0.5", "--n", "8",
             "--samples-per-shard", "8", "--batch-size", "4", "--object-area", "0.3", "--out",
             str(tmp_path / "s")]  # fmt: skip
    assert main([*words, "--reference", str(detector)]) == 0
    description = json.loads((tmp_path / "s" / layout.DATASET).read_text())
    digest = hashlib.sha256(detector.read_bytes()).hexdigest()
    assert description["identity"]["reference_sha256"] == digest
    assert description["reference"] == {"name": str(detector), "sha256": digest}
    assert (description["settings"]["object_area"], description["identity"]["object_area"]) == (0.3, 0.3)
    samples = list(l4f.open_dataset(tmp_path / "s"))
    rejected = json.loads((tmp_path / "s" / layout.stats(0)).read_text())["rejected"]
    assert rejected == {"reference: several objects": sum(sample.metadata["candidate"] for sample in samples)}
    card = (tmp_path / "s" / layout.CARD).read_text()
    assert "finds exactly one object in every sample: of any class, score 0.5 or more, at least 30.00%" in card
    assert f"selected by the detector `{detector}` (SHA-256 `{digest}`)" in card and "licence" in card.split(digest)[1]
    exported = str(tmp_path / "exported")
    assert main(["export", str(tmp_path / "s"), "--format", "folder", "--out", exported]) == 0
    assert f"selected by the detector `{detector}`" in (tmp_path / "exported" / "README.md").read_text()
    # It is extended by the same file, wherever that lies, and by no other one.
    moved = detector.rename(tmp_path / "moved.onnx")
    assert main([*words[:-2], "--n", "10", "--out", str(tmp_path / "s"), "--reference", str(moved)]) == 0
    lists(moved, gain=0.5)
    assert main([*words, "--reference", str(moved)]) == 2
    assert main([*words, "--reference", "none"]) == 2
    error = capsys.readouterr().err
    assert "reference (another checkpoint)" in error and "--object-area" in error
    # In Python the path is the same thing, be it with networks that are loaded already.
    lists(moved)
    same = tiny_settings.model_copy(update={"n": 10, "samples_per_shard": 8, "object_area": 0.3})
    assert generate(same, tmp_path / "s", reference=moved).made == 0
    generate(same, tmp_path / "t" / "s", reference=moved, models=load_models(tiny_settings))
    others = (layout.DATASET, layout.CARD)  # they have the path, which is another one
    made = [{k: v for k, v in fingerprints(at).items() if k not in others} for at in (tmp_path / "s", tmp_path / "t/s")]
    assert made[0] == made[1]
    # It judges again where a shard was lost; a function cannot join it.
    (tmp_path / "s" / layout.tar(0)).unlink()
    (tmp_path / "s" / layout.index(0)).unlink()
    with pytest.raises(l4f.UserError, match="two, .*moved.onnx of the settings among them"):
        l4f.remake(tmp_path / "s", reference=bright)
    away = moved.rename(tmp_path / "away.onnx")
    assert main(["verify", str(tmp_path / "s"), "--repair"]) == 2
    assert main(["verify", str(tmp_path / "s"), "--repair", "--reference", str(away)]) == 0
    assert {k: v for k, v in fingerprints(tmp_path / "s").items() if k not in others} == made[0]
    away.rename(moved)
    with pytest.raises(l4f.UserError, match="two, .*moved.onnx of the settings among them"):
        next(l4f.stream(same.model_copy(update={"reference": str(moved)}), reference=bright))


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--reference", "nowhere.onnx"], "nowhere.onnx: got no such file"),
        (["--reference", "boxes.json"], "stats FOLDER --reference FILE.json --save-list rejected.txt"),
        (["--reference", "79999_iter.pth"], "expected a detector with masks, FILE.onnx"),
        (["--reference-score", "0.7"], "nothing without a reference, which --reference names"),
        (["--reference-classes", "cat"], "nothing without a reference"),
        (["--reference", "d.onnx", "--reference-score", "1.5"], "less than or equal to 1"),
        (["--reference", "d.onnx", "--object-area", "0"], "greater than 0"),
    ],
)
def test_references_that_cannot_be(capsys, tmp_path, tiny_checkpoint, flags, words):
    common = ["--generator", str(tiny_checkpoint), "--device", "cpu", "--out", str(tmp_path / "s")]
    assert main(["generate", *common, *flags]) == 2
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1
    assert not (tmp_path / "s").exists()
