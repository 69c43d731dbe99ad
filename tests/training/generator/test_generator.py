import json
import math

import pytest
import torch
from safetensors.torch import load_file

import l4f_datagen as l4f
from l4f_datagen import philox
from l4f_datagen.errors import UserError, WorkError
from l4f_datagen.evaluation.sets import frechet
from l4f_datagen.networks import ops
from l4f_datagen.networks.segmenters.unet import UNet
from l4f_datagen.settings import TrainAlphaSettings, TrainGeneratorSettings
from l4f_datagen.storage.lock import writing
from l4f_datagen.training.alpha.train import train_alpha
from l4f_datagen.training.core import losses
from l4f_datagen.training.core.divergence import LIMIT, Watch
from l4f_datagen.training.core.process_group import Processes
from l4f_datagen.training.core.run import RunFolder
from l4f_datagen.training.generator import start as generator_start
from l4f_datagen.training.generator import train as generator
from l4f_datagen.training.generator.learner import GeneratorLearner, crossovers, ema_decay
from l4f_datagen.training.generator.train import train_generator
from l4f_datagen.weights import native
from l4f_datagen.weights.conversion.convert import convert
from tests import forked


class Killed(BaseException):
    """Nothing catches it, as nothing catches a kill."""


def weights_of(run) -> dict[str, torch.Tensor]:
    return load_file(run / "final" / "generator.safetensors")


def make_learner(settings: TrainGeneratorSettings) -> GeneratorLearner:
    settings, trained, _ = generator.prepare(settings)
    begin = generator_start.start(settings, trained)
    processes = Processes(device="cpu", precision=settings.precision)
    return GeneratorLearner(settings, begin.generator, begin.discriminator, processes, averaged=begin.averaged)


def test_a_run_leaves_what_the_contract_says_and_goes_through_the_other_commands(tmp_path, tiny):
    told, run = [], tmp_path / "run"
    result = train_generator(tiny, run, report=told.append)
    assert sorted(p.name for p in run.iterdir()) == ["checkpoints", "final", "log.jsonl", "samples", "settings.json"]
    assert sorted(p.name for p in (run / "checkpoints").iterdir()) == ["000004", "000006"]
    assert sorted(p.name for p in (run / "samples").iterdir()) == ["000003.png", "000006.png"]
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert [line["iteration"] for line in lines] == [2, 4, 6] == [p.iteration for p in told]
    assert all({"discriminator", "generator", "r1", "path_length", "ada_p"} <= line.keys() for line in lines)
    assert (result.made, result.images, result.reason) == (6, 24, "kimg")
    card = native.read_card(run / "final")["training"]["generator"]
    assert (card["images_seen"], card["images_found"], card["preset"]) == (24, 14, "small")
    # The averaged weights, and the mean of their w.
    state = load_file(run / "checkpoints" / "000006" / "state.safetensors")
    network = l4f.load_generator(run)
    assert all(torch.equal(t, state[f"averaged.{n}"]) for n, t in network.named_parameters())
    assert any(not torch.equal(t, state[f"generator.{n}"]) for n, t in network.named_parameters())
    convert(str(run), str(tmp_path / "r.pt"), target="rosinality")
    w = network.map(torch.randn(2, 6))
    assert torch.allclose(
        l4f.load_generator(tmp_path / "r.pt").synthesize(w).image, network.synthesize(w).image, atol=1e-5
    )
    settings = TrainAlphaSettings(
        preset="paper",
        generator=str(run),
        images=tiny.images,
        first_resolution=8,
        iterations=1,
        batch_size=4,
        device="cpu",
    )
    found = train_alpha(settings, tmp_path / "alpha").final
    drawn = l4f.GenerateSettings(n=2, generator=str(run), alpha=str(found), device="cpu")
    assert len(list(l4f.stream(drawn))) == 2


def test_killed_anywhere_and_started_again_gives_the_same_bits(tmp_path, tiny, monkeypatch):
    train_generator(tiny, tmp_path / "whole")
    step, run = generator.step, tmp_path / "killed"
    for kill_at in range(1, 6):  # five interruptions of one run

        def dying(learner, iteration, reals, kill_at=kill_at):
            if iteration == kill_at:
                raise Killed
            return step(learner, iteration, reals)

        monkeypatch.setattr(generator, "step", dying)
        with pytest.raises(Killed):
            train_generator(tiny, run)
    monkeypatch.setattr(generator, "step", step)
    assert train_generator(tiny, run).made == 2
    whole, killed = weights_of(tmp_path / "whole"), weights_of(run)
    assert whole.keys() == killed.keys() and all(torch.equal(whole[k], killed[k]) for k in whole)
    logs = [(r / "log.jsonl").read_text().splitlines() for r in (tmp_path / "whole", run)]
    strip = [[{k: v for k, v in json.loads(li).items() if k != "steps_per_second"} for li in log] for log in logs]
    assert strip[0] == strip[1]


def test_a_folder_in_which_somebody_trains_is_refused(tmp_path, tiny):
    train_generator(tiny, tmp_path / "run")
    before = sorted(tmp_path.rglob("*"))
    with writing(tmp_path / "run"), pytest.raises(UserError, match="is writing into"):
        train_generator(tiny.model_copy(update={"kimg": 2}), tmp_path / "run")
    assert sorted(tmp_path.rglob("*")) == before
    assert train_generator(tiny.model_copy(update={"kimg": 2}), tmp_path / "run").made == 6


def test_a_finished_run_is_left_alone_and_goes_on_when_more_is_asked_for(tmp_path, tiny):
    train_generator(tiny, tmp_path / "run")
    assert train_generator(tiny, tmp_path / "run").made == 0
    more = train_generator(tiny.model_copy(update={"kimg": 2}), tmp_path / "run")
    assert (more.made, more.iterations) == (6, 12)
    train_generator(tiny.model_copy(update={"kimg": 2}), tmp_path / "other")
    one, other = weights_of(tmp_path / "run"), weights_of(tmp_path / "other")
    assert all(torch.equal(one[k], other[k]) for k in one)


def test_parts_of_a_batch_and_two_processes_equal_the_whole(tmp_path, tiny):
    tiny = tiny.model_copy(update={"batch_size": 8})
    train_generator(tiny, tmp_path / "whole")
    train_generator(tiny.model_copy(update={"accumulate": 2}), tmp_path / "parts")
    # The two measure a distance too, in the first of them alone.
    native.save(tmp_path / "unet", segmenter=UNet(classes=2, width=4))
    measuring = {"frechet_every": 3, "frechet_features": str(tmp_path / "unet"), "frechet_images": 8}
    (tmp_path / "settings.json").write_text(tiny.model_copy(update=measuring).model_dump_json())
    program = (
        "import sys, pathlib\n"
        "from l4f_datagen.settings import TrainGeneratorSettings\n"
        "from l4f_datagen.training.generator.train import train_generator\n"
        "TrainGeneratorSettings.iterations = property(lambda self: 6 * self.kimg)\n"
        "settings = TrainGeneratorSettings.model_validate_json(pathlib.Path(sys.argv[1]).read_text())\n"
        "train_generator(settings, sys.argv[2])\n"
    )
    forked.two_processes(program, ["settings.json", "two"], tmp_path)
    assert native.read_card(tmp_path / "two" / "final")["quality"]["frechet"]["iteration"] == 6
    whole = weights_of(tmp_path / "whole")
    for other in ("parts", "two"):
        for name, tensor in weights_of(tmp_path / other).items():
            assert torch.allclose(tensor, whole[name], atol=1e-4), (other, name)


def test_path_lengths_are_those_of_finite_differences(tmp_path):
    torch.manual_seed(0)
    matrix, noise = torch.randn(2, 4, 48, dtype=torch.float64), torch.randn(3, 3, 4, 4, dtype=torch.float64)
    codes = torch.randn(3, 2, 4, dtype=torch.float64, requires_grad=True)

    def draw(w):
        return torch.einsum("nlc,lcp->np", w.sin(), matrix).unflatten(1, (3, 4, 4))

    found = losses.path_lengths(draw(codes), codes, noise)
    for sample in range(3):
        total = 0.0
        for level in range(2):
            for number in range(4):
                step = torch.zeros_like(codes)
                step[sample, level, number] = 1e-5
                moved = (draw(codes + step) - draw(codes - step))[sample] / 2e-5
                total += ((moved * noise[sample]).sum() / math.sqrt(16)).item() ** 2
        assert float(found[sample]) == pytest.approx(math.sqrt(total / 2), rel=1e-6)
    target = torch.tensor(0.5)
    assert float(losses.path_length_penalty(found, target)) == pytest.approx(float(((found - 0.5) ** 2).mean()))


def test_the_target_length_follows_the_lengths_slowly(tiny):
    learner = make_learner(tiny)
    codes = learner.draw(learner.positions(0, 0)[:2], "path")
    noise = philox.normal(3 * 16 * 16, tiny.seed, "path-direction", range(2)).view(2, 3, 16, 16)
    mean = losses.path_lengths(*codes, noise).mean().detach()
    learner.path_length_step(0)
    assert float(learner.target_length) == pytest.approx(0.01 * float(mean), rel=1e-5)


def test_the_average_warms_up_and_then_halves_in_its_half_life():
    s = TrainGeneratorSettings(images="x", batch_size=32, ema_kimg=10.0, ema_ramp=0.05, resolution=64)
    assert ema_decay(0, s) == 0  # the weights themselves
    # After 1000 steps, 32 000 images, a twentieth is 1600: 50 steps halve.
    assert ema_decay(1000, s) ** 50 == pytest.approx(0.5)
    assert ema_decay(10**6, s) ** (10_000 / 32) == pytest.approx(0.5)
    assert ema_decay(0, s.model_copy(update={"ema_ramp": 0.0})) ** (10_000 / 32) == pytest.approx(0.5)


def test_the_average_moves_by_its_decay(tiny):
    learner = make_learner(tiny.model_copy(update={"ema_ramp": 0.0, "ema_kimg": 0.004}))  # half a step
    before = [p.clone() for p in learner.averaged.parameters()]
    w = torch.randn(2, 6)
    image = learner.averaged.synthesize(w).image
    with torch.no_grad():
        for p in learner.generator.parameters():
            p.add_(1)
    learner.average_weights(7)
    pairs = zip(learner.averaged.parameters(), before, strict=True)
    assert all(torch.allclose(now, old + 0.5, atol=1e-6) for now, old in pairs)
    assert not torch.equal(learner.averaged.synthesize(w).image, image)


def test_styles_are_mixed_by_chance_and_at_any_place():
    mixing = philox.uniform(2, 0, "x", range(4000))
    cuts = crossovers(mixing, 0.9, 6)
    counts = torch.bincount(cuts, minlength=7).float() / 4000
    assert counts[0] == 0 and counts[6] == pytest.approx(0.1, abs=0.02)
    assert all(float(c) == pytest.approx(0.18, abs=0.025) for c in counts[1:6])
    assert (crossovers(mixing, 0.0, 6) == 6).all()
    # The ends of what a uniform number can be, were it rounded.
    ends = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.5]], dtype=torch.float64)
    assert crossovers(ends, 0.9, 6).tolist() == [1, 5, 6]


def test_mixed_codes_are_two(tiny):
    learner = make_learner(tiny.model_copy(update={"style_mixing": 1.0}))
    _, w = learner.draw(range(8), "generator")
    for codes in w:
        changes = (codes[1:] != codes[:-1]).any(1)
        assert int(changes.sum()) == 1
    _, w = make_learner(tiny.model_copy(update={"style_mixing": 0.0})).draw(range(8), "generator")
    assert (w == w[:, :1]).all()


def test_what_is_drawn_depends_on_the_position_alone(tiny):
    learner = make_learner(tiny)
    for layer in learner.generator.layers:
        torch.nn.init.ones_(layer.noise_strength)
    together = learner.draw(range(8), "generator")
    for alone in (learner.draw([5], "generator"), learner.draw(range(5, 8, 2), "generator")):
        for found, wanted in zip(alone, together):
            torch.testing.assert_close(found[0], wanted[5], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(learner.draw(range(8), "discriminator")[1], together[1])


def test_a_state_of_other_random_numbers_is_refused(tiny):
    learner = make_learner(tiny)
    tensors, numbers = learner.state()
    learner.restore(tensors, numbers)
    del numbers["random_numbers"]
    with pytest.raises(UserError, match="an earlier version, which drew other random numbers"):
        learner.restore(tensors, numbers)


def test_noise_is_drawn_for_each_image_or_left_out(tiny):
    images = {}
    for noise in ("random", "frozen", "none"):
        learner = make_learner(tiny.model_copy(update={"noise": noise, "style_mixing": 0.0}))
        for layer in learner.generator.layers:
            torch.nn.init.ones_(layer.noise_strength)
        images[noise], w = learner.draw([3, 3, 4], "generator")
        assert torch.equal(images[noise], learner.draw([3, 3, 4], "generator")[0])
    assert torch.equal(images["none"], learner.generator.synthesize(w, "none").image)
    assert not torch.allclose(images["none"], images["random"], atol=0.1)
    assert torch.equal(images["frozen"], images["random"])


@pytest.mark.parametrize("noise", ["random", "frozen", "none"])
def test_only_new_layers_get_the_strength_and_only_drawn_noise_learns_another(tmp_path, tiny, noise):
    tiny = tiny.model_copy(update={"noise": noise, "noise_strength": 0.25})
    train_generator(tiny, tmp_path / "small")
    state = load_file(tmp_path / "small" / "checkpoints" / "000006" / "state.safetensors")
    strengths = torch.stack([state[f"generator.layers.{n}.noise_strength"] for n in range(5)])
    assert bool((strengths == 0.25).all()) == (noise != "random")
    grown = {"resolution": None, "channels": None, "grow_from": str(tmp_path / "small"), "noise_strength": 0.5}
    learner = make_learner(tiny.model_copy(update=grown))
    layers = [network.layers for network in (learner.generator, learner.averaged)]
    assert torch.equal(torch.stack([layer.noise_strength for layer in layers[0][:5]]), strengths)
    assert all(layer.noise_strength == 0.5 for network in layers for layer in network[5:])


@pytest.mark.parametrize("whole", [True, False], ids=["run", "checkpoint"])
def test_a_grown_run_begins_with_the_up_sampled_images(tmp_path, tiny, whole):
    train_generator(tiny, tmp_path / "small")
    path = tmp_path / "small" if whole else tmp_path / "alone"
    if not whole:
        (tmp_path / "small" / "final").rename(path)
    settings = tiny.model_copy(
        update={"resolution": None, "channels": None, "grow_from": str(path), "z_dim": None, "mapping_layers": None}
    )
    learner = make_learner(settings)
    old, w = l4f.load_generator(path), torch.randn(4, 6)
    assert learner.averaged.architecture.resolution == 32
    wanted = ops.upsample_image(old.synthesize(w).image)
    assert torch.allclose(learner.averaged.synthesize(w).image, wanted, atol=1e-6)
    if whole:
        state = load_file(tmp_path / "small" / "checkpoints" / "000006" / "state.safetensors")
        assert torch.equal(learner.generator.constant, state["generator.constant"])
        assert torch.equal(learner.discriminator.last.weight, state["discriminator.last.weight"])
        for one, other in zip(learner.generator.layers[-1].parameters(), learner.averaged.layers[-1].parameters()):
            assert torch.equal(one, other)
    result = train_generator(settings, tmp_path / "large")
    assert l4f.load_generator(result.final).architecture.resolution == 32


def test_bf16_on_a_cpu(tmp_path, tiny):
    train_generator(tiny.model_copy(update={"precision": "bf16"}), tmp_path / "run")
    assert all(torch.isfinite(t).all() for t in weights_of(tmp_path / "run").values())


def test_what_is_not_finite_stops_and_says_where(tmp_path, tiny, monkeypatch):
    calls, real = iter(range(100)), losses.adversarial_loss
    monkeypatch.setattr(losses, "adversarial_loss", lambda s: real(s) * (math.nan if next(calls) == 4 else 1))
    with pytest.raises(WorkError) as error:
        train_generator(tiny, tmp_path / "run")
    assert "generator of iteration 5 is not finite" in str(error.value) and "000004" in str(error.value)
    assert l4f.load_generator(tmp_path / "run" / "checkpoints" / "000004").architecture.resolution == 16


def test_divergence_stops_says_since_when_and_keeps_what_was_good(tmp_path, tiny, monkeypatch):
    folder = RunFolder(tmp_path)
    watch = Watch(folder, 0)
    good, bad = {"discriminator": 1.0, "generator": 2.0}, {"discriminator": 1.0, "generator": LIMIT + 1}
    assert watch.judge(10, good) is None
    assert "loss of the generator: 51" in watch.judge(20, bad) and watch.since == 10
    assert watch.judge(30, good) is None and watch.since is None
    for done in (40, 50):
        watch.judge(done, bad)
    with pytest.raises(WorkError, match="since iteration 31"):
        watch.judge(60, bad)
    # In a run: the fifth step on, losses are beyond reach; what was kept before stays.
    calls, real = iter(range(100)), losses.adversarial_loss
    monkeypatch.setattr(losses, "adversarial_loss", lambda s: real(s) + (1000.0 if next(calls) >= 4 else 0))
    with pytest.raises(WorkError, match=r"since iteration 5.*000004"):
        train_generator(tiny.model_copy(update={"kimg": 2}), tmp_path / "run")
    assert RunFolder(tmp_path / "run").checkpoints() == [2, 4]


def test_time_ends_a_run(tmp_path, tiny):
    result = train_generator(tiny.model_copy(update={"hours": 1e-9, "kimg": 5}), tmp_path / "run")
    assert (result.reason, result.iterations) == ("hours", 2) and l4f.load_generator(result.final)


def test_distances_are_measured_and_a_plateau_ends_a_run(tmp_path, tiny, monkeypatch):
    pytest.importorskip("torchmetrics")
    torch.manual_seed(0)
    native.save(tmp_path / "unet", segmenter=UNet(classes=2, width=4))
    told = []
    settings = tiny.model_copy(
        update={
            "frechet_every": 2,
            "frechet_features": str(tmp_path / "unet"),
            "frechet_images": 8,
            "kimg": 3,
            "plateau": 1,
        }
    )  # fmt: skip
    real, values = frechet.evaluate_frechet, iter([3.0, 2.0, 2.5, 2.6, 2.7])

    def falling(*words, **options):
        report = real(*words, **options)
        assert report.rows[0].values["fid"] > 0
        report.rows[0].values["fid"] = next(values)
        return report

    monkeypatch.setattr(frechet, "evaluate_frechet", falling)
    monkeypatch.setattr(
        generator.Distances, "plateaued", lambda self, done, plateau: done - self.best["iteration"] >= 4
    )
    result = train_generator(settings, tmp_path / "run", report=told.append)
    assert [p.terms["frechet"] for p in told if "frechet" in p.terms] == [3.0, 2.0, 2.5, 2.6]
    assert (result.reason, result.iterations) == ("plateau", 8)
    quality = native.read_card(result.final)["quality"]
    assert quality["best_frechet"]["frechet"] == 2.0 and "unet" in quality["best_frechet"]["features"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"batch_size": 16}, "got 14; expected at least a batch, 16"),
        ({"batch_size": 6, "minibatch_group": 4}, "a multiple of 4"),
        ({"channels": (8, 8)}, "3, one per resolution 4 … 16"),
        ({"resolution": None}, "--resolution"),
        ({"grow_from": "vessels"}, "256, twice the 128 px of vessels"),
        ({"grow_from": "nowhere"}, "nowhere"),
        ({"images": "nowhere"}, "not there"),
        ({"plateau": 5}, "--frechet-every"),
        ({"frechet_every": 5}, "--frechet-features"),
    ],
)
def test_bad_input_is_told_before_anything_is_written(tmp_path, tiny, change, words):
    with pytest.raises(UserError, match=words):
        train_generator(tiny.model_copy(update=change), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_few_images_are_told_with_what_to_expect(tmp_path, tiny, caplog):
    train_generator(tiny, tmp_path / "run")
    assert "14 images are few: expect near copies" in caplog.text
