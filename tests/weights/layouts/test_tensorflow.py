import pickle

import numpy as np
import pytest
import torch

from l4f_datagen import weights
from l4f_datagen.errors import UserError

from .. import forge


class Network:
    """A network as NVIDIA's TensorFlow code pickles it: a class of its own with a state."""


def _network(name, variables, *, version=4, components=None, **static):
    made = Network()
    made.__dict__.update(
        version=version, name=name, static_kwargs=static, components=components or {}, build_func_name=name,
        build_module_src="raise SystemExit('this must never run')",
        variables=[(key, np.asarray(value, np.float32)) for key, value in variables.items()],
    )  # fmt: skip
    return made


def _variables(made):
    """Mapping and synthesis variables of a generator."""
    mapping = {}
    for index, (weight, bias) in enumerate(zip(made.mapping.weights, made.mapping.biases, strict=True)):
        mapping |= {f"Dense{index}/weight": weight.t(), f"Dense{index}/bias": bias}
    synthesis = {"4x4/Const/const": made.constant[None]}
    names = ["4x4/Conv"]
    for level in range(1, len(made.to_rgb)):
        names += [f"{4 << level}x{4 << level}/{layer}" for layer in ("Conv0_up", "Conv1")]
    for index, (name, layer) in enumerate(zip(names, made.layers, strict=True)):
        weight = layer.weight.flip((2, 3)) if layer.up else layer.weight
        synthesis |= {f"noise{index}": layer.noise[None, None], f"{name}/noise_strength": layer.noise_strength}
        synthesis |= {f"{name}/weight": weight.permute(2, 3, 1, 0), f"{name}/bias": layer.bias}
        synthesis |= {f"{name}/mod_weight": layer.affine_weight.t(), f"{name}/mod_bias": layer.affine_bias - 1}
    for level, layer in enumerate(made.to_rgb):
        name = f"{4 << level}x{4 << level}/ToRGB"
        synthesis |= {f"{name}/weight": layer.weight.t()[None, None], f"{name}/bias": layer.bias}
        synthesis |= {f"{name}/mod_weight": layer.affine_weight.t(), f"{name}/mod_bias": layer.affine_bias - 1}
    return mapping, synthesis


def _generator(made, extra=None, version=4, mapping_options=None, **static):
    mapping, synthesis = _variables(made)
    components = {
        "mapping": _network("G_mapping", mapping, version=version, **(mapping_options or {})),
        "synthesis": _network("G_synthesis", synthesis | (extra or {}), version=version, **static),
    }
    return _network("Gs", {"dlatent_avg": made.w_avg}, version=version, components=components, **static)


def _write(tmp_path, content, protocol=4):
    path = tmp_path / "network.pkl"
    Network.__module__ = "dnnlib.tflib.network"
    with forge.modules_named(dnnlib__tflib__network={"Network": Network}):
        path.write_bytes(pickle.dumps(content, protocol))
    return path


def test_equals_nvidias_own_converter(goldens, golden_arrays):
    arrays = golden_arrays("tensorflow-32")
    generator, source = weights.read_generator(goldens / "tensorflow-32.pkl")
    image = generator.synthesize(generator.truncate(generator.map(arrays["z"]), float(arrays["psi"]))).image
    torch.testing.assert_close(image, arrays["image"], atol=1e-4, rtol=0)
    assert source.format == "tensorflow"


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("clamp", [None, 256.0])
def test_every_tensor_is_at_its_place(protocol, clamp, tmp_path):
    made, other = forge.generator(z_dim=24, clamp=clamp), forge.generator(seed=1)
    options = {} if clamp is None else {"conv_clamp": clamp}
    content = (_generator(other), _network("D", {}), _generator(made, **options))
    loaded = weights.load_generator(_write(tmp_path, content, protocol))
    assert loaded.architecture == made.architecture
    for name, tensor in made.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[name], tensor, atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    "options, named",
    [
        ({"version": 3}, "StyleGAN1.*version 3"),
        ({"label_size": 10}, "class-conditional.*label_size 10"),
        ({"architecture": "resnet"}, "resnet"),
        ({"architecture": "orig"}, "orig"),
        ({"extra": {"8x8/Skip/weight": np.zeros(1)}}, "resnet"),
        ({"extra": {"ToRGB_lod0/weight": np.zeros(1)}}, "orig"),
        ({"mapping_options": {"normalize_latents": False}}, "normalize_latents"),
        ({"resample_kernel": [1, 2, 1]}, "resampling filter"),
        ({"num_channels": 5}, "of 5 image channels"),
    ],
)
def test_what_is_not_usable_is_refused_by_its_name(options, named, tmp_path):
    made = _generator(forge.generator(), **options)
    with pytest.raises(UserError, match=named):
        weights.load_generator(_write(tmp_path, (made, _network("D", {}), made)))


def test_a_missing_variable_is_named(tmp_path):
    made = _generator(forge.generator())
    synthesis = made.components["synthesis"]
    synthesis.variables = [item for item in synthesis.variables if item[0] != "8x8/Conv1/mod_bias"]
    with pytest.raises(UserError, match="8x8/Conv1/mod_bias is missing"):
        weights.load_generator(_write(tmp_path, (made, made, made)))


def test_an_array_of_objects_is_refused(tmp_path):
    made = _generator(forge.generator())
    made.variables = [("dlatent_avg", np.array([object()], dtype=object))]
    with pytest.raises(UserError, match="asks for an array of 'O8'"):
        weights.load_generator(_write(tmp_path, (made, made, made)))
