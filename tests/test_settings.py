import pytest

from l4f_datagen.errors import UserError
from l4f_datagen.settings import (
    GenerateSettings,
    ImportSettings,
    RenderSettings,
    fingerprint,
    identity,
    load_pipeline,
    resolve,
)

CHECKPOINTS = {"generator": "1" * 64, "alpha": "2" * 64}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"psi": 1.6}, ["psi", "1.6", "1.5"]),
        ({"psi": -0.1}, ["psi", "-0.1"]),
        ({"psi": "nan"}, ["psi", "nan"]),
        ({"n": 0}, ["n: got 0", "greater than 0"]),
        ({"n": "many"}, ["n: got 'many'", "integer"]),
        ({"batchsize": 4}, ["batchsize", "unknown key", "did you mean batch_size?"]),
        ({"image_format": "gif"}, ["image_format", "gif", "jpg"]),
        ({"save": "foreground,masks"}, ["save", "masks"]),
        ({"device": "gpu"}, ["device", "gpu"]),
        ({"quality": 101}, ["quality", "101", "100"]),
    ],
)
def test_each_mistake_is_one_line_that_names_got_and_expected(values, words):
    for make in (lambda: resolve(GenerateSettings, {}, values), lambda: GenerateSettings(**values)):
        with pytest.raises(UserError) as error:
            make()
        message = str(error.value)
        assert "\n" not in message
        assert all(word in message for word in words), message


def test_what_is_required_is_asked_for():
    with pytest.raises(UserError, match=r"^source: got nothing; expected .*; give source$"):
        ImportSettings()


def test_flag_beats_file_beats_default():
    settings = resolve(GenerateSettings, {"psi": 0.5, "seed": 3}, {"psi": "0.8", "seed": None})
    assert (settings.psi, settings.seed, settings.threshold) == (0.8, 3, 0.9)


def test_settings_are_frozen():
    with pytest.raises(ValueError, match="frozen"):
        GenerateSettings().n = 5


def test_what_is_saved_has_one_order():
    assert GenerateSettings(save="w,background").save == GenerateSettings(save=("background", "w")).save


def test_identity_leaves_out_what_does_not_change_a_byte():
    base = fingerprint(identity(GenerateSettings(), CHECKPOINTS, "cpu"))
    same = GenerateSettings(n=5, generator="elsewhere.pt", device="cuda:1")
    assert fingerprint(identity(same, CHECKPOINTS, "cpu")) == base
    for other in (GenerateSettings(seed=1), GenerateSettings(batch_size=4), GenerateSettings(save="w")):
        assert fingerprint(identity(other, CHECKPOINTS, "cpu")) != base
    assert fingerprint(identity(GenerateSettings(), CHECKPOINTS | {"alpha": "3" * 64}, "cpu")) != base


def test_shards_cover_all_samples_once():
    settings = GenerateSettings(n=23, samples_per_shard=10)
    assert [i for s in range(settings.shards) for i in settings.shard_indices(s)] == list(range(23))


def test_embedded_pipelines_are_valid():
    section = load_pipeline("vessels").generate
    assert resolve(GenerateSettings, section, {}).generator == "vessels"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("generat: {}", ["generat", "did you mean generate?"]),
        ("generate: {psi: [}", ["no YAML"]),
        ("- 1\n- 2", ["no mapping"]),
        ("generate: 3", ["generate", "3"]),
    ],
)
def test_bad_pipeline_files_are_told_in_one_line(tmp_path, content, words):
    path = tmp_path / "p.yaml"
    path.write_text(content)
    with pytest.raises(UserError) as error:
        load_pipeline(str(path))
    assert all(word in str(error.value) for word in words) and "\n" not in str(error.value)


def test_a_missing_pipeline_file_names_the_embedded_ones():
    with pytest.raises(UserError, match="vessels"):
        load_pipeline("no-such-file.yaml")


@pytest.mark.parametrize("model", [GenerateSettings, RenderSettings, ImportSettings])
def test_shards_are_not_more_than_a_folder_holds(model):
    source = {"source": "x"} if model is ImportSettings else {}
    assert resolve(model, source, {"n": 10**9}).shards == 10**6
    with pytest.raises(UserError, match="samples_per_shard: got 999; expected at least 1000 for 1000000000 samples"):
        resolve(model, source, {"n": 10**9, "samples_per_shard": 999})
