"""``train-generator --from``: any StyleGAN2 that is read goes on learning."""

import shutil

import pytest
import torch
from safetensors.torch import load_file

import l4f_datagen as l4f
from l4f_datagen.errors import UserError
from l4f_datagen.training.core.process_group import Processes
from l4f_datagen.training.generator import start
from l4f_datagen.training.generator import train as generator
from l4f_datagen.training.generator.learner import GeneratorLearner
from l4f_datagen.training.generator.train import train_generator
from l4f_datagen.weights import native
from l4f_datagen.weights.layouts import rosinality
from tests.weights import forge

CHANNELS = (8, 8, 6)


@pytest.fixture
def further(tiny, tmp_path):
    """Settings that leave to the checkpoint what it knows."""
    left = {"resolution": None, "channels": None, "z_dim": None, "mapping_layers": None}
    return tiny.model_copy(update={**left, "from_": str(tmp_path / "start")})


def checkpoint(path, kind) -> dict[str, torch.nn.Module | None]:
    """Write a checkpoint of a kind. Returns the networks that a run has to begin with; None: a new one."""
    raw, average = forge.generator(CHANNELS, seed=1), forge.generator(CHANNELS, seed=2)
    state = forge.discriminator_state(CHANNELS)
    if kind == "rosinality":
        ours = {"g": rosinality.state_dict(raw), "g_ema": rosinality.state_dict(average), "d": state}
        torch.save(ours, path)
    elif kind == "converted":
        torch.save({"g_ema": rosinality.state_dict(average), "latent_avg": average.w_avg}, path)
        raw, state = average, None
    elif kind == "nvidia":
        networks = {"G": forge.nvidia_network(raw), "D": forge.nvidia_discriminator(state)}
        path.write_bytes(forge.nvidia_bytes({**networks, "G_ema": forge.nvidia_network(average)}))
    else:
        native.save(path, generator=average, card={"licence": "CC0-1.0"})
        raw, state = average, None
    return {"generator": raw, "averaged": average, "discriminator": state}


def begin(settings) -> GeneratorLearner:
    settings, trained, _ = generator.prepare(settings)
    first = start.start(settings, trained)
    processes = Processes(device="cpu", precision="float32")
    return GeneratorLearner(settings, first.generator, first.discriminator, processes, averaged=first.averaged)


@pytest.mark.parametrize("kind", ["rosinality", "converted", "nvidia", "native"])
def test_every_layout_is_a_start(kind, further, tmp_path, caplog):
    made = checkpoint(tmp_path / "start", kind)
    learner = begin(further)
    for name in ("generator", "averaged"):
        found, wanted = getattr(learner, name), made[name]
        assert found.architecture == wanted.architecture
        assert all(torch.equal(a, b) for a, b in zip(found.parameters(), wanted.parameters()))
    score = learner.discriminator.hidden_weight
    if made["discriminator"] is None:
        assert "has no discriminator that can be used: it begins anew" in caplog.text
    else:
        assert torch.equal(score, made["discriminator"]["final_linear.0.weight"]) and "begins anew" not in caplog.text
    assert learner.discriminator.group == further.minibatch_group
    assert all(p.requires_grad for p in learner.discriminator.parameters()) and learner.target_length == 0
    assert (learner.settings.ada_kimg, learner.settings.ema_ramp) == (further.ada_kimg, 0.0)


def test_a_run_is_a_start_with_all_its_networks(tiny, further, tmp_path):
    train_generator(tiny, tmp_path / "start")
    state = load_file(tmp_path / "start" / "checkpoints" / "000006" / "state.safetensors")
    learner = begin(further)
    for name in ("generator", "averaged", "discriminator"):
        found = getattr(learner, name)
        assert all(torch.equal(tensor, state[f"{name}.{key}"]) for key, tensor in found.named_parameters()), name


def test_a_run_goes_on_bit_for_bit_and_says_where_it_came_from(further, tmp_path, monkeypatch):
    checkpoint(tmp_path / "start", "rosinality")
    train_generator(further, tmp_path / "whole")

    class Killed(BaseException):
        """Nothing catches it."""

    real = generator.step
    with monkeypatch.context() as patched:

        def dying(learner, iteration, reals):
            if iteration == 3:
                raise Killed
            return real(learner, iteration, reals)

        patched.setattr(generator, "step", dying)
        with pytest.raises(Killed):
            train_generator(further, tmp_path / "killed")
    # The same file elsewhere is the same start.
    shutil.move(tmp_path / "start", tmp_path / "moved")
    moved = further.model_copy(update={"from_": str(tmp_path / "moved")})
    assert train_generator(moved, tmp_path / "killed").made == 4
    runs = [load_file(tmp_path / name / "final" / "generator.safetensors") for name in ("whole", "killed")]
    assert runs[0].keys() == runs[1].keys() and all(torch.equal(runs[0][k], runs[1][k]) for k in runs[0])
    assert l4f.load_generator(tmp_path / "whole").architecture.channels == CHANNELS
    source = native.read_card(tmp_path / "whole" / "final")["source"]["generator"]
    assert f"going on from {tmp_path / 'start'} (SHA-256 " in source

    # Another file of the same name is another start.
    checkpoint(tmp_path / "moved", "converted")
    with pytest.raises(UserError, match="a run with other settings: from "):
        train_generator(moved, tmp_path / "killed")
    # And a run that came from elsewhere, whose discriminator has channels of its own, is a start itself.
    grown = further.model_copy(update={"from_": None, "grow_from": str(tmp_path / "whole")})
    assert begin(grown).averaged.architecture.channels[:3] == CHANNELS


def test_the_licence_of_the_start_is_that_of_the_result(further, tmp_path):
    checkpoint(tmp_path / "start", "native")
    further = further.model_copy(update={"path_length": 0.0, "r1": 0.0})
    assert native.read_card(train_generator(further, tmp_path / "run").final)["licence"] == "CC0-1.0"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"resolution": 32}, "resolution: got 32; expected 16, as .*start has; .*or --grow-from for twice"),
        ({"resolution": 8}, "resolution: got 8; expected 16, as .*start has; leave it out with --from$"),
        ({"channels": (8, 8, 8)}, "channels: got 8,8,8; expected 8,8,6"),
        ({"z_dim": 8}, "z_dim: got 8; expected 16"),
        ({"mapping_layers": 8}, "mapping_layers: got 8; expected 2"),
        ({"grow_from": "vessels"}, "from: got .*start beside grow_from vessels"),
    ],
)
def test_settings_that_contradict_the_start_are_refused(change, said, further, tmp_path):
    checkpoint(tmp_path / "start", "converted")
    with pytest.raises(UserError, match=said):
        train_generator(further.model_copy(update=change), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_settings_that_say_the_same_are_taken(further, tmp_path):
    checkpoint(tmp_path / "start", "converted")
    same = {"resolution": 16, "channels": CHANNELS, "z_dim": 16, "mapping_layers": 2}
    assert begin(further.model_copy(update=same)).averaged.architecture.channels == CHANNELS
