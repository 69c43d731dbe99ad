"""Recorded phases give the weights of phases that are carried out: on a CPU with a recorder that stands for CUDA's."""

import logging

import pytest
import torch

from l4f_datagen.errors import UserError
from l4f_datagen.settings import TrainAlphaSettings, TrainGeneratorSettings, TrainSegmenterSettings
from l4f_datagen.training.alpha import pool
from l4f_datagen.training.alpha import train as alpha
from l4f_datagen.training.alpha.heads import HeadsLearner
from l4f_datagen.training.alpha.learner import AlphaLearner
from l4f_datagen.training.core import graphs
from l4f_datagen.training.core.learner import Learner
from l4f_datagen.training.core.process_group import Processes
from l4f_datagen.training.generator import start
from l4f_datagen.training.generator import train as generator
from l4f_datagen.training.generator.learner import GeneratorLearner
from l4f_datagen.training.segmenter.batches import Batch
from l4f_datagen.training.segmenter.learner import SegmenterLearner
from tests.training.core.recording import CpuRecorder

STEPS = 3


@pytest.fixture
def recorders(monkeypatch):
    """Learners on the CPU get what is put in here, in turn."""
    waiting = []
    monkeypatch.setattr(graphs, "recorder_for", lambda processes, wanted: waiting.pop(0) if wanted else None)
    return waiting


def images(iteration: int, count: int = 4, size: int = 16) -> torch.Tensor:
    random = torch.Generator().manual_seed(iteration)
    return torch.rand(count, 3, size, size, generator=random) * 2 - 1


def of_generator(pictures, checkpoint, **changes) -> tuple[Learner, list]:
    settings = TrainGeneratorSettings(**{
        "images": str(pictures), "resolution": 16, "channels": (8, 8, 8), "z_dim": 6, "mapping_layers": 2,
        "batch_size": 4, "minibatch_group": 2, "kimg": 1, "learning_rate": 0.01, "r1": 1.0,
        "r1_every": 1, "path_length": 2.0, "path_length_every": 1, "style_mixing": 0.9, "ada_every": 2,
        "ada_kimg": 0.05, "augment_p": 0.5, "device": "cpu", "graphs": True,
    } | changes)  # fmt: skip
    settings, trained, _ = generator.prepare(settings)
    begin = start.start(settings, trained)
    processes = Processes(device=settings.device, precision=settings.precision)
    learner = GeneratorLearner(settings, begin.generator, begin.discriminator, processes, averaged=begin.averaged)
    parts = range(settings.accumulate)
    reals = [[images(100 * part + i, 4 // len(parts)).to(learner.device) for part in parts] for i in range(STEPS)]
    return learner, [generator.step(learner, i, reals[i]) for i in range(STEPS)]


def alpha_settings(pictures, checkpoint, **changes) -> TrainAlphaSettings:
    return TrainAlphaSettings(**{
        "preset": "paper", "generator": str(checkpoint), "images": str(pictures), "first_resolution": 8,
        "iterations": STEPS, "batch_size": 4, "minibatch_group": 2, "alpha_learning_rate": 0.01,
        "adversarial_weight": 1.0, "lambda_2": 1.0, "lambda_4": 5.0, "r1_every": 1, "anneal": 0.5, "device": "cpu",
        "graphs": True,
    } | changes)  # fmt: skip


def of_alpha(pictures, checkpoint, **changes) -> tuple[Learner, list]:
    prepared = alpha.prepare(alpha_settings(pictures, checkpoint, **changes))
    processes = Processes(device=prepared.settings.device, precision=prepared.settings.precision)
    off = alpha.switched_off_by(prepared.settings, prepared.generator)
    learner, terms = AlphaLearner(prepared.settings, prepared.generator, processes, off), []
    for i in range(STEPS):
        learner.set_rates(alpha.rate_factor(i, prepared.settings))
        parts = range(learner.accumulate)
        reals = [images(100 * part + i, 4 // len(parts)).to(learner.device) for part in parts]
        found = learner.discriminator_step(i, reals)
        terms.append(found | learner.r1_step(i, reals) | learner.alpha_step(i))
        learner.average_weights(i)
    return learner, terms


def of_heads(pictures, checkpoint, **changes) -> tuple[Learner, list]:
    changes = {"preset": "auto", "phi_2_heads": (0.2, 0.4)} | changes
    prepared = alpha.prepare(alpha_settings(pictures, checkpoint, **changes))
    processes = Processes(device=prepared.settings.device, precision=prepared.settings.precision)
    learner, terms = HeadsLearner(prepared.settings, prepared.generator, processes, "first_convolution"), []
    assert not learner.pool.keeps, "as on a GPU"
    for i in range(2 * STEPS):
        if i == STEPS:
            learner.keep_head(1)
        learner.set_rates(1 - i / 20)
        terms.append(learner.adversarial_step(i, i % STEPS, images(i)))
    learner.begin_teaching(1)
    features = learner.pool.get(range(4))[1:]
    for i in range(STEPS):
        cuts = (images(i)[:, :1] / 2 + 0.5).to(learner.device)
        terms.append(learner.teaching_step(i, STEPS, [f + i / 10 for f in features], cuts))
    return learner, terms


def of_segmenter(pictures, checkpoint, **changes) -> tuple[Learner, list]:
    settings = TrainSegmenterSettings(**{
        "shards": ("world:vessels",), "width": 4, "depth": 2, "iterations": STEPS, "batch_size": 4,
        "learning_rate": 0.05, "device": "cpu", "graphs": True,
    } | changes)  # fmt: skip
    learner = SegmenterLearner(settings, 16, Processes(device=settings.device, precision=settings.precision))
    terms = []
    for i in range(STEPS):
        alphas = images(50 + i)[:, 0] / 2 + 0.5
        masks = (alphas > 0.5).long()
        masks[:, :2] = 255
        batch = Batch(images(i), masks, alphas, torch.arange(4.0) + i)
        terms.append(learner.learn(i, batch.to(learner.device)))
    return learner, terms


LEARNERS = {
    "generator": (of_generator, {}, 4),
    "generator without augmentation": (of_generator, {"augment": "off", "accumulate": 2, "noise": "none"}, 4),
    "alpha": (of_alpha, {"accumulate": 2}, 3),
    "alpha, the same samples": (of_alpha, {"reuse_samples": True, "noise": "const", "switched_off": "channels:0.3"}, 3),
    "heads": (of_heads, {}, 7),
    "segmenter": (of_segmenter, {}, 1),
    "bisenet": (of_segmenter, {"arch": "bisenet", "width": 4}, 1),
}


@pytest.fixture
def as_on_a_gpu(monkeypatch):
    monkeypatch.setattr(pool, "BYTES", 0)
    monkeypatch.setattr(pool.Window.__init__, "__kwdefaults__", {"bytes_at_most": 0, "count": lambda progress: None})


@pytest.mark.parametrize("name", LEARNERS)
def test_recorded_phases_give_the_same_bits(name, recorders, as_on_a_gpu, pictures, tiny_checkpoint, monkeypatch):
    make, changes, phases = LEARNERS[name]
    monkeypatch.setattr(graphs, "WARM_UP", 1)
    recorder = CpuRecorder()
    recorders += [recorder, CpuRecorder()]
    recorded, terms = make(pictures, tiny_checkpoint, **changes)
    assert recorder.made == phases and recorder.replayed > 0
    assert recorder.warmed == phases
    monkeypatch.setattr(graphs, "WARM_UP", 1000)
    carried_out, expected = make(pictures, tiny_checkpoint, **changes)
    for one, other in zip(terms, expected, strict=True):
        assert one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)
    tensors, wanted = recorded.state()[0], carried_out.state()[0]
    assert tensors.keys() == wanted.keys() and all(torch.equal(tensors[k], wanted[k]) for k in wanted)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("precision", ["float32", "bf16", "fp16"])
@pytest.mark.parametrize("name", LEARNERS)
def test_phases_are_recorded_on_a_gpu(name, precision, pictures, tiny_checkpoint, monkeypatch, caplog):
    """Of some gradients the sums are of another order each time, so that no more than nearly the same is asked."""
    make, changes, _ = LEARNERS[name]
    monkeypatch.setattr(graphs, "WARM_UP", 1)
    changes = changes | {"device": "cuda", "precision": precision}
    with caplog.at_level(logging.WARNING):
        learner, terms = make(pictures, tiny_checkpoint, **changes, graphs=None)
    assert not caplog.messages and learner.phases.records and learner.phases._recorded
    _, expected = make(pictures, tiny_checkpoint, **changes, graphs=False)
    for one, other in zip(terms, expected, strict=True):
        assert one.keys() == other.keys() and all(torch.isfinite(term) for term in one.values())
    for name in terms[0]:
        torch.testing.assert_close(terms[0][name], expected[0][name], rtol=0.05, atol=0.05)
    last = [torch.stack([t[name] for name in sorted(t)]).mean() for t in (terms[-1], expected[-1])]
    assert float((last[0] - last[1]).abs()) < 0.5 * float(last[1].abs()) + 0.2


def test_phases_that_nobody_records_give_nearly_the_same(recorders, pictures, tiny_checkpoint):
    """Rates are read in float32 where steps are recorded."""
    recorders.append(CpuRecorder())
    tensors = of_segmenter(pictures, tiny_checkpoint)[0].state()[0]
    for key, tensor in of_segmenter(pictures, tiny_checkpoint, graphs=False)[0].state()[0].items():
        torch.testing.assert_close(tensors[key], tensor, rtol=1e-2, atol=2e-3)


def test_a_recording_that_fails_is_told_and_changes_nothing(recorders, pictures, tiny_checkpoint, caplog, monkeypatch):
    failing = CpuRecorder(failing=(1,))
    recorders += [failing, CpuRecorder()]
    monkeypatch.setattr(graphs, "WARM_UP", 1)
    with caplog.at_level(logging.WARNING):
        found, terms = of_alpha(pictures, tiny_checkpoint)
    (line,) = [message for message in caplog.messages if "CUDA graph" in message]
    assert "one operation at a time" in line and "not permitted when stream is capturing)" in line
    assert "--no-graphs" in line and failing.made == 2 and not found.phases.records
    monkeypatch.setattr(graphs, "WARM_UP", 1000)
    wanted, expected = of_alpha(pictures, tiny_checkpoint)
    for one, other in zip(terms, expected, strict=True):
        assert all(torch.equal(one[k], other[k]) for k in other)
    assert all(torch.equal(t, wanted.state()[0][k]) for k, t in found.state()[0].items())


def test_other_shapes_are_recorded_by_themselves_and_not_without_end(recorders, monkeypatch):
    recorder = CpuRecorder()
    recorders.append(recorder)
    phases = graphs.Phases(Processes(device="cpu", precision="float32"), True, lambda: None)
    monkeypatch.setattr(graphs, "MOST", 2)
    weight = torch.zeros(())

    def work(x, more):
        weight.add_(x.sum())
        return {"sum": x.sum() if more is None else x.sum() + more[0], "weight": weight}

    total = 0.0
    for size in (1, 2, 3):
        for step in range(graphs.WARM_UP + 2):
            x = torch.full((size,), float(step))
            total += float(x.sum())
            found = phases.run("work", work, x, None)
            assert float(found["sum"]) == float(x.sum()) and float(found["weight"]) == total
    assert recorder.made == 2 and recorder.warmed == 2 * graphs.WARM_UP + graphs.WARM_UP + 2
    kept = phases.run("work", work, torch.ones(1), None)["sum"]
    phases.run("work", work, torch.zeros(1), None)
    assert float(kept) == 1, "what was told stays what it was"
    phases.forget()
    phases.run("work", work, torch.ones(1), None)
    assert recorder.made == 2


@pytest.mark.parametrize(
    "wrong", [lambda x: x.sum() + float(x[0]), lambda x: x[x > 0].sum(), lambda x: x.sum() + torch.tensor([1.0])[0]]
)
def test_the_stand_in_refuses_what_a_gpu_does(wrong):
    with pytest.raises(RuntimeError, match="not permitted"):
        CpuRecorder().record(lambda x: {"x": wrong(x)}, (torch.ones(3),))


def test_graphs_are_asked_for_where_there_are_none():
    processes = Processes(device="cpu", precision="float32")
    assert graphs.recorder_for(processes, None) is None is graphs.recorder_for(processes, False)
    with pytest.raises(UserError, match="graphs"):
        graphs.recorder_for(processes, True)
    processes.device, processes.count = torch.device("cuda"), 2
    with pytest.raises(UserError, match="in 2 processes"):
        graphs.recorder_for(processes, True)


def test_several_processes_are_told_that_nothing_is_recorded(caplog):
    processes = Processes(device="cpu", precision="float32")
    processes.device, processes.count = torch.device("cuda"), 2
    with caplog.at_level(logging.WARNING):
        assert graphs.recorder_for(processes, None) is None
    assert "one process alone" in caplog.text
