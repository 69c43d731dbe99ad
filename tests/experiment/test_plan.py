import json

import pytest

from l4f_datagen.errors import UserError
from l4f_datagen.experiment.plan import make_plan
from l4f_datagen.experiment.registry import stages as registered
from l4f_datagen.settings import load_pipeline
from l4f_datagen.settings.pipeline import pipeline_model

from .conftest import tiny_pipeline


def plan_of(tmp_path, **changes):
    content = {name: value for name, value in (tiny_pipeline("net") | changes).items() if value is not None}
    return make_plan(pipeline_model().model_validate(content), tmp_path)


def test_each_stage_takes_what_the_one_before_it_made(tmp_path):
    stages = {stage.name: stage for stage in plan_of(tmp_path).pieces}
    assert list(stages) == [
        "train-alpha", "generate", "train-layered",
        "train-segmenter unet", "train-segmenter unet-supervised",
        "train-segmenter unet-seed1", "train-segmenter unet-supervised-seed1",
        "train-segmenter bisenet", "train-segmenter bisenet-supervised",
        "train-segmenter bisenet-seed1", "train-segmenter bisenet-supervised-seed1",
        "evaluate alpha", "evaluate alpha layered",
        "evaluate segmenter unet", "evaluate segmenter unet-seed1",
        "evaluate segmenter bisenet", "evaluate segmenter bisenet-seed1", "evaluate segmenter baselines",
        "evaluate frechet", "evaluate frechet layered",
    ]  # fmt: skip
    alpha, shards = str(tmp_path / "alpha" / "final"), str(tmp_path / "shards")
    assert stages["generate"].settings.alpha == stages["evaluate alpha"].settings.alpha == alpha
    assert stages["evaluate alpha"].looks_at["reference"] == str(tmp_path / "segmenters/unet-supervised")
    looks_at = stages["evaluate segmenter bisenet-seed1"].looks_at
    assert looks_at["segmenter"] == str(tmp_path / "segmenters/bisenet-seed1")
    assert looks_at["supervised"] == str(tmp_path / "segmenters/bisenet-supervised-seed1")
    assert stages["evaluate frechet"].looks_at["a"] == "generator:net"
    assert stages["train-layered"].settings.images == "world:vessels"
    layered, drawn = stages["evaluate alpha layered"].settings, str(tmp_path / "layered" / "final")
    assert (layered.generator, layered.alpha, layered.baselines, layered.threshold) == (drawn, drawn, False, (0.5,))
    assert stages["evaluate frechet layered"].looks_at["a"] == f"generator:{drawn}"

    # A counterpart differs in what it learns from, and in nothing else.
    ours, theirs = (stages[f"train-segmenter bisenet{kind}-seed1"].settings for kind in ("", "-supervised"))
    assert (ours.shards, theirs.shards, ours.seed, ours.width) == ((shards,), ("world:vessels",), 1, 2)
    assert ours == theirs.model_copy(update={"shards": ours.shards})


def test_curated_backgrounds_are_held_to_the_true_ones_where_they_were_asked_for(tmp_path):
    training = {"generator": "net", "images": "world:vessels", "iterations": 4, "switched_off": "channels:0.6"}
    alone = {"baselines": None, "train-layered": None}
    whole, layer, curated = plan_of(tmp_path, **{"train-alpha": training}, **alone).pieces[-3:]
    assert [piece.label for piece in (whole, layer, curated)] == ["", "backgrounds", "curated backgrounds"]
    for piece in (layer, curated):
        assert (piece.looks_at["a"], piece.looks_at["b"]) == ("backgrounds:net", "backgrounds:world:vessels")
    assert (layer.settings.switched_off, layer.settings.alpha) == ("first_convolution", None)
    assert (curated.settings.switched_off, curated.settings.alpha) == ("channels:0.6", str(tmp_path / "alpha/final"))
    assert plan_of(tmp_path, **{"train-alpha": training | {"images": "photos"}}, **alone).pieces[-1].label == ""


def test_a_generator_of_its_own_comes_first_and_is_what_the_others_use(tmp_path):
    founding = {"images": "photos", "mirror": True, "resolution": 16}
    changes = {"train-generator": founding, "train-alpha": {"iterations": 4}, "generate": {"n": 3}}
    first, training, generating, layered, *_, distance, _ = plan_of(tmp_path, **changes).pieces
    made = str(tmp_path / "generator" / "final")
    assert (first.kind, first.place, first.settings.kimg) == ("train-generator", "generator", None)
    assert training.settings.generator == generating.settings.generator == made
    assert distance.looks_at["a"] == f"generator:{made}" and distance.looks_at["b"] == "photos"
    for one in (training, layered):
        assert (one.settings.images, one.settings.mirror) == ("photos", True)
    # Without an alpha network of its own, generate takes the one that it is told.
    _, generating, *_ = plan_of(tmp_path, **changes | {"train-alpha": None, "evaluate": None}).pieces
    assert generating.settings.generator == made
    _, training, *_ = plan_of(tmp_path, **changes | {"train-alpha": {"images": "others", "mirror": False}}).pieces
    assert (training.settings.images, training.settings.mirror) == ("others", False)


def test_what_needs_no_training_is_measured_where_the_file_says_so(tmp_path):
    quiet = {"alpha": {"n": 6}, "segmenter": {"images": "world:vessels"}}
    for listed, wanted in (([], 0), (["layered"], 0), (["untrained"], 2)):
        changes = {"evaluate": quiet, "baselines": listed, "train-layered": None}
        stages = {stage.name: stage for stage in plan_of(tmp_path, **changes).pieces}
        assert sum(getattr(stage.settings, "baselines", False) for stage in stages.values()) == wanted
        assert ("train-layered" in stages) == ("layered" in listed) == ("evaluate alpha layered" in stages)


def test_baselines_are_measured_once(tmp_path):
    stages = [stage for stage in plan_of(tmp_path).pieces if stage.kind == "evaluate segmenter"]
    assert [stage.label for stage in stages if stage.settings.baselines] == ["baselines"]


def test_without_counterparts_there_is_no_ratio(tmp_path):
    changes = {"segmenters": {"archs": {"unet": {}}}, "evaluate": {"segmenter": {"images": "world:vessels"}}}
    (stage,) = (s for s in plan_of(tmp_path, **changes).pieces if s.kind == "evaluate segmenter")
    assert "supervised" not in stage.looks_at and stage.settings.supervised is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"segmenters": {"archs": {"resnet": {}}}}, "unet"),
        ({"segmenters": {"archs": {}}}, "archs"),
        ({"segmenters": {"archs": {"unet": {}}, "seed": 3}}, "did you mean seeds"),
        ({"segmenters": {"archs": {"unet": {"seed": 3}}}}, "which the experiment sets itself"),
        ({"segmenters": {"archs": {"unet": {"widht": 3}}}}, "did you mean width"),
        ({"evaluate": {"alhpa": {}}}, "did you mean alpha"),
        ({"evaluate": {"alpha": {"psy": 1}}}, "did you mean psi"),
        ({"evaluate": {"alpha": {"n": 0}}}, "evaluate alpha: n"),
        ({"segmenters": {"archs": {"unet": {}}}, "evaluate": {"alpha": {}}}, "no supervised segmenter"),
        ({"train-segmenter": None, "segmenters": None, "evaluate": {"segmenter": {}}}, "no section train-segmenter"),
        (
            {"train-alpha": None, "evaluate": {"frechet": {}}, "baselines": None, "train-layered": None},
            "section train-a",
        ),
        ({"train-alpha": None}, "train-layered: images: got nothing"),
        ({"generate": None, "evaluate": {"alpha": {}}}, "no section generate"),
    ],
    ids=lambda value: json.dumps(value)[:60],
)
def test_what_is_wrong_is_told_before_any_work(tmp_path, changes, said):
    with pytest.raises(UserError, match=said):
        plan_of(tmp_path, **changes)
    assert not list(tmp_path.iterdir())


def test_quick_does_less_of_everything_and_more_of_nothing(tmp_path):
    whole, quick = (make_plan(load_pipeline("vessels64"), tmp_path, quick=quick).pieces for quick in (False, True))
    first_seeds = [stage for stage in whole if "-seed" not in stage.label]
    assert [stage.name for stage in first_seeds] == [stage.name for stage in quick]
    for stage, less in zip(first_seeds, quick):
        allowed = registered()[stage.kind].quick
        for name in type(stage.settings).model_fields:
            value, found = (getattr(one.settings, name) for one in (stage, less))
            assert found == value or (name in allowed and found == allowed[name] < value), f"{stage.name}: {name}"
        assert any(getattr(less.settings, name) == most for name, most in allowed.items())


def test_a_flag_is_stronger_than_quick(tmp_path):
    plan = make_plan(load_pipeline("vessels64"), tmp_path, n="2000", quick=True)
    assert next(stage.settings.n for stage in plan.pieces if stage.kind == "generate") == 2000
