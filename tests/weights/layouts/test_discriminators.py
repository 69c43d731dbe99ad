"""Discriminators of other programs' files, against the published network written out here by its own names."""

import math
import re

import pytest
import torch
import torch.nn.functional as F

from l4f_datagen.weights.generators.going_on import read_begun
from l4f_datagen.weights.layouts import rosinality

from .. import forge


def published(state, images):
    """Scores of rosinality's discriminator, by the names of its tensors."""

    def convolved(x, name, **options):
        weight = state[name]
        return F.conv2d(x, weight / math.sqrt(weight[0].numel()), **options)

    def blurred(x, padding):
        kernel = state["convs.1.conv2.0.kernel"].expand(x.shape[1], 1, 4, 4)
        return F.conv2d(F.pad(x, [padding] * 4), kernel, groups=x.shape[1])

    def active(x, name):
        bias = state[name]
        return F.leaky_relu(x + bias.view(1, -1, *[1] * (x.ndim - 2)), 0.2) * math.sqrt(2)

    x = active(convolved(images, "convs.0.0.weight"), "convs.0.1.bias")
    for index in range(1, sum(name.endswith("skip.1.weight") for name in state) + 1):
        name = f"convs.{index}"
        inner = active(convolved(x, f"{name}.conv1.0.weight", padding=1), f"{name}.conv1.1.bias")
        inner = convolved(blurred(inner, 2), f"{name}.conv2.1.weight", stride=2)
        outer = convolved(blurred(x, 1), f"{name}.skip.1.weight", stride=2)
        x = (active(inner, f"{name}.conv2.2.bias") + outer) / math.sqrt(2)
    groups = x.unflatten(0, (4, -1))
    deviation = (groups.var(0, unbiased=False) + 1e-8).sqrt().mean((1, 2, 3), keepdim=True)
    x = torch.cat([x, deviation.repeat(4, 1, *x.shape[2:])], 1)
    x = active(convolved(x, "final_conv.0.weight", padding=1), "final_conv.1.bias").flatten(1)
    for index in range(2):
        weight = state[f"final_linear.{index}.weight"]
        x = x @ weight.t() / math.sqrt(weight.shape[1])
        x = active(x, "final_linear.0.bias") if index == 0 else x + state["final_linear.1.bias"]
    return x[:, 0]


def _of(kind, state, tmp_path, **attributes):
    """What stands beside a generator in a file of a kind."""
    made, path = forge.generator(), tmp_path / "checkpoint"
    if kind == "rosinality":
        torch.save({"g_ema": rosinality.state_dict(made), "d": state, "latent_avg": made.w_avg}, path)
    elif kind == "nvidia":
        network = forge.nvidia_discriminator(state, **attributes)
        path.write_bytes(forge.nvidia_bytes({"G_ema": forge.nvidia_network(made), "D": network}))
    else:
        tensors = {f"D.{name}": t for name, t in _flat(forge.nvidia_discriminator(state)).items()}
        torch.save({f"G_ema.{name}": t for name, t in forge.nvidia_state(made).items()} | tensors, path)
    return read_begun(path).beside


def _flat(module, prefix=""):
    """The state dict of one of NVIDIA's modules."""
    state = module.meta["state"]
    found = {prefix + name: t.detach() for part in ("_parameters", "_buffers") for name, t in state[part].items()}
    for name, inner in state["_modules"].items():
        found |= _flat(inner, f"{prefix}{name}.")
    return found


@pytest.mark.parametrize("kind", ["rosinality", "nvidia", "state dict"])
def test_equals_the_published_one(kind, tmp_path):
    state = forge.discriminator_state((8, 6, 5, 4))  # other channels than the generator's
    beside = _of(kind, state, tmp_path)
    images = torch.randn(8, 3, 32, 32)
    torch.testing.assert_close(beside.discriminator(images), published(state, images), atol=1e-5, rtol=1e-5)
    assert beside.discriminator.channels == (8, 6, 5, 4) and beside.notes == () and beside.raw is None


def test_raw_generators_are_read_beside_their_averages(tmp_path):
    raw, average = forge.generator(seed=1), forge.generator(seed=2)
    contents = {
        "rosinality": {"g": rosinality.state_dict(raw), "g_ema": rosinality.state_dict(average)},
        "nvidia": {"G": forge.nvidia_network(raw), "G_ema": forge.nvidia_network(average)},
        "state": {"G": forge.nvidia_state(raw), "G_ema": forge.nvidia_state(average)},
    }
    for kind, content in contents.items():
        path = tmp_path / kind
        if kind == "nvidia":
            path.write_bytes(forge.nvidia_bytes(content))
        else:
            torch.save(content, path)
        begun = read_begun(path)
        for found, made in ((begun.generator, average), (begun.beside.raw, raw)):
            assert torch.equal(found.layers[2].weight, made.layers[2].weight), kind
        assert begun.beside.discriminator is None


@pytest.mark.parametrize(
    ("kind", "change", "said"),
    [
        ("rosinality", lambda state: forge.discriminator_state((8, 8, 4)), "it is for 16 px, not for 32"),
        ("rosinality", lambda state: forge.discriminator_state(colours=1), "shape .4, 1, 1, 1., expected .4, 3, 1, 1."),
        ("nvidia", lambda state: forge.discriminator_state(colours=4), "expected .4, 3, 1, 1."),
        ("rosinality", lambda state: state | {"convs.1.conv1.1.bias": torch.full((4,), math.nan)}, "not finite"),
        ("rosinality", lambda state: state | {"convs.1.more.weight": torch.zeros(1)}, "blocks.0.more.weight is not"),
        ("rosinality", lambda state: state | {"convs.1.skip.0.kernel": torch.ones(4, 4)}, "filter convs.1.skip.0"),
    ],
)
def test_what_cannot_be_used_is_told_and_the_generator_is_read(kind, change, said, tmp_path):
    beside = _of(kind, change(forge.discriminator_state()), tmp_path)
    assert beside.discriminator is None
    (note,) = beside.notes
    assert note.startswith("its discriminator cannot be used: ") and re.search(said, note), note


def test_a_class_conditional_discriminator_is_told_and_a_limit_is_not_kept(tmp_path):
    state = forge.discriminator_state()
    assert "class-conditional" in _of("nvidia", state, tmp_path, c_dim=3).notes[0]
    beside = _of("nvidia", state, tmp_path, conv_clamp=256)
    assert beside.discriminator is not None and "(256) is not kept" in beside.notes[0]


@pytest.mark.parametrize(
    ("without", "said"),
    [("skip", "another architecture than resnet"), ("conv0", "module b16.conv0 is missing")],
)
def test_other_architectures_are_told_by_name(without, said, tmp_path):
    network = forge.nvidia_discriminator(forge.discriminator_state())
    blocks = network.meta["state"]["_modules"]
    del blocks["b16"].meta["state"]["_modules"][without]
    path = tmp_path / "network.pkl"
    path.write_bytes(forge.nvidia_bytes({"G_ema": forge.nvidia_network(forge.generator()), "D": network}))
    beside = read_begun(path).beside
    assert beside.discriminator is None and said in beside.notes[0]
