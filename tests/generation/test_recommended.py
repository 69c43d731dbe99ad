"""What a checkpoint's card recommends is used where nothing else is said, and nowhere else."""

import json
import shutil
from pathlib import Path

import pytest

import l4f_datagen as l4f
from l4f_datagen.cli import main
from l4f_datagen.engines.local import generate
from l4f_datagen.generation.recommended import with_recommended
from l4f_datagen.networks.stylegan2 import GeneratorArchitecture
from l4f_datagen.settings import EvaluateAlphaSettings, GenerateSettings, load_pipeline
from l4f_datagen.settings.recommended import NAMES, as_given
from l4f_datagen.weights import native
from l4f_datagen.weights.conversion.convert import convert
from l4f_datagen.weights.recommended import recommended
from tests.conftest import tiny_generator

GOOD = {"psi": 0.4, "threshold": 0.25, "refine": 1, "noise": "none", "min_stability": 0.0}


def recommending(folder: Path, values: object) -> None:
    card = json.loads((folder / native.CARD).read_text())
    (folder / native.CARD).write_text(json.dumps(card | {"recommended": values}))


@pytest.fixture
def checkpoint(tiny_checkpoint, tmp_path) -> Path:
    folder = shutil.copytree(tiny_checkpoint, tmp_path / "net")
    recommending(folder, GOOD)
    return folder


def flags(checkpoint: Path, tmp_path: Path, *words: str) -> list[str]:
    return ["generate", "--generator", str(checkpoint), "--n", "3", "--device", "cpu", "--out", str(tmp_path / "out"),
            *words]  # fmt: skip


def resolved(capfd, words: list[str]) -> tuple[dict, str]:
    assert main([*words, "--dry-run"]) == 0
    found = capfd.readouterr()
    return json.loads(found.out), found.err


@pytest.mark.parametrize(
    ("words", "file", "expected"),
    [
        ([], "", GOOD),
        (["--psi", "1", "--noise", "const"], "", GOOD | {"psi": 1.0, "noise": "const"}),
        ([], "psi: 0.9", GOOD | {"psi": 0.9}),
        (["--psi", "0.7"], "psi: 0.9", GOOD | {"psi": 0.7}),  # a flag that says the default says it
        (["--min-stability", "none"], "", GOOD | {"min_stability": None}),
        (["--no-recommended"], "", {name: GenerateSettings().model_dump()[name] for name in GOOD}),
        (["--no-recommended", "--refine", "2"], "", {"psi": 0.7, "refine": 2}),
    ],
)
def test_flag_then_file_then_card_then_default(words, file, expected, checkpoint, tmp_path, capfd):
    (tmp_path / "p.yaml").write_text(f"generate: {{{file}}}")
    values, said = resolved(capfd, flags(checkpoint, tmp_path, "--config", str(tmp_path / "p.yaml"), *words))
    assert values.items() >= expected.items()
    assert values["background_psi"] == 1.0 and values["quality"] == 95
    assert said.count("\n") == ("--no-recommended" not in words)


def test_it_says_which_and_stores_what_is_resolved(checkpoint, tmp_path, capfd):
    assert main(flags(checkpoint, tmp_path, "--psi", "1")) == 0
    line = f"as {checkpoint} recommends: threshold 0.25, refine 1, noise none, min_stability 0.0\n"
    assert line in capfd.readouterr().err
    stored = l4f.open_dataset(tmp_path / "out").description
    assert stored["settings"].items() >= (GOOD | {"psi": 1.0}).items() and stored["identity"]["threshold"] == 0.25
    # The same in words gives the same bytes.
    words = [w for name, value in (GOOD | {"psi": 1.0}).items() for w in (f"--{name.replace('_', '-')}", str(value))]
    first = (tmp_path / "out" / "00000.tar").read_bytes()
    assert main([*flags(checkpoint, tmp_path, *words)]) == 0
    assert capfd.readouterr().err.count("recommends") == 0
    shutil.rmtree(tmp_path / "out")
    assert main([*flags(checkpoint, tmp_path, *words)]) == 0
    assert (tmp_path / "out" / "00000.tar").read_bytes() == first


def test_python_takes_it_too(checkpoint, tmp_path):
    given = {"n": 3, "generator": str(checkpoint), "device": "cpu"}
    streamed = [sample.metadata for sample in l4f.stream(GenerateSettings(**given, psi=0.6))]
    assert {(m["psi"], m["threshold"]) for m in streamed} == {(0.6, 0.25)}
    generate(GenerateSettings(**given), tmp_path / "out")
    assert {s.metadata["psi"] for s in l4f.open_dataset(tmp_path / "out")} == {0.4}
    plain = [sample.metadata for sample in l4f.stream(as_given(GenerateSettings(**given)))]
    assert {(m["psi"], m["threshold"]) for m in plain} == {(0.7, 0.9)}


def test_once_more_changes_nothing(checkpoint):
    once = with_recommended(GenerateSettings(generator=str(checkpoint)))
    assert with_recommended(once) == once and once.model_fields_set >= GOOD.keys()


def test_a_data_set_of_the_defaults_is_not_continued_otherwise(checkpoint, tmp_path, capfd):
    assert main(flags(checkpoint, tmp_path, "--no-recommended")) == 0
    capfd.readouterr()
    assert main(flags(checkpoint, tmp_path, "--psi", "0.5")) == 2
    said = capfd.readouterr().err
    assert "psi" in said and "Traceback" not in said
    assert main(flags(checkpoint, tmp_path, "--no-recommended")) == 0


def test_another_alpha_network_is_not_recommended_the_generators(checkpoint, tiny_checkpoint, tmp_path):
    """The alpha network's own card speaks, wherever it lies; a finished training run is its final."""
    settings = GenerateSettings(generator=str(checkpoint), alpha=str(tiny_checkpoint))
    assert with_recommended(settings) is settings
    run = tmp_path / "run"
    shutil.copytree(checkpoint, run / "final")
    for place in (run, run / "final", run / "final" / "alpha.safetensors"):
        found = with_recommended(GenerateSettings(generator=str(tiny_checkpoint), alpha=str(place)))
        assert found.threshold == 0.25


def test_a_foreign_file_recommends_nothing(tmp_path):
    square = GeneratorArchitecture(channels=(8, 8), z_dim=8, w_dim=8, mapping_layers=2)
    native.save(tmp_path / "g", generator=tiny_generator(square))
    convert(tmp_path / "g", tmp_path / "g.pt")
    assert recommended(str(tmp_path / "g.pt"), None).settings == {}


def test_evaluate_alpha_measures_the_masks_that_generate_gives(checkpoint):
    found = with_recommended(EvaluateAlphaSettings(generator=str(checkpoint), noise="const"))
    assert (found.threshold, found.refine, found.noise, found.psi) == ((0.25,), 1, "const", (0.7, 1.0))


BAD = {
    "a name of nothing": ({"thresold": 0.3}, "thresold"),
    "a setting of the user's own": ({"n": 10**9, "out": "/", "generator": "x"}, "n, out, generator"),
    "a value out of range": ({"psi": 9}, "psi: 9"),
    "text for a number": ({"threshold": "0.3"}, "threshold"),
    "a truth for a number": ({"refine": True}, "refine"),
    "no number": ({"psi": float("nan")}, "psi"),
    "a number for a choice": ({"noise": 3}, "noise"),
    "a list for a number": ({"psi": [0.5]}, "psi"),
    "an endless text": ({"blend": "x" * 10**5}, "blend"),
    "many names": ({f"name{i}": 1 for i in range(1000)}, "name0"),
    "bounds that cross": ({"min_area": 0.5, "max_area": 0.2}, "max_area and min_area"),
    "a band that is none": ({"ignore_band": [0.8, 0.2]}, "ignore_band"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_good_is_told_and_not_followed(case, checkpoint, tmp_path, capfd, caplog):
    values, named = BAD[case]
    recommending(checkpoint, values | {"fill_holes": True})
    found, said = resolved(capfd, flags(checkpoint, tmp_path))
    assert found == json.loads(json.dumps(found)) and found["fill_holes"] is True
    defaults = json.loads(GenerateSettings(n=3).model_dump_json())
    assert all(found[name] == defaults[name] for name in (*NAMES, "n", "quality") if name != "fill_holes")
    assert named in said + caplog.text and "not followed" in said + caplog.text and len(said + caplog.text) < 2500


@pytest.mark.parametrize("value", [[], "psi", 3, True])
def test_another_kind_of_entry_is_refused(value, checkpoint, tmp_path, capfd):
    recommending(checkpoint, value)
    assert main(flags(checkpoint, tmp_path)) == 2
    said = capfd.readouterr().err
    assert "recommended" in said and said.count("\n") == 1


def test_every_name_is_one_that_generate_takes_and_that_depends_on_the_networks():
    assert set(NAMES) <= GenerateSettings.model_fields.keys()
    assert not {"n", "seed", "generator", "alpha", "device", "save", "backgrounds", "batch_size"} & set(NAMES)


@pytest.mark.parametrize("area", ["min_area", "max_area"])
def test_whoever_gives_one_bound_of_the_area_is_not_recommended_the_other(area, checkpoint):
    recommending(checkpoint, {"min_area": 0.2, "max_area": 0.4})
    found = with_recommended(GenerateSettings(generator=str(checkpoint), **{area: 0.3}))
    assert [found.min_area, found.max_area].count(None) == 1


def test_a_new_alpha_network_does_not_inherit_it(checkpoint, tiny_checkpoint, tmp_path):
    def of(folder: Path) -> object:
        return native.read_card(folder).get("recommended")

    convert(checkpoint, tmp_path / "copy")
    assert of(tmp_path / "copy") == GOOD
    native.save(tmp_path / "copy", generator=tiny_generator(seed=3))
    assert of(tmp_path / "copy") == GOOD
    alpha = l4f.load_alpha(tiny_checkpoint)
    native.save(tmp_path / "copy", alpha=alpha)
    assert of(tmp_path / "copy") is None
    native.save(tmp_path / "copy", alpha=alpha, card={"recommended": {"psi": 0.5}})
    assert of(tmp_path / "copy") == {"psi": 0.5}


@pytest.mark.parametrize("name", ["vessels", "vessels64"])
def test_the_embedded_checkpoints_recommend_what_their_pipelines_say(name):
    """But for ψ: segmenters learn from shapes of all kinds, masks are best near the mean."""
    found = recommended(name, None).settings
    section = load_pipeline(name).generate
    assert found == {"psi": 0.7, "noise": "const"} | {n: v for n, v in section.items() if n in NAMES and n != "psi"}
