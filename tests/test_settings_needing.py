"""Flags that do something beside others only: refused alone, in the same words everywhere, and taken beside those."""

import pytest

from l4f_datagen import settings
from l4f_datagen.cli import main
from l4f_datagen.errors import UserError
from l4f_datagen.settings import StageSettings, resolve
from l4f_datagen.settings.evaluate import HandMasksSettings
from l4f_datagen.settings.recommended import as_given, completed

_WORLD, _FOLDER = {"images": "world:vessels"}, {"images": "photos/"}
_LOSSY = ({"image_format": "png", "quality": 50}, {"image_format": "webp", "quality": 50})

# Per model: flags of which the first named in NEEDS has no effect, and flags beside which it has one.
CASES = {
    "GenerateSettings": [
        ({"refine_epsilon": 0.1, "refine": 0}, {"refine_epsilon": 0.1, "refine": 2}),
        ({"background_psi": 0.5, "backgrounds": "own/"}, {"background_psi": 0.5}),
        ({"switched_off": "constant", "backgrounds": "own/"}, {"switched_off": "constant"}),
        _LOSSY,
    ],
    "CodesSettings": [tuple({"codes": "codes/", **one} for one in _LOSSY)],
    "RenderSettings": [_LOSSY, ({"threshold": 0.2, "backgrounds_only": True}, {"threshold": 0.2})],
    "ImportSettings": [tuple({"source": "labelled/", **one} for one in _LOSSY)],
    "ExportSettings": [
        ({"format": "coco", "image_set": "val", "split": "0.9/0.1"}, {"format": "coco", "image_set": "val"}),
    ],
    "SegmentSettings": [
        ({"overlap": 0.5}, {"overlap": 0.5, "tile": 64}),
        ({"video_format": "avi", "video": "frames"}, {"video_format": "avi", "video": "frames,mask"}),
    ],
    "AnalyzeBackgroundsSettings": [({"alpha": "a/"}, {"alpha": "a/", "images": "world:vessels"})],
    "EditSettings": [
        ({"direction": "sefa:0", "psi": 0.5, "codes": "codes/"}, {"direction": "sefa:0", "psi": 0.5, "seeds": "3"}),
        ({"direction": "sefa:0", "inpaint": "ns", "inpaint_onnx": "m.onnx"}, {"direction": "sefa:0", "inpaint": "ns"}),
        ({"direction": "sefa:0", "keys": ("a,b",)}, {"direction": "sefa:0", "keys": ("a,b",), "codes": "codes/"}),
        ({"direction": "sefa:0", "milliseconds": 40}, {"direction": "sefa:0", "milliseconds": 40, "gif": True}),
    ],
    "ProjectSettings": [
        ({"world_images": 3, **_FOLDER}, {"world_images": 3, **_WORLD}),
        ({"w_steps": 3, "how": "encoder", "encoder": "e/"}, {"w_steps": 3}),
        ({"steps": 3, "how": "encoder", "encoder": "e/"}, {"steps": 3}),
        ({"refine_steps": 3}, {"refine_steps": 3, "how": "encoder", "encoder": "e/"}),
        ({"noise_weight": 3}, {"noise_weight": 3, "noise_maps": "optimise"}),
        ({"feature_weight": 3}, {"feature_weight": 3, "features": "run/"}),
        ({"refine_epsilon": 0.1, "refine": 0}, {"refine_epsilon": 0.1, "refine": 1}),
    ],
    "TrainEncoderSettings": [
        ({"world_images": 3, **_FOLDER}, {"world_images": 3, **_WORLD}),
        ({"mirror": True}, {"mirror": True, **_FOLDER}),
        ({"photographs": 3}, {"photographs": 3, **_FOLDER}),
        ({"prior": 3}, {"prior": 3, **_FOLDER}),
    ],
    "TrainGeneratorSettings": [
        ({"world_images": 3, **_FOLDER}, {"world_images": 3, **_WORLD}),
        ({"r1_every": 3, "r1": 0, **_FOLDER}, {"r1_every": 3, **_FOLDER}),
        ({"path_length_every": 3, "resolution": 64, **_FOLDER}, {"path_length_every": 3, "preset": "full", **_FOLDER}),
        ({"path_length_decay": 0.5, "path_length": 0, **_FOLDER}, {"path_length_decay": 0.5, "from": "x", **_FOLDER}),
        ({"path_length_share": 1, "preset": "small", **_FOLDER}, {"path_length_share": 1, "path_length": 2, **_FOLDER}),
        ({"noise_strength": 1, "noise": "none", **_FOLDER}, {"noise_strength": 1, **_FOLDER}),
        ({"augment_p": 0.5, "augment": "off", **_FOLDER}, {"augment_p": 0.5, "augment": "fixed", **_FOLDER}),
        ({"ada_target": 0.5, "augment": "fixed", **_FOLDER}, {"ada_target": 0.5, **_FOLDER}),
        ({"ada_kimg": 5, "augment": "off", **_FOLDER}, {"ada_kimg": 5, "augment": "ada", **_FOLDER}),
        ({"ada_every": 5, "augment": "off", **_FOLDER}, {"ada_every": 5, **_FOLDER}),
        ({"frechet_images": 9, **_FOLDER}, {"frechet_images": 9, "frechet_every": 5, **_FOLDER}),
    ],
    "TrainAlphaSettings": [
        ({"world_images": 3, **_FOLDER}, {"world_images": 3, "backgrounds": "world:garden", **_FOLDER}),
        ({"background_psi": 0.5, "backgrounds": "own/"}, {"background_psi": 0.5}),
        ({"edge_scale": 3}, {"edge_scale": 3, "lambda_4": 1}),
        ({"edge_ramp": 1}, {"edge_ramp": 1, "lambda_4": 1}),
        ({"phi_1": 0.1, "preset": "paper"}, {"phi_1": 0.1, "preset": "paper", "lambda_2": 1}),
        ({"phi_2": 0.1, "lambda_3": 0}, {"phi_2": 0.1}),
        ({"r1_every": 3, "r1": 0}, {"r1_every": 3}),
        ({"crops": "plain"}, {"crops": "plain", "switched_off": "channels:0.5"}),
        ({"crops": "plain", "switched_off": "channels:auto"}, {"crops": "plain", "switched_off": "channels:0.5"}),
        ({"channels_of": "a/"}, {"channels_of": "a/", "switched_off": "channels:auto"}),
        ({"cut_samples": 3, "preset": "paper"}, {"cut_samples": 3}),
        ({"teaching_iterations": 3, "cut_rounds": 0}, {"teaching_iterations": 3}),
    ],
    "TrainLayeredSettings": [
        ({"world_images": 3, **_FOLDER}, {"world_images": 3, **_WORLD}),
        ({"width": 0.5, "channels": "8,8,8,8,8", **_FOLDER}, {"width": 0.5, **_FOLDER}),
        ({"r1_every": 3, "r1": 0, **_FOLDER}, {"r1_every": 3, **_FOLDER}),
        ({"decided_after": 1, "lambda_1": 0, **_FOLDER}, {"decided_after": 1, **_FOLDER}),
        ({"phi_1": 0.1, "lambda_2": 0, **_FOLDER}, {"phi_1": 0.1, **_FOLDER}),
        ({"phi_2": 0.1, "lambda_3": 0, **_FOLDER}, {"phi_2": 0.1, **_FOLDER}),
    ],
    "TrainSegmenterSettings": [
        ({"world_images": 3, "shards": "s/"}, {"world_images": 3, "shards": "s/,world:vessels:2"}),
        ({"validation": 0.5, "shards": "generator:vessels:2"}, {"validation": 0.5, "shards": "generator:vessels,s/"}),
        ({"validation": 0.5, "shards": "generator:a,generator:b"}, {"validation": 0, "shards": "generator:a"}),
        ({"validation_images": 3, "validation": "0.0"}, {"validation_images": 3, "validation": "world:vessels"}),
        ({"rounds": 3}, {"rounds": 3, "photographs": "p/"}),
        ({"students": 3}, {"students": 3, "photographs": "p/"}),
        ({"agreement": 0.5}, {"agreement": 0.5, "photographs": "p/"}),
        ({"depth": 2, "arch": "bisenet"}, {"depth": 2}),
        ({"stem": 2}, {"stem": 2, "arch": "unet-resnet18"}),
        ({"auxiliary_weight": 2}, {"auxiliary_weight": 2, "arch": "bisenet"}),
        ({"scaled": 1, "scale": 0}, {"scaled": 1}),
    ],
    "EvaluateAlphaSettings": [
        ({"refine_epsilon": 0.1, "refine": 0}, {"refine_epsilon": 0.1, "refine": 1}),
        ({"switched_off": "constant"}, {"switched_off": "constant", "baselines": True}),
        ({"object_area": 0.5, "reject": ""}, {"object_area": 0.5}),
    ],
    "EvaluateSegmenterSettings": [({"size": 32, **_FOLDER}, {"size": 32, **_WORLD})],
    "EvaluateProjectionSettings": [({"size": 32, **_FOLDER}, {"size": 32, **_WORLD})],
    "EvaluateFrechetSettings": [
        ({"features": "f", "alpha": "a"}, {"features": "f", "alpha": "a", "switched_off": "channels:0.5"}),
    ],
}  # fmt: skip
ROWS = [(name, alone, beside) for name, rows in CASES.items() for alone, beside in rows]


def _needing(name: str, flags: dict) -> str:
    return next(flag for flag in flags if flag in getattr(settings, name).NEEDS)


@pytest.mark.parametrize(
    ("name", "alone", "beside"), ROWS, ids=lambda value: None if isinstance(value, dict) else value
)
def test_a_flag_without_what_it_needs_is_refused(name, alone, beside):
    model, flag = getattr(settings, name), _needing(name, alone)
    with pytest.raises(UserError) as told:
        resolve(model, {}, alone)
    assert told.value.subject == f"--{flag.replace('_', '-')}" and "no effect" in told.value.got
    assert getattr(resolve(model, {}, beside), flag) is not None
    # A file may hold it: several commands read one file, and architectures share a section.
    assert flag in resolve(model, alone, {}).model_fields_set
    # Its default says nothing.
    default = model.by_outer_name()[flag].default
    assert resolve(model, alone, {flag: default}) is not None


def test_the_table_has_all_such_settings():
    models = [one for one in vars(settings).values() if isinstance(one, type) and issubclass(one, StageSettings)]
    there = {(one.__name__, flag) for one in models for flag in one.NEEDS if not one.__name__.startswith("Complete")}
    assert there == {(name, _needing(name, alone)) for name, alone, _ in ROWS}
    assert not HandMasksSettings.NEEDS
    for one in models:
        names = one.by_outer_name()
        assert all(name in names and need.setting in names for name, need in one.NEEDS.items())


@pytest.mark.parametrize("name", ["GenerateSettings", "ProjectSettings", "EvaluateAlphaSettings"])
def test_what_a_card_may_recommend_is_waited_for(name):
    found = resolve(getattr(settings, name), {}, {"refine_epsilon": 0.1})
    assert completed(found, {"refine": 2})[0].refine == 2
    for ends in (lambda: completed(found, {}), lambda: completed(found, {"threshold": 0.5}), lambda: as_given(found)):
        with pytest.raises(UserError, match="--refine-epsilon: got 0.1, which has no effect"):
            ends()
    # A data set that was made with all of its settings goes on.
    stored = resolve(getattr(settings, name), {"refine_epsilon": 0.1, "refine": 0}, {})
    assert completed(stored, {"refine": 2})[0].refine == 0


COMMANDS = [
    ("preview shards --out p.png --seed 3", "--seed: got 3,", "--random"),
    ("stats shards --sample 3", "--sample: got 3,", "--json-file"),
    ("stats shards --save-list l.txt", "--save-list: got l.txt,", "--reference"),
    ("stats shards --device cpu", "--device: got cpu,", "--reference"),
    ("verify shards --alpha vessels", "--alpha: got vessels,", "--repair"),
    ("verify shards --allow-mixed", "--allow-mixed: got it,", "--repair"),
    ("generate --out o --device cuda --devices cpu,cpu", "--device: got cuda,", "no --devices cpu,cpu"),
    ("generate --out o --max-error 3", "--max-error: got 3,", "--codes"),
    ("generate --out o --codes c --config vessels", "--config: got vessels,", "no --codes"),
    ("generate --out o --codes c --no-recommended", "--no-recommended: got it,", "no --codes"),
    ("evaluate masks a b --object-area 0.5", "--object-area: got 0.5,", "--reference"),
    ("evaluate alpha --export-images e --csv t.csv", "--csv: got t.csv,", "--reference"),
    ("evaluate alpha --export-images e --sheet t.png", "--sheet: got t.png,", "--reference"),
    ("edit --direction sefa:0 --keys a,b --out o", "--keys: got a,b,", "--codes"),
]


@pytest.mark.parametrize(("words", "told", "needed"), COMMANDS)
def test_flags_that_are_no_settings_are_told_alike(words, told, needed, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(words.split()) == 2
    told_line = capsys.readouterr().err
    assert f"{told} which has no effect here" in told_line and needed in told_line
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "stage", ["generate", "project", "edit", "train-alpha", "train-encoder", "train-generator", "train-layered"]
)
def test_a_pipeline_file_that_says_nothing_of_the_stage_is_refused(stage, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.yaml").write_text("train-segmenter: {width: 3}\n")
    needed = {
        "edit": ["--direction", "sefa:0"],
        "train-generator": ["--images", "x"],
        "train-layered": ["--images", "x"],
    }
    words = [stage, "--config", "p.yaml", "--out", "o", "--dry-run", *needed.get(stage, ())]
    assert main(words) == 2
    assert f"p.yaml, which says nothing of {stage}" in capsys.readouterr().err
    assert main(["train-segmenter", *words[1:6]]) == 0
