import gzip

import pytest
import torch

from l4f_datagen import weights
from l4f_datagen.errors import UserError
from l4f_datagen.weights.assembly import relatives
from l4f_datagen.weights.inspection import inspect
from l4f_datagen.weights.layouts import rosinality

from .. import forge


@pytest.mark.parametrize("name", ["nvidia-plain-32", "nvidia-ada-32"])
def test_equals_the_original(name, goldens, golden_arrays):
    arrays = golden_arrays(name)
    generator, source = weights.read_generator(goldens / f"{name}.pkl")
    w = generator.map(arrays["z"])
    torch.testing.assert_close(w, arrays["w"], atol=1e-4, rtol=0)
    image = generator.synthesize(generator.truncate(w, float(arrays["psi"]))).image
    torch.testing.assert_close(image, arrays["image"], atol=1e-4, rtol=0)
    assert source.format == "nvidia" and len(source.sha256) == 64


def test_the_golden_clamp_bites(goldens, golden_arrays):
    arrays = golden_arrays("nvidia-ada-32")
    generator = weights.load_generator(goldens / "nvidia-ada-32.pkl")
    assert generator.architecture.conv_clamp == 1.5 and generator.architecture.mapping_layers == 2
    for layer in (*generator.layers, *generator.to_rgb):
        layer.clamp = None
    image = generator.synthesize(generator.truncate(generator.map(arrays["z"]), float(arrays["psi"]))).image
    assert (image - arrays["image"]).abs().max() > 1e-2


def _write(tmp_path, content):
    path = tmp_path / "network.pkl"
    path.write_bytes(forge.nvidia_bytes(content))
    return path


def _same(one, other):
    assert one.architecture == other.architecture
    ours, theirs = one.state_dict(), other.state_dict()
    assert ours.keys() == theirs.keys()
    for name in ours:
        torch.testing.assert_close(ours[name], theirs[name], atol=0, rtol=0)


@pytest.mark.parametrize("options", [{}, {"z_dim": 24}, {"clamp": 256.0}, {"depth": 1}, {"channels": (8, 4)}])
def test_architecture_is_read_from_the_file(options, tmp_path):
    made = forge.generator(**options)
    _same(weights.load_generator(_write(tmp_path, {"G_ema": forge.nvidia_network(made), "D": None})), made)


def test_a_network_alone_is_read(tmp_path):
    made = forge.generator()
    _same(weights.load_generator(_write(tmp_path, forge.nvidia_network(made))), made)


def test_without_an_average_the_raw_generator_is_used_and_said(tmp_path):
    made = forge.generator()
    network, source = weights.read_generator(_write(tmp_path, {"G": forge.nvidia_network(made), "G_ema": None}))
    _same(network, made)
    assert "G_ema" in source.notes[0]


def test_the_average_comes_first(tmp_path):
    raw, average = forge.generator(seed=1), forge.generator(seed=2)
    content = {"G": forge.nvidia_network(raw), "G_ema": forge.nvidia_network(average)}
    _same(weights.load_generator(_write(tmp_path, content)), average)


def test_half_precision_becomes_single(tmp_path):
    made = forge.generator().half()
    loaded = weights.load_generator(_write(tmp_path, {"G_ema": forge.nvidia_network(made)}))
    assert {tensor.dtype for tensor in loaded.state_dict().values()} == {torch.float32}
    assert loaded.synthesize(loaded.map(torch.ones(1, 16))).image.isfinite().all()


def test_another_rate_multiplier_is_taken_into_the_weights(tmp_path):
    made = forge.generator()
    network = forge.nvidia_network(made)
    layer = network.meta["state"]["_modules"]["mapping"].meta["state"]["_modules"]["fc0"].meta["state"]
    layer["weight_gain"] *= 2
    layer["bias_gain"] *= 2
    loaded = weights.load_generator(_write(tmp_path, {"G_ema": network}))
    torch.testing.assert_close(loaded.mapping.weights[0], made.mapping.weights[0] * 2)
    torch.testing.assert_close(loaded.mapping.biases[0], made.mapping.biases[0] * 2)


def test_layers_without_noise_have_none(tmp_path):
    network = forge.nvidia_network(forge.generator())
    block = network.meta["state"]["_modules"]["synthesis"].meta["state"]["_modules"]["b4"].meta["state"]
    layer = block["_modules"]["conv1"].meta["state"]
    del layer["_buffers"]["noise_const"], layer["_parameters"]["noise_strength"]
    loaded = weights.load_generator(_write(tmp_path, {"G_ema": network}))
    assert loaded.layers[0].noise_strength == 0 and loaded.layers[0].noise.shape == (4, 4)


def _stylegan3(**embedding):
    synthesis = forge.Persistent("SynthesisNetwork", modules={"L0_36_512": forge.Persistent("SynthesisLayer")})
    mapping = forge.Persistent("MappingNetwork", modules=embedding)
    return forge.Persistent("Generator", modules={"synthesis": synthesis, "mapping": mapping}, c_dim=0)


def _stylegan_xl():
    return _stylegan3(embed_proj=forge.Persistent("FullyConnectedLayer"))


def _r3gan():
    inside = {"MainLayers": forge.Persistent("ModuleList"), "AggregationLayer": forge.Persistent("Convolution")}
    return forge.Persistent("Generator", modules={"Model": forge.Persistent("Generator", modules=inside)}, c_dim=0)


def _other_kind():
    mapping, synthesis = forge.Persistent("MappingNetwork"), forge.Persistent("TriPlaneSynthesis")
    return forge.Persistent("TriPlaneGenerator", modules={"synthesis": synthesis, "mapping": mapping})


@pytest.mark.parametrize(
    "network, named",
    [
        (_stylegan3, "a StyleGAN3 generator; .* it would take its layers .Fourier"),
        (_stylegan_xl, "a StyleGAN-XL generator; .* it would take what StyleGAN3 takes"),
        (_r3gan, "an R3GAN generator; .* it would take its layers .grouped"),
        (_other_kind, "TriPlaneGenerator"),
        (lambda: forge.nvidia_network(forge.generator(), architecture="resnet"), "architecture resnet"),
        (lambda: forge.nvidia_network(forge.generator(), architecture="orig"), "architecture orig"),
        (lambda: forge.nvidia_network(forge.generator(), img_channels=5), "of 5 image channels"),
    ],
)
def test_what_is_not_usable_is_refused_by_its_name(network, named, tmp_path):
    with pytest.raises(UserError, match=named):
        weights.load_generator(_write(tmp_path, {"G_ema": network()}))


@pytest.mark.parametrize("network", [_stylegan3, _stylegan_xl, _r3gan])
@pytest.mark.parametrize("form", [forge.nvidia_bytes, forge.plain_bytes])
def test_inspect_tells_what_relatives_are_and_what_they_would_take(network, form, tmp_path):
    path = tmp_path / "network.pkl"
    path.write_bytes(form({"G_ema": network(), "D": None}))
    found = inspect(path)
    relative = {_stylegan3: relatives.STYLEGAN3, _stylegan_xl: relatives.STYLEGAN_XL, _r3gan: relatives.R3GAN}[network]
    assert (found.problem, found.what, found.takes) == (relative.name, relative.name, relative.takes)


def test_a_state_dict_of_r3gan_is_told_too(tmp_path):
    path = tmp_path / "r3gan.pt"
    torch.save({"G_ema": {"Model.MainLayers.0.Layers.0.Basis": torch.zeros(2, 4, 4)}}, path)
    assert inspect(path).what == relatives.R3GAN.name and inspect(path).takes == relatives.R3GAN.takes
    with pytest.raises(UserError, match="it would take its layers"):
        weights.load_generator(path)


@pytest.mark.parametrize(
    "module", ["torch_utils.persistence", "stylegan_human.torch_utils.persistence", "src.utils.pickling"]
)
def test_forks_that_moved_the_function_are_read(module, tmp_path):
    made, path = forge.generator(clamp=256.0), tmp_path / "network.pkl"
    path.write_bytes(forge.nvidia_bytes({"G_ema": forge.nvidia_network(made)}, module))
    _same(weights.load_generator(path), made)


@pytest.mark.parametrize("module", ["training.networks", "training.networks_stylegan2", "my.fork.models"])
@pytest.mark.parametrize("alone", [True, False])
def test_modules_that_torch_pickled_whole_are_read_whatever_their_classes(module, alone, tmp_path):
    made, path = forge.generator(clamp=256.0), tmp_path / "network.pkl"
    network = forge.nvidia_network(made)
    path.write_bytes(forge.plain_bytes(network if alone else {"G_ema": network}, module))
    _same(weights.load_generator(path), made)


def test_a_module_of_rosinality_pickled_whole_is_read(tmp_path):
    made, path = forge.generator(), tmp_path / "generator.pt"
    modules = {}
    for name, tensor in (rosinality.state_dict(made) | {"latent_avg": made.w_avg}).items():
        *parts, last = name.split(".")
        branch = modules
        for part in parts:
            branch = branch.setdefault(part, {})
        branch[last] = tensor

    def module(branch):
        tensors = {name: t for name, t in branch.items() if isinstance(t, torch.Tensor)}
        inside = {name: module(inner) for name, inner in branch.items() if isinstance(inner, dict)}
        return forge.Persistent("Module", buffers=tensors, modules=inside)

    path.write_bytes(forge.plain_bytes({"g_ema": module(modules)}, "model"))
    _same(weights.load_generator(path), made)


def test_a_discriminator_alone_is_no_generator(tmp_path):
    with pytest.raises(UserError, match="entries D"):
        weights.load_generator(_write(tmp_path, {"D": forge.Persistent("Discriminator")}))


def test_a_missing_tensor_is_named(tmp_path):
    network = forge.nvidia_network(forge.generator())
    block = network.meta["state"]["_modules"]["synthesis"].meta["state"]["_modules"]["b8"].meta["state"]
    del block["_modules"]["conv0"].meta["state"]["_parameters"]["weight"]
    with pytest.raises(UserError, match=r"synthesis\.b8\.conv0\.weight is missing"):
        weights.load_generator(_write(tmp_path, {"G_ema": network}))


def test_another_filter_is_refused(tmp_path):
    network = forge.nvidia_network(forge.generator())
    block = network.meta["state"]["_modules"]["synthesis"].meta["state"]["_modules"]["b8"].meta["state"]
    block["_modules"]["conv0"].meta["state"]["_buffers"]["resample_filter"] = torch.ones(4, 4) / 16
    with pytest.raises(UserError, match="resampling filter"):
        weights.load_generator(_write(tmp_path, {"G_ema": network}))


def test_read_through_gzip_whatever_the_name(goldens, tmp_path):
    path = tmp_path / "network.jpg"
    path.write_bytes(gzip.compress((goldens / "nvidia-plain-32.pkl").read_bytes()))
    _same(weights.load_generator(path), weights.load_generator(goldens / "nvidia-plain-32.pkl"))
