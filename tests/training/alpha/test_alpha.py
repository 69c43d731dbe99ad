import json
import math
import os

import pytest
import torch
from safetensors.torch import load_file

import l4f_datagen as l4f
from l4f_datagen.errors import UserError, WorkError
from l4f_datagen.networks.alpha import AlphaNetwork
from l4f_datagen.networks.inference import InferenceGenerator, freeze
from l4f_datagen.settings import TrainAlphaSettings
from l4f_datagen.storage.lock import writing
from l4f_datagen.training.alpha import learner as alpha_steps
from l4f_datagen.training.alpha import train as alpha
from l4f_datagen.training.alpha.heads import HeadsLearner
from l4f_datagen.training.alpha.train import rate_factor, train_alpha
from l4f_datagen.training.core import losses
from l4f_datagen.weights import native
from tests import forked
from tests.conftest import tiny_generator
from tests.networks.test_inference import tensors_of

from ..conftest import write_pictures


class Killed(BaseException):
    """Nothing catches it, as nothing catches a kill."""


def weights_of(run) -> dict[str, torch.Tensor]:
    return load_file(run / "final" / "alpha.safetensors")


def same(one, other) -> bool:
    a, b = weights_of(one), weights_of(other)
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def test_a_run_leaves_what_the_contract_says(tmp_path, tiny_training):
    told = []
    result = train_alpha(tiny_training, tmp_path / "run", report=told.append)
    run = tmp_path / "run"
    assert sorted(p.name for p in run.iterdir()) == ["checkpoints", "final", "log.jsonl", "samples", "settings.json"]
    assert sorted(p.name for p in (run / "checkpoints").iterdir()) == ["000004", "000006"]
    assert sorted(p.name for p in (run / "samples").iterdir()) == ["000003.png", "000006.png"]
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert [line["iteration"] for line in lines] == [2, 4, 6] == [p.iteration for p in told]
    assert all(
        {"discriminator", "adversarial", "B", "C", "E", "r1", "steps_per_second"} <= line.keys() for line in lines
    )
    assert result.final == run / "final" and result.made == 6
    card = native.read_card(run / "final")
    assert card["training"]["alpha"]["iterations"] == 6 and card["training"]["alpha"]["images_found"] == 14
    assert {"area", "decisiveness", "variety"} <= card["quality"].keys() and card["licence"] == "MIT"
    # A checkpoint can be used as it is, too.
    for folder in (run / "final", run / "checkpoints" / "000004"):
        settings = l4f.GenerateSettings(n=2, generator=tiny_training.generator, alpha=str(folder), device="cpu")
        assert len(list(l4f.stream(settings))) == 2


def test_the_result_is_the_average_and_not_the_raw_weights(tmp_path, tiny_training):
    train_alpha(tiny_training, tmp_path / "run")
    state = load_file(tmp_path / "run" / "checkpoints" / "000006" / "state.safetensors")
    for name, tensor in weights_of(tmp_path / "run").items():
        assert torch.equal(tensor, state[f"averaged.{name}"])
    assert any(not torch.equal(t, state[f"alpha.{n}"]) for n, t in weights_of(tmp_path / "run").items())


@pytest.mark.parametrize(
    "changes", [{"backgrounds": "world:vessels"}, {"reuse_samples": True, "lambda_4": 5.0}], ids=str
)
def test_killed_anywhere_and_started_again_gives_the_same_bits(tmp_path, tiny_training, monkeypatch, changes):
    settings = tiny_training.model_copy(update=changes)
    train_alpha(settings, tmp_path / "whole")
    step = alpha.AlphaLearner.alpha_step
    for kill_at in range(1, 6):

        def dying(self, iteration, behind, kill_at=kill_at):
            if iteration == kill_at:
                raise Killed
            return step(self, iteration, behind)

        run = tmp_path / f"killed-{kill_at}"
        monkeypatch.setattr(alpha.AlphaLearner, "alpha_step", dying)
        with pytest.raises(Killed):
            train_alpha(settings, run)
        monkeypatch.setattr(alpha.AlphaLearner, "alpha_step", step)
        assert train_alpha(settings, run).made == 6 - kill_at // 2 * 2
        assert same(tmp_path / "whole", run)
        logs = [(r / "log.jsonl").read_text().splitlines() for r in (tmp_path / "whole", run)]
        strip = [[{k: v for k, v in json.loads(li).items() if k != "steps_per_second"} for li in log] for log in logs]
        assert strip[0] == strip[1]


def test_stray_edges_are_weighed_on_a_rising_slope(tmp_path, tiny_training):
    settings = tiny_training.model_copy(update={"iterations": 100, "edge_ramp": 0.5})
    shares = [alpha_steps.edge_share(iteration, settings) for iteration in (0, 25, 49, 50, 99)]
    assert shares == pytest.approx([0, 0.25, 0.9604, 1, 1])
    assert alpha_steps.edge_share(0, settings.model_copy(update={"edge_ramp": 0.0})) == 1
    # It is learned from: a weight that drowns all others leaves hardly an edge, on the same samples.
    last = []
    for weight in (1e-6, 1e4):
        many = tiny_training.model_copy(
            update={
                "lambda_4": weight,
                "edge_ramp": 0.0,
                "iterations": 30,
                "alpha_learning_rate": 0.02,
                "log_every": 30,
            }
        )
        told = []
        train_alpha(many, tmp_path / f"run-{weight}", report=told.append)
        last.append(told[-1].terms["S"])
    assert last[1] < 0.5 * last[0]


def test_a_folder_in_which_somebody_trains_is_refused(tmp_path, tiny_training):
    with writing(tmp_path / "run"), pytest.raises(UserError, match="is writing into"):
        train_alpha(tiny_training, tmp_path / "run")
    assert list((tmp_path / "run").iterdir()) == []


def test_a_finished_run_is_left_alone(tmp_path, tiny_training):
    train_alpha(tiny_training, tmp_path / "run")
    before = (tmp_path / "run" / "final" / "model.json").stat().st_mtime_ns
    assert train_alpha(tiny_training, tmp_path / "run").made == 0
    assert (tmp_path / "run" / "final" / "model.json").stat().st_mtime_ns == before


def test_other_settings_are_refused_by_name(tmp_path, tiny_training):
    train_alpha(tiny_training, tmp_path / "run")
    other = tiny_training.model_copy(update={"lambda_1": 9.0, "seed": 4, "log_every": 1})
    with pytest.raises(UserError) as error:
        train_alpha(other, tmp_path / "run")
    assert "lambda_1 (1.2 there, 9.0 here), seed (0 there, 4 here)" in str(error.value)
    assert "log_every" not in str(error.value)
    assert train_alpha(other, tmp_path / "run", overwrite=True).made == 6


def test_a_foreign_folder_is_refused(tmp_path, tiny_training):
    (tmp_path / "letters.txt").write_text("dear")
    with pytest.raises(UserError, match=r"letters\.txt"):
        train_alpha(tiny_training, tmp_path)
    assert (tmp_path / "letters.txt").read_text() == "dear"


def test_parts_of_a_batch_equal_the_whole(tmp_path, tiny_training):
    train_alpha(tiny_training, tmp_path / "whole")
    train_alpha(tiny_training.model_copy(update={"accumulate": 2}), tmp_path / "parts")
    for name, tensor in weights_of(tmp_path / "whole").items():
        assert torch.allclose(tensor, weights_of(tmp_path / "parts")[name], atol=2e-5), name


LAUNCHED = """
import pathlib, sys
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

def train(path, out):
    from l4f_datagen.settings import TrainAlphaSettings
    from l4f_datagen.training.alpha.train import train_alpha
    train_alpha(TrainAlphaSettings.model_validate_json(pathlib.Path(path).read_text()), out)

# torchrun itself, but that its two processes are forked from the one that has loaded torch.
config = LaunchConfig(1, 1, 2, run_id="two", rdzv_backend="c10d", rdzv_endpoint="127.0.0.1:0", start_method="fork")
elastic_launch(config, train)(*sys.argv[1:])
"""


def test_two_processes_equal_one_with_twice_the_batch_of_each(tmp_path, tiny_training):
    train_alpha(tiny_training, tmp_path / "one")
    path = tmp_path / "settings.json"
    path.write_text(tiny_training.model_dump_json())
    program = tmp_path / "program.py"
    program.write_text(LAUNCHED)
    forked.load_what_trains()
    environment = {**os.environ, "PYTHONPATH": str(forked.ROOT), "OMP_NUM_THREADS": "1"}
    (ended,) = forked.together(str(program), [[str(path), str(tmp_path / "two")]], tmp_path, [environment])
    assert ended.returncode == 0, ended.stdout + ended.stderr
    for name, tensor in weights_of(tmp_path / "one").items():
        assert torch.allclose(tensor, weights_of(tmp_path / "two")[name], atol=2e-5), name
    logs = [json.loads((tmp_path / n / "log.jsonl").read_text().splitlines()[-1]) for n in ("one", "two")]
    assert all(logs[0][k] == pytest.approx(logs[1][k], abs=1e-4) for k in ("discriminator", "adversarial", "B", "area"))


def test_shared_codes_are_shared(tiny_training, monkeypatch):
    original = InferenceGenerator.map
    for share in (False, True):
        seen = []
        learner = make_learner(tiny_training.model_copy(update={"share_z": share, "psi": 1.0}))
        with monkeypatch.context() as patch:
            patch.setattr(InferenceGenerator, "map", lambda self, z, seen=seen: seen.append(z) or original(self, z))
            learner._draw(range(4), "alpha")
        assert torch.equal(seen[0], seen[1]) == share


def make_learner(settings: TrainAlphaSettings) -> alpha.AlphaLearner:
    processes = alpha.Processes(device="cpu", precision=settings.precision)
    return alpha.AlphaLearner(settings, l4f.load_generator(settings.generator), processes, settings.switched_off)


def test_samples_do_not_depend_on_what_is_drawn_with_them(tiny_training):
    learner = make_learner(tiny_training)
    learner.generator = freeze(tiny_generator())  # with noise that shows
    together = learner._draw(range(8), "alpha")
    for places in ([5], range(5, 8, 2), torch.tensor([5, 0])):
        alone = learner._draw(places, "alpha")
        for name in ("foreground", "alpha", "composite"):
            found, wanted = getattr(alone, name), getattr(together, name)
            torch.testing.assert_close(found[0], wanted[5], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(learner._draw(range(8), "discriminator").foreground, together.foreground)
    quiet = make_learner(tiny_training.model_copy(update={"noise": "none"}))
    quiet.generator = learner.generator
    assert not torch.allclose(quiet._draw(range(8), "alpha").foreground, together.foreground)


@pytest.mark.parametrize("preset", ["paper", "auto"])
def test_a_state_of_other_random_numbers_is_refused(tiny_training, preset):
    learner = make_learner(tiny_training)
    if preset == "auto":
        settings = TrainAlphaSettings(
            preset="auto", generator=tiny_training.generator, images=tiny_training.images, first_resolution=8,
            device="cpu",
        )  # fmt: skip
        prepared = alpha.prepare(settings)
        learner = HeadsLearner(prepared.settings, prepared.generator, learner.processes, "first_convolution")
    tensors, numbers = learner.state()
    learner.restore(tensors, numbers)
    del numbers["random_numbers"]
    with pytest.raises(UserError, match="an earlier version, which drew other random numbers"):
        learner.restore(tensors, numbers)


def test_the_generator_stays_frozen_and_its_parts_learn(tiny_training):
    learner = make_learner(tiny_training)
    before = [tensor.clone() for tensor in tensors_of(learner.generator)]
    first = {n: p.clone() for n, p in learner.alpha.named_parameters()}
    learner.discriminator_step(0, [torch.zeros(4, 3, 16, 16)])
    assert all(torch.equal(p, first[n]) for n, p in learner.alpha.named_parameters())
    weights = {n: p.clone() for n, p in learner.discriminator.named_parameters()}
    learner.alpha_step(0)
    assert all(torch.equal(p, weights[n]) for n, p in learner.discriminator.named_parameters())
    assert any(not torch.equal(p, first[n]) for n, p in learner.alpha.named_parameters())
    assert all(torch.equal(now, old) for now, old in zip(tensors_of(learner.generator), before, strict=True))


def test_bf16_on_a_cpu(tmp_path, tiny_training):
    train_alpha(tiny_training.model_copy(update={"precision": "bf16", "iterations": 2}), tmp_path / "run")
    assert all(torch.isfinite(t).all() for t in weights_of(tmp_path / "run").values())
    with pytest.raises(UserError, match="fp16 on a CPU"):
        train_alpha(tiny_training.model_copy(update={"precision": "fp16"}), tmp_path / "other")


def test_what_is_not_finite_stops_and_says_where(tmp_path, tiny_training, monkeypatch):
    calls = iter(range(100))
    real = losses.binarization
    monkeypatch.setattr(losses, "binarization", lambda m: real(m) * (math.nan if next(calls) == 4 else 1))
    with pytest.raises(WorkError) as error:
        train_alpha(tiny_training, tmp_path / "run")
    message = str(error.value)
    assert "B of iteration 5 is not finite" in message and str(tmp_path / "run" / "checkpoints" / "000004") in message
    assert isinstance(l4f.load_alpha(tmp_path / "run" / "checkpoints" / "000004"), AlphaNetwork)
    assert not (tmp_path / "run" / "final").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"lambda_3": 0.0, "lambda_2": 500.0, "phi_1": 1.0}, "all foreground"),
        ({"lambda_3": 500.0, "phi_2": 1.0}, "all background"),
    ],
)
def test_degenerate_masks_are_told_with_their_remedy(tmp_path, tiny_training, change, words):
    change |= {"iterations": 60, "alpha_learning_rate": 0.3, "adversarial_weight": 0.0, "anneal": 0.0}
    told = []
    result = train_alpha(tiny_training.model_copy(update=change), tmp_path / "run", report=told.append)
    assert words in result.verdict and "lambda_3" in result.verdict
    assert [p.warning for p in told if p.warning and words in p.warning]
    assert words in native.read_card(result.final)["quality"]["warning"]


def test_rates_fall_in_the_last_share():
    settings = TrainAlphaSettings(iterations=100, anneal=0.4)
    assert [rate_factor(i, settings) for i in (0, 60)] == [1, 1]
    assert rate_factor(80, settings) == pytest.approx(0.5)
    assert 0 < rate_factor(99, settings) < 0.01
    assert rate_factor(99, TrainAlphaSettings(iterations=100)) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"batch_size": 16}, "got 14; expected at least a batch, 16"),
        ({"batch_size": 6, "minibatch_group": 4}, "a multiple of 4"),
        ({"first_resolution": 16}, "at most 8"),
        ({"images": "nowhere"}, "not there"),
        ({"generator": "nowhere"}, "nowhere"),
    ],
)
def test_bad_input_is_told_before_anything_is_written(tmp_path, tiny_training, change, words):
    with pytest.raises(UserError, match=words):
        train_alpha(tiny_training.model_copy(update=change), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_too_many_broken_images_stop_a_run(tmp_path, tiny_training):
    write_pictures(tmp_path / "images", 8)
    (tmp_path / "images" / "002.png").write_bytes(b"broken")
    with pytest.raises(UserError, match="1 broken of 8"):
        train_alpha(tiny_training.model_copy(update={"images": str(tmp_path / "images")}), tmp_path / "run")
