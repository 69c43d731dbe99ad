"""Training of an encoder: it learns, it resumes bit for bit, it is told apart from others."""

import json

import pytest
import torch
from safetensors.torch import load_file

from l4f_datagen import weights
from l4f_datagen.cli import main
from l4f_datagen.errors import UserError
from l4f_datagen.networks.encoders.encoder import Encoder
from l4f_datagen.settings import TrainEncoderSettings
from l4f_datagen.training.core.process_group import Processes
from l4f_datagen.training.encoder.learner import EncoderLearner, rate_factor
from l4f_datagen.training.encoder.train import train_encoder
from l4f_datagen.weights import native
from l4f_datagen.weights.conversion.convert import convert
from l4f_datagen.weights.inspection import inspect

from ..alpha.test_alpha import Killed


@pytest.fixture
def tiny(tiny_checkpoint, pictures) -> TrainEncoderSettings:
    """Six steps of four samples and two photographs."""
    return TrainEncoderSettings(
        generator=str(tiny_checkpoint), images=str(pictures), mirror=True, width=4, hidden=8, iterations=6,
        batch_size=4, photographs=2, validation_samples=4, log_every=2, validate_every=3, checkpoint_every=2,
        sheet_every=3, device="cpu",
    )  # fmt: skip


def weights_of(run):
    return load_file(run / "final" / "encoder.safetensors")


def test_a_killed_run_gives_the_same_weights(tiny, tmp_path):
    told = []
    result = train_encoder(tiny, tmp_path / "whole", report=told.append)
    assert result.made == 6 and {"code_error", "error", "photo_error"} <= result.quality.keys()
    assert {"loss", "code", "image", "photo"} <= told[-1].terms.keys()
    assert sorted(p.name for p in (tmp_path / "whole" / "samples").iterdir()) == ["000003.png", "000006.png"]

    def kill(progress):
        if progress.iteration == 4:
            raise Killed

    with pytest.raises(Killed):
        train_encoder(tiny, tmp_path / "killed", report=kill)
    assert train_encoder(tiny, tmp_path / "killed").made < 6
    one, other = weights_of(tmp_path / "whole"), weights_of(tmp_path / "killed")
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
    assert train_encoder(tiny, tmp_path / "killed").made == 0
    with pytest.raises(UserError, match="hidden"):
        train_encoder(tiny.model_copy(update={"hidden": 9}), tmp_path / "killed")


def test_it_learns_codes(tiny, tiny_checkpoint):
    settings = tiny.model_copy(update={"images": None, "iterations": 30, "batch_size": 16, "learning_rate": 0.01})
    generator, source = weights.read_generator(str(tiny_checkpoint))
    learner = EncoderLearner(settings, generator, source.sha256, Processes(device="cpu", precision="float32"))
    first, *_, last = (float(learner.learn(step, None)["loss"].detach()) for step in range(30))
    assert last < 0.8 * first


def test_samples_have_one_code_or_two_from_a_layer_on(tiny, tiny_checkpoint):
    generator, source = weights.read_generator(str(tiny_checkpoint))
    processes = Processes(device="cpu", precision="float32")
    for mixed, wanted in ((0.0, {1}), (1.0, {2}), (0.5, {1, 2})):
        learner = EncoderLearner(tiny.model_copy(update={"mixed": mixed}), generator, source.sha256, processes)
        codes = learner.codes(range(32), "test")
        assert codes.shape == (32, 6, 10)
        assert {len(torch.unique(one, dim=0)) for one in codes} == wanted
        assert torch.allclose(codes[5:9], learner.codes(range(5, 9), "test"), atol=1e-5)


def test_the_rate_rises_and_falls():
    factors = [rate_factor(step, 100) for step in range(100)]
    assert max(factors) == factors[5] == 1 and factors[0] < 0.3 and factors[-1] < 0.01


def test_a_batch_that_cannot_be_normalised_is_refused(tiny, tmp_path, capsys):
    words = ["train-encoder", "--generator", tiny.generator, "--out", str(tmp_path / "run"), "--device", "cpu"]
    for more, told in ((["--batch-size", "1"], "batch_size"), (["--images", str(tmp_path / "none")], "images")):
        assert main([*words, *more]) == 2
        assert told in capsys.readouterr().err


@pytest.mark.parametrize("size", [8, 64, 512])
def test_an_encoder_answers_images_of_any_size(size):
    encoder = Encoder(num_ws=4, w_dim=6, size=size, width=2, hidden=5).eval()
    encoder.centre.fill_(3.0)
    answers = encoder(torch.zeros(2, 3, size, size))
    assert answers.shape == (2, 4, 6) and (answers - 3).abs().max() < 0.1


def test_it_is_a_native_checkpoint(tmp_path):
    torch.manual_seed(0)
    encoder = Encoder(num_ws=6, w_dim=10, size=16, width=4, hidden=8, generator="a" * 64).eval()
    native.save(tmp_path / "one", encoder=encoder)
    found = weights.read_encoder(tmp_path / "one")[0]
    image = torch.randn(2, 3, 16, 16)
    assert torch.allclose(found(image), encoder(image), atol=1e-6) and found.architecture == encoder.architecture
    told = inspect(tmp_path / "one")
    assert told.what == "an encoder for 16 px" and told.networks[0].generator == "a" * 64
    assert convert(tmp_path / "one", tmp_path / "two").largest_difference < 1e-5
    card = native.read_card(tmp_path / "one")
    for change in ({"size": "big"}, {"size": 3}, {"generator": 5}):
        text = {**card, "encoder": {**card["encoder"], "architecture": {**card["encoder"]["architecture"], **change}}}
        (tmp_path / "two" / native.CARD).write_text(json.dumps(text))
        with pytest.raises(UserError, match="the tensors of a encoder|an encoder for images"):
            weights.read_encoder(tmp_path / "two")
