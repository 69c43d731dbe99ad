"""``train-alpha --preset auto``: a tiny run goes through all its phases."""

import json
from dataclasses import asdict

import pytest
import torch
from safetensors.torch import load_file

import l4f_datagen as l4f
from l4f_datagen.errors import UserError
from l4f_datagen.evaluation import cuts
from l4f_datagen.settings import TrainAlphaSettings, chosen_values, with_alpha_preset
from l4f_datagen.training.alpha import card, choosing, heads, phases, teaching
from l4f_datagen.training.alpha.heads import HeadsLearner
from l4f_datagen.training.alpha.phases import PhasedTraining
from l4f_datagen.training.alpha.train import prepare, train_alpha
from l4f_datagen.weights import native
from l4f_datagen.weights.native.state import Unfit

GOOD = {"area": 0.4, "decisiveness": 0.9, "variety": 0.2, "edges": 1.0}
CHANNELS = (256, 256, 256, 128, 64)


class Killed(BaseException):
    """Nothing catches it, as nothing catches a kill."""


@pytest.fixture
def auto(tiny_checkpoint, pictures, monkeypatch) -> TrainAlphaSettings:
    """Two heads for 3 steps, the winner for 4 at most, two rounds of cuts for 3 each; 13 in all."""
    monkeypatch.setattr(card, "_SAMPLES", 8)
    monkeypatch.setattr(phases, "PROBES", 8)
    monkeypatch.setattr(phases, "MEASURED_EVERY", 2)
    monkeypatch.setattr(heads, "POOL", 16)
    monkeypatch.setattr(teaching, "AGREEING", 0.0)  # random networks and random pictures agree in nothing
    monkeypatch.setattr(cuts, "LAWS", (cuts.CutLaw(rounds=1),))
    return TrainAlphaSettings(
        generator=str(tiny_checkpoint), images=str(pictures), mirror=True, iterations=4, batch_size=4,
        minibatch_group=2, phi_2_heads=(0.2, 0.4), choosing_iterations=3, cut_rounds=2, cut_samples=16,
        teaching_iterations=3, alpha_learning_rate=0.01, r1_every=2, psi=0.8, log_every=2, sheet_every=50,
        checkpoint_every=2, device="cpu",
    )  # fmt: skip


@pytest.fixture
def tolerant(monkeypatch):
    """Masks of random networks are degenerate; here they are not."""
    monkeypatch.setattr(choosing, "degenerate", lambda measured: None)


def weights_of(run) -> dict[str, torch.Tensor]:
    return load_file(run / "final" / "alpha.safetensors")


def log_of(run) -> list[dict]:
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k != "steps_per_second"} for line in lines]


def test_all_phases_are_told_and_their_result_can_be_used(tmp_path, auto, tolerant):
    told, reports, counted = [], [], []
    result = train_alpha(auto, tmp_path / "run", tell=told.append, report=reports.append, count=counted.append)
    assert {(one.things, one.done) for one in counted if one.done == one.count} == {
        ("samples drawn", 16), ("samples cut by colour", 16),
    }  # fmt: skip
    assert result.made == result.iterations == 13
    (line,) = told
    assert "first_resolution 8" in line and "lambda_1 1.2" in line and "choosing_iterations" not in line
    news = [one for progress in reports for one in progress.news]
    assert [word for one in news for word in ("goes on", "as good as", "round 1", "round 2") if word in one] == [
        "goes on", "as good as", "round 1", "round 2",
    ]  # fmt: skip
    description = json.loads((tmp_path / "run" / "settings.json").read_text())
    assert description["chosen"]["lambda_2"] == description["settings"]["lambda_2"] == 3
    assert "iterations" not in description["chosen"]
    trained = native.read_card(result.final)["training"]["alpha"]
    assert trained["chosen"]["iterations"] == 13 and trained["chosen"]["phi_2"] in (0.2, 0.4)
    assert len(trained["chosen"]["agreement_of_cuts"]) == 2 and len(trained["chosen"]["attempts"][0]) == 2
    assert {"edges", "colour_separation", "hard_variety", "variety"} <= native.read_card(result.final)["quality"].keys()
    assert native.read_card(result.final)["recommended"]["threshold"] == 0.5
    settings = l4f.GenerateSettings(n=2, generator=auto.generator, alpha=str(result.final), device="cpu")
    assert len(list(l4f.stream(settings))) == 2


def dying_at(kill_at: int):
    """A step that is killed at an iteration."""
    step = PhasedTraining.step

    def dying(self, iteration, batch):
        if iteration == kill_at:
            raise Killed
        return step(self, iteration, batch)

    return dying


def test_killed_in_any_phase_and_started_again_gives_the_same_bits(tmp_path, auto, tolerant, monkeypatch):
    whole = tmp_path / "whole"
    train_alpha(auto, whole)
    for kill_at in (3, 5, 8, 12):  # the phases end after 3, 7, 10 and 13
        run = tmp_path / f"killed-{kill_at}"
        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(PhasedTraining, "step", dying_at(kill_at))
            train_alpha(auto, run)
        assert train_alpha(auto, run).made == 13 - kill_at // 2 * 2
        first, second = weights_of(whole), weights_of(run)
        assert first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)
        assert log_of(whole) == log_of(run)


def test_degenerate_starts_are_begun_anew_with_other_settings_and_then_told(tmp_path, auto, monkeypatch):
    seen = []
    original = HeadsLearner.restart
    monkeypatch.setattr(
        HeadsLearner, "restart", lambda self, s, attempt: seen.append((s, attempt)) or original(self, s, attempt)
    )
    monkeypatch.setattr(choosing, "degenerate", lambda measured: "masks are all foreground (100 %)")
    reports = []
    auto = auto.model_copy(update={"cut_rounds": 0})
    result = train_alpha(auto, tmp_path / "run", report=reports.append)
    assert [attempt for _, attempt in seen] == [1, 2]
    assert [s.lambda_3 for s, _ in seen] == [6, 3] and [s.r1 for s, _ in seen] == [5, 10]
    assert {s.alpha_learning_rate for s, _ in seen} == {0.01}, "it was given"
    news = [one for progress in reports for one in progress.news]
    assert sum("begun anew" in one for one in news) == 2 and sum("the least bad goes on" in one for one in news) == 1
    assert native.read_card(result.final)["training"]["alpha"]["chosen"]["attempt"] == 2
    assert result.verdict, "whoever uses it is told"
    assert result.iterations == 7 + 6
    # Killed after the last beginning it goes on with the settings of that attempt.
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(PhasedTraining, "step", dying_at(11))
        train_alpha(auto, tmp_path / "killed")
    train_alpha(auto, tmp_path / "killed")
    first, second = weights_of(tmp_path / "run"), weights_of(tmp_path / "killed")
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize(
    "change", [{"phase": "resting"}, {"attempt": 9}, {"head": 2}, {"begun": None}, {"chosen": []}, {"more": 1}], ids=str
)
def test_a_damaged_position_is_told(change):
    found = asdict(phases.Position()) | change
    with pytest.raises(Unfit):
        phases._position(found, 2)
    assert phases._position(asdict(phases.Position(phase="training", head=1)), 2).head == 1


def test_cuts_that_do_not_agree_are_not_learned(tmp_path, auto, tolerant, monkeypatch):
    monkeypatch.setattr(teaching, "AGREEING", 1.1)
    reports = []
    result = train_alpha(auto, tmp_path / "run", report=reports.append)
    assert result.iterations == 7 and any("nothing is learned from cuts" in n for p in reports for n in p.news)


def test_cuts_that_make_masks_worse_are_left_out(tmp_path, auto, tolerant, monkeypatch):
    monkeypatch.setattr(choosing, "score", lambda measured: next(scores))
    before = {}
    original = PhasedTraining._graduate

    def graduate(self, done):
        original(self, done)
        before[done] = {name: tensor.clone() for name, tensor in self.learner.best.state_dict().items()}

    monkeypatch.setattr(PhasedTraining, "_graduate", graduate)
    monkeypatch.setattr(choosing, "winner", lambda measured: 0)
    halves = torch.zeros(16, 1, 16, 16, dtype=torch.uint8)
    halves[..., 8:] = 255
    made = teaching.Round(halves, torch.arange(16), 0.9, frozenset())
    monkeypatch.setattr(teaching.Samples, "cuts", lambda *_: made)
    scores = iter([0.4, 0.4, 0.5, 0.5, 0.6, 0.2])  # told, the winner three times, the rounds
    reports = []
    result = train_alpha(auto, tmp_path / "run", report=reports.append)
    assert any("cuts made masks worse (score 0.200 after 0.600)" in n for p in reports for n in p.news)
    found = weights_of(tmp_path / "run")
    assert all(torch.equal(found[name], before[10][name]) for name in found), "what the first round taught"
    assert native.read_card(result.final)["training"]["alpha"]["chosen"]["scores_of_cuts"] == [0.6, 0.2]


def test_no_rounds_no_cuts(tmp_path, auto, tolerant, monkeypatch):
    monkeypatch.setattr(teaching.Samples, "cuts", lambda *_: pytest.fail("cuts were asked for"))
    assert train_alpha(auto.model_copy(update={"cut_rounds": 0}), tmp_path / "run").iterations == 7


def test_training_ends_when_masks_get_no_better_and_the_best_are_kept(tmp_path, auto, tolerant, monkeypatch):
    # Two heads; then the winner when it has won and after 2, 4, … steps.
    varieties = iter([0.1, 0.1, 0.3, 0.4, 0.38, 0.2, 0.1])
    kept = []
    monkeypatch.setattr(
        teaching.Samples, "measure", lambda self, networks: [GOOD | {"variety": next(varieties)} for _ in networks]
    )
    original = PhasedTraining._compare

    def compare(self, done):
        over = original(self, done)
        kept.append((round(self.at.best, 3), self.at.kept, over))
        return over

    monkeypatch.setattr(PhasedTraining, "_compare", compare)
    changes = {"cut_rounds": 0, "iterations": 100, "patience": 2}
    result = train_alpha(auto.model_copy(update=changes), tmp_path / "run")
    assert kept == [(0.3, 0, False), (0.4, 2, False), (0.4, 4, False), (0.4, 4, True)]
    assert result.iterations == 3 + 6
    assert native.read_card(result.final)["training"]["alpha"]["chosen"]["kept_after"] == 4


def test_what_is_given_counts_and_all_else_is_chosen():
    given = {"lambda_1": 7.0, "phi_2": 0.45, "r1": 0.0, "iterations": 40}
    settings = TrainAlphaSettings(**given)
    complete = with_alpha_preset(settings, channels=CHANNELS, analysed=lambda: pytest.fail("64 px need no analysis"))
    assert {name: getattr(complete, name) for name in given} == given
    assert complete.phi_2_heads == (0.45,) * 8 and complete.patience == 0, "so many steps were asked for"
    assert (complete.first_resolution, complete.discriminator_width) == (8, 0.25)
    assert chosen_values(settings, complete).keys().isdisjoint(given)
    assert all(value is not None for name, value in complete if name not in ("content_rows", "channels_of", "graphs"))
    # All of it given again is the same, and nothing is chosen any more.
    again = TrainAlphaSettings.model_validate_json(complete.model_dump_json())
    assert with_alpha_preset(again, channels=CHANNELS, analysed=lambda: 0) == complete
    assert chosen_values(again, complete) == {}


def test_larger_generators_are_analysed_and_auto_is_always_asked_for():
    large = (*CHANNELS, 32)
    found = with_alpha_preset(TrainAlphaSettings(), channels=large, analysed=lambda: 16)
    assert (found.first_resolution, found.patience, len(set(found.phi_2_heads))) == (16, 2, 8)
    asked = with_alpha_preset(TrainAlphaSettings(first_resolution="auto"), channels=CHANNELS, analysed=lambda: 32)
    assert asked.first_resolution == 32


def test_the_paper_has_no_phases():
    plain = TrainAlphaSettings(preset="paper")
    assert (plain.first_resolution, plain.iterations, plain.phi_2, plain.cut_rounds) == (32, 1000, 0.4, 0)
    for wrong in ({"cut_rounds": 1}, {"phi_2_heads": (0.1,)}, {"patience": 2}):
        with pytest.raises(UserError, match="with the preset paper"):
            with_alpha_preset(TrainAlphaSettings(preset="paper", **wrong), channels=CHANNELS, analysed=lambda: 8)


def test_no_heads_at_all_are_refused():
    with pytest.raises(UserError, match="one alpha network at least"):
        with_alpha_preset(TrainAlphaSettings(phi_2_heads=()), channels=CHANNELS, analysed=lambda: 8)


def test_several_processes_are_refused_in_words(tmp_path, auto, monkeypatch):
    from l4f_datagen.training.alpha import train

    prepared = prepare(auto)
    with pytest.raises(UserError, match="auto in 2 processes"):
        train.check(prepared.settings, prepared.generator, 100, 2)


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        ([GOOD, GOOD | {"variety": 0.3}], 1),
        ([GOOD, GOOD | {"variety": 0.3, "area": 0.99}], 0),
        ([GOOD | {"variety": 0.03}, GOOD | {"decisiveness": 0.3}], None),
        ([GOOD | {"area": 0.001}], None),
        ([GOOD | {"variety": 0.11, "edges": 0.8}, GOOD | {"variety": 0.1, "edges": 6.0}], 1),
        ([GOOD | {"variety": 0.1, "edges": 2.0}, GOOD | {"variety": 0.2, "edges": 1.0}], 1),
    ],
    ids=["various", "full", "collapsed and undecided", "empty", "blobs", "parts"],
)
def test_the_best_masks_win_among_those_that_show_something(measured, expected):
    assert choosing.winner(measured) == expected


def test_parts_of_a_batch_equal_the_whole(tmp_path, auto, tolerant):
    for name, parts in (("whole", 1), ("parts", 2)):
        train_alpha(auto.model_copy(update={"accumulate": parts, "iterations": 2, "cut_rounds": 0}), tmp_path / name)
    first, second = weights_of(tmp_path / "whole"), weights_of(tmp_path / "parts")
    assert all(torch.allclose(first[name], second[name], atol=2e-4) for name in first)
