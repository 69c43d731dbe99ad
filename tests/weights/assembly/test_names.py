"""State dicts as people have them: every family, in every wrapper, in every container, by one rule."""

import functools
import itertools

import pytest
import torch
from safetensors.torch import save_file

from l4f_datagen import weights
from l4f_datagen.errors import UserError
from l4f_datagen.networks.alpha import AlphaNetwork
from l4f_datagen.networks.discriminator import Discriminator
from l4f_datagen.networks.segmenters.bisenet import BiSeNet
from l4f_datagen.networks.segmenters.unet import UNet
from l4f_datagen.weights import native
from l4f_datagen.weights.assembly.names import find, plain
from l4f_datagen.weights.conversion.convert import convert
from l4f_datagen.weights.inspection import inspect
from l4f_datagen.weights.layouts import rosinality

from .. import forge
from ..layouts.test_segmenters import published_state


def _copied(state):
    return {name: tensor.detach().clone().contiguous() for name, tensor in state.items()}


def _perturbed(network, seed=0):
    torch.manual_seed(seed)
    for tensor in network.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand_like(tensor) + 0.1)
    return _copied(network.state_dict())


FAMILIES = {
    "rosinality": ("generator", "rosinality", lambda seed=0: rosinality.state_dict(forge.generator(seed=seed))),
    "nvidia": ("generator", "nvidia", lambda seed=0: forge.nvidia_state(forge.generator(seed=seed))),
    "our generator": ("generator", "state dict", lambda seed=0: _copied(forge.generator(seed=seed).state_dict())),
    "labels4free": ("alpha", "labels4free", lambda seed=0: forge.alpha_state((8, 8, 4))),
    "our alpha network": (
        "alpha",
        "state dict",
        lambda seed=0: _perturbed(AlphaNetwork((8, 8, 4)), seed),
    ),
    "face parsing": ("segmenter", "face-parsing", lambda seed=0: published_state()),
    "our unet": ("segmenter", "state dict", lambda seed=0: _perturbed(UNet(width=4, depth=2), seed)),
    "our bisenet": ("segmenter", "state dict", lambda seed=0: _perturbed(BiSeNet(width=8), seed)),
}
FAMILIES = {name: (kind, layout, functools.cache(state)) for name, (kind, layout, state) in FAMILIES.items()}
"""Name → kind of network, its layout, the tensors by their plain names; they are made once and only read."""
LOAD = {"generator": weights.read_generator, "alpha": weights.read_alpha, "segmenter": weights.read_segmenter}
WORDS = ("module", "_orig_mod", "model", "g_ema", "netG", "generator", "_fsdp_wrapped_module")
WRAPPERS = [
    *(f"{word}." for word in WORDS),
    *(f"{one}.{other}." for one, other in itertools.permutations(("module", "_orig_mod", "model"), 2)),
    "module.module.",
    "_orig_mod._orig_mod.",
    "module._orig_mod.model.g_ema.module._orig_mod.",
]
CONTAINERS = {
    "alone": lambda state: state,
    "state_dict": lambda state: {"state_dict": state, "epoch": 3},
    "model in model": lambda state: {"model": {"model_state_dict": state}, "args": {"lr": 0.1}},
    "params_ema": lambda state: {"params_ema": state, "params": {}},
    "G_ema": lambda state: {"G_ema": state, "D": {"b4.fc.weight": torch.zeros(1)}},
    "averaged by torch": lambda state: {"ema": {"n_averaged": torch.tensor(3), **state}},
}


def _wrapped(state, prefix):
    return {f"{prefix}{name}": tensor for name, tensor in state.items()}


def _torch(path, content):
    torch.save(content, path)


def _legacy(path, content):
    torch.save(content, path, _use_new_zipfile_serialization=False)


def _same(one, other):
    found, expected = one.state_dict(), other.state_dict()
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, atol=0, rtol=0)


@pytest.fixture(scope="module")
def plainly(tmp_path_factory):
    """Family → the network of its plain state dict."""
    folder, networks = tmp_path_factory.mktemp("plain"), {}

    def load(family):
        if family not in networks:
            kind, _, state = FAMILIES[family]
            torch.save(state(), folder / "plain.pt")
            networks[family] = LOAD[kind](folder / "plain.pt")[0]
        return networks[family]

    return load


@pytest.mark.parametrize(
    ("family", "prefix"),
    # One rule takes words off, before any family is looked for: all with one family, three kinds with the others.
    [
        *(("rosinality", prefix) for prefix in WRAPPERS),
        *itertools.product([*FAMILIES][1:], ["module.", "g_ema.", WRAPPERS[-1]]),
    ],
)
def test_words_before_names_change_nothing(family, prefix, plainly, tmp_path):
    kind, layout, state = FAMILIES[family]
    torch.save(_wrapped(state(), prefix), tmp_path / "file.pt")
    network, source = LOAD[kind](tmp_path / "file.pt")
    _same(network, plainly(family))
    assert source.format == layout


@pytest.mark.parametrize(
    ("family", "container", "prefix"),
    [
        *itertools.product(FAMILIES, CONTAINERS, ["module."]),
        *itertools.product(["rosinality", "labels4free", "our unet"], CONTAINERS, [""]),
    ],
)
def test_containers_change_nothing(family, container, prefix, plainly, tmp_path):
    kind, layout, state = FAMILIES[family]
    torch.save(CONTAINERS[container](_wrapped(state(), prefix)), tmp_path / "file.pt")
    network, source = LOAD[kind](tmp_path / "file.pt")
    _same(network, plainly(family))
    assert source.format == layout


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("prefix", ["", "_orig_mod.module.", "G_ema."])
def test_safetensors_are_read_like_torch_files(family, prefix, plainly, tmp_path):
    kind, layout, state = FAMILIES[family]
    save_file(_copied(_wrapped(state(), prefix)), tmp_path / "file.bin")
    network, source = LOAD[kind](tmp_path / "file.bin")
    _same(network, plainly(family))
    assert source.format == layout
    found = inspect(tmp_path / "file.bin")
    assert (found.layout, found.container) == (layout, "safetensors")


@pytest.mark.parametrize("family", FAMILIES)
def test_wrappers_of_parts_are_taken_off(family, plainly, tmp_path):
    """Compiling or sharding parts of a network leaves its word in the middle of names."""
    kind, _, state = FAMILIES[family]
    inside = {".module._orig_mod.".join(name.split(".", 1)): tensor for name, tensor in state().items()}
    torch.save(inside, tmp_path / "file.pt")
    _same(LOAD[kind](tmp_path / "file.pt")[0], plainly(family))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("write", "dtype"),
    [(_torch, torch.float16), (_torch, torch.bfloat16), (_torch, torch.float64), (_legacy, torch.bfloat16)],
    ids=["zip-half", "zip-bfloat16", "zip-double", "legacy-bfloat16"],
)
def test_other_precisions_become_single(family, write, dtype, plainly, tmp_path):
    kind, _, state = FAMILIES[family]
    cast = {name: t.to(dtype) if t.is_floating_point() else t for name, t in state().items()}
    write(tmp_path / "file.pt", cast)
    network = LOAD[kind](tmp_path / "file.pt")[0]
    expected = plainly(family).state_dict()
    assert {t.dtype for t in network.state_dict().values() if t.is_floating_point()} == {torch.float32}
    name = next(iter(expected))
    torch.testing.assert_close(network.state_dict()[name], expected[name].to(dtype).float(), atol=0, rtol=0)


@pytest.mark.parametrize(
    "content",
    [
        lambda raw, averaged: {"g": raw, "g_ema": averaged},
        lambda raw, averaged: {"state_dict": _wrapped(raw, "generator.") | _wrapped(averaged, "generator_ema.")},
        lambda raw, averaged: {"params": raw, "params_ema": averaged},
        lambda raw, averaged: {"G": raw, "D": {}, "G_ema": averaged},
        lambda raw, averaged: {"model": {"netG": raw, "netG_ema": averaged}},
        lambda raw, averaged: raw | _wrapped(averaged, "ema.module."),
    ],
    ids=["g", "prefixes", "params", "G", "nested", "flat"],
)
@pytest.mark.parametrize("family", ["rosinality", "nvidia", "our generator"])
def test_the_average_comes_first(family, content, tmp_path):
    state = FAMILIES[family][2]
    torch.save(state(2), tmp_path / "averaged.pt")
    torch.save(content(state(1), state(2)), tmp_path / "both.pt")
    _same(weights.load_generator(tmp_path / "both.pt"), weights.load_generator(tmp_path / "averaged.pt"))


def test_what_is_decided_is_said(tmp_path):
    state = FAMILIES["nvidia"][2]
    torch.save({"G": state()}, tmp_path / "file.pt")
    notes = weights.read_generator(tmp_path / "file.pt")[1].notes
    assert any("no averaged generator G_ema" in note for note in notes) and any("conv_clamp" in note for note in notes)
    torch.save({"last": state(1), "best": state(2)}, tmp_path / "file.pt")
    network, source = weights.read_generator(tmp_path / "file.pt")
    assert "2 networks" in source.notes[0] and "last is used, not best" in source.notes[0]
    torch.testing.assert_close(network.constant, forge.generator(seed=1).constant)


def test_the_centre_of_truncation_is_found_beside_and_inside(tmp_path):
    made = forge.generator()
    state = rosinality.state_dict(made)
    for content in (
        {"state_dict": _wrapped(state, "g_ema."), "latent_avg": made.w_avg},
        {"model": {"g_ema": state, "latent_avg": made.w_avg}},
        _wrapped(state | {"latent_avg": made.w_avg}, "module.decoder."),
        {"state_dict": _wrapped(state, "decoder.") | {"module.latent_avg": made.w_avg}},
    ):
        torch.save(content, tmp_path / "file.pt")
        _same(weights.load_generator(tmp_path / "file.pt"), made)


def test_a_name_that_is_there_twice_is_refused(tmp_path):
    state = FAMILIES["rosinality"][2]()
    torch.save(state | {"module.input.input": state["input.input"]}, tmp_path / "file.pt")
    with pytest.raises(UserError, match="input.input is there twice"):
        weights.load_generator(tmp_path / "file.pt")


def test_the_safetensors_of_a_native_folder_by_its_own_name(tmp_path):
    made = forge.generator(clamp=1.5)
    native.save(tmp_path / "folder", generator=made, card={"licence": "MIT"})
    network, source = weights.read_generator(tmp_path / "folder" / "generator.safetensors")
    assert network.architecture.conv_clamp == 1.5 and (source.format, source.licence) == ("native", "MIT")
    found = inspect(tmp_path / "folder" / "generator.safetensors")
    assert (found.layout, found.licence, found.networks[0].conv_clamp) == ("native", "MIT", 1.5)
    convert(tmp_path / "folder" / "generator.safetensors", tmp_path / "other")
    found = inspect(tmp_path / "other")
    assert (found.licence, found.networks[0].conv_clamp) == ("MIT", 1.5)
    with pytest.raises(UserError, match="a StyleGAN2 generator of l4f-datagen"):
        weights.load_alpha(tmp_path / "folder" / "generator.safetensors")
    (tmp_path / "folder" / "model.json").unlink()
    network, source = weights.read_generator(tmp_path / "folder" / "generator.safetensors")
    assert network.architecture.conv_clamp is None and "model.json" in source.notes[0]


def _five(state):
    names = [n for n in state if n.endswith(("torgb.weight", "torgb.bias"))]
    return state | {n: state[n].repeat(2, *(1,) * (state[n].ndim - 1))[:5] for n in names}


UNSUPPORTED = {
    "five channels": ("nvidia", _five, "of 5 image channels"),
    "resnet": ("nvidia", lambda s: s | {"synthesis.b8.skip.weight": torch.zeros(2, 2, 1, 1)}, "architecture resnet"),
    "orig": (
        "nvidia",
        lambda s: {n: t for n, t in s.items() if not n.startswith("synthesis.b4.torgb")},
        "architecture orig",
    ),
    "StyleGAN3": (
        "nvidia",
        lambda s: (
            {n: t for n, t in s.items() if not n.startswith("synthesis")}
            | {"synthesis.input.weight": torch.zeros(2, 2), "synthesis.L0_36_512.weight": torch.zeros(2)}
        ),
        "a StyleGAN3 generator",
    ),
    "filter": (
        "nvidia",
        lambda s: s | {"synthesis.b8.conv0.resample_filter": torch.ones(4, 4)},
        "another resampling filter",
    ),
}


@pytest.mark.parametrize("case", UNSUPPORTED)
def test_what_cannot_be_used_is_named_alike_in_every_layout(case, tmp_path):
    family, change, named = UNSUPPORTED[case]
    torch.save(change(FAMILIES[family][2]()), tmp_path / "file.pt")
    with pytest.raises(UserError) as caught:
        weights.load_generator(tmp_path / "file.pt")
    assert named in str(caught.value) and "of the skip architecture" in str(caught.value)
    assert named in inspect(tmp_path / "file.pt").what


@pytest.mark.parametrize(
    ("channels", "taken", "said"),
    [(1, [0, 0, 0], "grey"), (2, [0, 0, 0], "transparent in part"), (4, [0, 1, 2], "transparent in part")],
)
def test_other_colours_are_drawn_in_rgb_alike_in_every_layout(channels, taken, said, tmp_path):
    made = forge.generator()
    for rgb in made.to_rgb:
        rgb.weight, rgb.bias = (
            torch.nn.Parameter(t.detach().repeat(2, *(1,) * (t.ndim - 1))[:channels]) for t in (rgb.weight, rgb.bias)
        )
        rgb.requires_grad_(False).bias[-1] += 1
    w = torch.randn(2, 16)
    wanted = made.synthesize(w).image[:, taken]  # drawn with as many channels as it has
    (tmp_path / "file.pkl").write_bytes(
        forge.nvidia_bytes({"G_ema": forge.nvidia_network(made, img_channels=channels)})
    )
    torch.save(rosinality.state_dict(made), tmp_path / "file.pt")
    torch.save(forge.nvidia_state(made), tmp_path / "state.pt")
    torch.save(made.state_dict(), tmp_path / "own.pt")
    for name in ("file.pkl", "file.pt", "state.pt", "own.pt"):
        network, source = weights.read_generator(tmp_path / name)
        torch.testing.assert_close(network.synthesize(w).image, wanted, atol=1e-5, rtol=1e-5)
        assert any(said in note for note in source.notes), name


@pytest.mark.parametrize(
    "state, named",
    [
        (lambda: {"generator.progression.0.conv1.conv.weight": torch.zeros(1)}, "StyleGAN1 generator"),
        (lambda: {"module.generator.progression.0.conv1.conv.weight": torch.zeros(1)}, "StyleGAN1 generator"),
        (
            lambda: {
                "style_conv1.modulated_conv.weight": torch.zeros(1),
                "constant_input.weight": torch.zeros(1),
            },
            "BasicSR",
        ),
        (lambda: {"b4.fc.weight": torch.zeros(1), "b4.out.weight": torch.zeros(1)}, "discriminator of NVIDIA"),
        (lambda: _copied(Discriminator(channels=(8, 8, 4)).state_dict()), "discriminator of ours"),
        (
            lambda: {"convs.0.0.weight": torch.zeros(1), "final_linear.0.weight": torch.zeros(1)},
            "discriminator of rosinality",
        ),
    ],
)
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.module.", "netD."])
def test_other_networks_are_named_in_every_wrapper(state, named, prefix, tmp_path):
    torch.save({"state_dict": _wrapped(state(), prefix)}, tmp_path / "file.pt")
    with pytest.raises(UserError) as caught:
        weights.load_generator(tmp_path / "file.pt")
    assert named in str(caught.value)


@pytest.mark.parametrize("dtype", [torch.int8, torch.uint8, torch.int64, torch.bool])
@pytest.mark.parametrize("family", FAMILIES)
def test_weights_of_whole_numbers_are_refused(family, dtype, tmp_path):
    """Quantised ones, say: without their scale they would make other images."""
    kind, _, state = FAMILIES[family]
    tensors = state()
    name = max(tensors, key=lambda name: tensors[name].numel())
    torch.save(tensors | {name: tensors[name].to(dtype)}, tmp_path / "file.pt")
    with pytest.raises(UserError, match=str(dtype).removeprefix("torch.")):
        LOAD[kind](tmp_path / "file.pt")


def test_half_the_channels(tmp_path):
    """rosinality's channel_multiplier 1."""
    made = forge.generator((16, 16, 8, 4))
    torch.save({"g_ema": rosinality.state_dict(made), "latent_avg": made.w_avg}, tmp_path / "file.pt")
    assert weights.load_generator(tmp_path / "file.pt").architecture.channels == (16, 16, 8, 4)


@pytest.mark.parametrize(
    "name, expected",
    [
        ("a.b", "a.b"),
        ("module.a.b", "a.b"),
        ("_orig_mod.module.a._orig_mod.b", "a.b"),
        ("modules.a", "modules.a"),
        ("modulation.weight", "modulation.weight"),
        ("conv1.conv.modulation.weight", "conv1.conv.modulation.weight"),
    ],
)
def test_plain_names(name, expected):
    assert plain(name) == expected


@pytest.mark.parametrize("data", [None, [], "text", {1: 2}, {"a": {1: {}}}, {"a": 3}, ({"x": 1},)])
def test_nothing_is_found_where_nothing_is(data):
    assert find(data, ("x.weight",)) is None
