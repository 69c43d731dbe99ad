"""Makes checkpoint files for tests: small networks, and the layouts of the tools that wrote such files."""

import collections
import pickle
import sys
import types
from contextlib import contextmanager

import torch

from l4f_datagen.networks import ops
from l4f_datagen.networks.stylegan2 import Generator, GeneratorArchitecture

CONFIG_F = (512, 512, 512, 512, 512, 256, 128, 64, 32)


def generator(channels=(8, 8, 8, 4), *, z_dim=16, w_dim=16, depth=2, clamp=None, seed=0) -> Generator:
    """A generator with random weights, biases and noise strengths, its centre of truncation not zero."""
    torch.manual_seed(seed)
    made = Generator(
        GeneratorArchitecture(
            channels=tuple(channels), z_dim=z_dim, w_dim=w_dim, mapping_layers=depth, conv_clamp=clamp
        )
    )
    for name, tensor in made.state_dict().items():
        if name.endswith(("bias", "noise_strength", "w_avg")) or "biases" in name:
            tensor.add_(torch.randn_like(tensor) * 0.1)
    return made.eval().requires_grad_(False)


def alpha_state(channels) -> dict:
    """The tensors of an alpha network in Labels4Free's own spelling, random."""
    torch.manual_seed(0)
    state = {}
    for level, count in enumerate(channels):
        for which in (0, 1):
            name = f"conv_fns{which}.{level}"
            state |= {f"{name}.weight": torch.randn(3, count, 1, 1), f"{name}.bias": torch.randn(3)}
    for level in range(len(channels) - 2):
        state |= {f"conv_merge_fns.{level}.weight": torch.randn(6, 12, 1, 1)}
        state |= {f"conv_merge_fns.{level}.bias": torch.randn(6)}
    return state | {"conv_n.weight": torch.randn(1, 6, 1, 1), "conv_n.bias": torch.randn(1)}


class Persistent:
    """A module as NVIDIA's repositories pickle theirs."""

    function = None
    """What stands for it in a pickle; ``nvidia_bytes`` sets it."""

    def __init__(self, class_name, *, parameters=None, buffers=None, modules=None, **attributes):
        self.meta = {
            "type": "class",
            "version": 6,
            "module_src": "raise SystemExit('this must never run')",
            "class_name": class_name,
            "state": {
                "training": False,
                "_parameters": {name: torch.nn.Parameter(t) for name, t in (parameters or {}).items()},
                "_buffers": dict(buffers or {}),
                "_modules": collections.OrderedDict(modules or {}),
                **attributes,
            },
        }

    def __reduce__(self):
        return self.function, (self.meta,), None


def _linear(weight, bias, lr_mul=1):
    gains = {"weight_gain": lr_mul / weight.shape[1] ** 0.5, "bias_gain": lr_mul}
    return Persistent("FullyConnectedLayer", parameters={"weight": weight, "bias": bias}, **gains)


def nvidia_network(made: Generator, **attributes) -> Persistent:
    """A generator as stylegan2-ada-pytorch keeps it."""
    a, kernel = made.architecture, ops.fir_kernel()
    blocks = {}
    for level in range(len(a.channels)):
        modules, index = {}, max(2 * level - 1, 0)
        for name in ("conv1",) if level == 0 else ("conv0", "conv1"):
            layer = made.layers[index]
            modules[name] = Persistent(
                "SynthesisLayer",
                parameters={"weight": layer.weight, "noise_strength": layer.noise_strength, "bias": layer.bias},
                buffers={"resample_filter": kernel, "noise_const": layer.noise},
                modules={"affine": _linear(layer.affine_weight, layer.affine_bias)},
                resolution=4 << level,
                activation="lrelu",
                conv_clamp=a.conv_clamp,
                use_noise=True,
            )
            index += 1
        rgb = made.to_rgb[level]
        modules["torgb"] = Persistent(
            "ToRGBLayer",
            parameters={"weight": rgb.weight[:, :, None, None], "bias": rgb.bias},
            modules={"affine": _linear(rgb.affine_weight, rgb.affine_bias)},
            conv_clamp=a.conv_clamp,
        )
        constant = {"const": made.constant} if level == 0 else {}
        blocks[f"b{4 << level}"] = Persistent(
            "SynthesisBlock", parameters=constant, buffers={"resample_filter": kernel}, modules=modules,
            architecture=attributes.get("architecture", "skip"), resolution=4 << level,
        )  # fmt: skip
    layers = {
        f"fc{index}": _linear(weight, bias, 0.01)
        for index, (weight, bias) in enumerate(zip(made.mapping.weights, made.mapping.biases, strict=True))
    }
    for layer in layers.values():
        layer.meta["state"]["activation"] = "lrelu"
    mapping = Persistent("MappingNetwork", buffers={"w_avg": made.w_avg}, modules=layers, w_avg_beta=0.995)
    synthesis = Persistent("SynthesisNetwork", modules=blocks)
    options = {"z_dim": a.z_dim, "c_dim": 0, "w_dim": a.w_dim, "img_channels": 3} | attributes
    return Persistent("Generator", modules={"synthesis": synthesis, "mapping": mapping}, **options)


def discriminator_state(channels=(8, 8, 8, 4), *, colours=3, seed=0) -> dict[str, torch.Tensor]:
    """A discriminator's tensors as rosinality names them, random; ``channels`` at 4, 8, … px."""
    torch.manual_seed(seed)
    last, kernel = channels[0], ops.fir_kernel()
    shapes = {"convs.0.0.weight": (channels[-1], colours, 1, 1), "convs.0.1.bias": (channels[-1],)}
    for index, (i, o) in enumerate(zip(channels[:0:-1], channels[-2::-1]), 1):
        shapes |= {f"convs.{index}.conv1.0.weight": (i, i, 3, 3), f"convs.{index}.conv1.1.bias": (i,)}
        shapes |= {f"convs.{index}.conv2.1.weight": (o, i, 3, 3), f"convs.{index}.conv2.2.bias": (o,)}
        shapes |= {f"convs.{index}.skip.1.weight": (o, i, 1, 1)}
    shapes |= {"final_conv.0.weight": (last, last + 1, 3, 3), "final_conv.1.bias": (last,)}
    shapes |= {"final_linear.0.weight": (last, 16 * last), "final_linear.0.bias": (last,)}
    shapes |= {"final_linear.1.weight": (1, last), "final_linear.1.bias": (1,)}
    state = {name: torch.randn(shape) for name, shape in shapes.items()}
    for index in range(1, len(channels)):
        state |= {f"convs.{index}.{name}.0.kernel": kernel for name in ("conv2", "skip")}
    return state


def nvidia_discriminator(state, **attributes) -> Persistent:
    """The same discriminator as stylegan2-ada-pytorch keeps it."""
    kernel, levels = ops.fir_kernel(), sum(name.endswith("skip.1.weight") for name in state)

    def convolution(weight, bias=None, activation="lrelu"):
        return Persistent(
            "Conv2dLayer", parameters={"weight": state[weight]} | ({"bias": state[bias]} if bias else {}),
            buffers={"resample_filter": kernel}, activation=activation, conv_clamp=attributes.get("conv_clamp"),
        )  # fmt: skip

    blocks = {}
    for index in range(1, levels + 1):
        name = f"convs.{index}"
        modules = {} if index > 1 else {"fromrgb": convolution("convs.0.0.weight", "convs.0.1.bias")}
        modules["conv0"] = convolution(f"{name}.conv1.0.weight", f"{name}.conv1.1.bias")
        modules["conv1"] = convolution(f"{name}.conv2.1.weight", f"{name}.conv2.2.bias")
        modules["skip"] = convolution(f"{name}.skip.1.weight", activation="linear")
        blocks[f"b{4 << levels - index + 1}"] = Persistent("DiscriminatorBlock", modules=modules)
    last = {"mbstd": Persistent("MinibatchStdLayer", group_size=4, num_channels=1)}
    last["conv"] = convolution("final_conv.0.weight", "final_conv.1.bias")
    last["fc"] = _linear(state["final_linear.0.weight"], state["final_linear.0.bias"])
    last["out"] = _linear(state["final_linear.1.weight"], state["final_linear.1.bias"])
    blocks["b4"] = Persistent("DiscriminatorEpilogue", modules=last)
    return Persistent("Discriminator", modules=blocks, **({"c_dim": 0, "img_channels": 3} | attributes))


@contextmanager
def modules_named(**functions):
    """Modules that exist as long as something is pickled by their names: {"package__module": {name: value}}."""
    names = set()
    for dotted, content in functions.items():
        name = dotted.replace("__", ".")
        for depth in range(1, name.count(".") + 2):
            part = ".".join(name.split(".")[:depth])
            if part not in sys.modules:
                sys.modules[part] = types.ModuleType(part)
                names.add(part)
        vars(sys.modules[name]).update(content)
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]


def _reconstruct_persistent_obj(meta):
    raise AssertionError("this must never run")


def nvidia_bytes(content, module="torch_utils.persistence") -> bytes:
    """Pickle something that holds ``Persistent`` modules, whose function forks keep in a ``module`` of their own."""
    _reconstruct_persistent_obj.__module__ = module
    Persistent.function = staticmethod(_reconstruct_persistent_obj)
    with modules_named(**{module.replace(".", "__"): {"_reconstruct_persistent_obj": _reconstruct_persistent_obj}}):
        return pickle.dumps(content, protocol=4)


def plain_bytes(content, module="training.networks_stylegan2") -> bytes:
    """Pickle ``Persistent`` modules as torch pickles its own: instances of classes in ``module``, with their state."""
    classes = {}

    def plain(value):
        if isinstance(value, dict):
            return type(value)((name, plain(inner)) for name, inner in value.items())
        if not isinstance(value, Persistent):
            return value
        name = value.meta["class_name"]
        classes.setdefault(name, type(name, (), {"__module__": module}))
        made = classes[name]()
        vars(made).update(plain(value.meta["state"]))
        return made

    content = plain(content)
    with modules_named(**{module.replace(".", "__"): classes}):
        return pickle.dumps(content, protocol=4)


def nvidia_state(made: Generator) -> dict[str, torch.Tensor]:
    """A generator's tensors as ``G_ema.state_dict()`` of stylegan2-ada-pytorch names them."""
    kernel, state = ops.fir_kernel(), {"mapping.w_avg": made.w_avg, "synthesis.b4.const": made.constant}
    for index, (weight, bias) in enumerate(zip(made.mapping.weights, made.mapping.biases, strict=True)):
        state |= {f"mapping.fc{index}.weight": weight, f"mapping.fc{index}.bias": bias}
    index = 0
    for level, rgb in enumerate(made.to_rgb):
        block = f"synthesis.b{4 << level}"
        state[f"{block}.resample_filter"] = kernel
        for name in ("conv1",) if level == 0 else ("conv0", "conv1"):
            layer = made.layers[index]
            state |= {
                f"{block}.{name}.weight": layer.weight,
                f"{block}.{name}.noise_strength": layer.noise_strength,
                f"{block}.{name}.bias": layer.bias,
                f"{block}.{name}.resample_filter": kernel,
                f"{block}.{name}.noise_const": layer.noise,
                f"{block}.{name}.affine.weight": layer.affine_weight,
                f"{block}.{name}.affine.bias": layer.affine_bias,
            }
            index += 1
        state |= {
            f"{block}.torgb.weight": rgb.weight[:, :, None, None],
            f"{block}.torgb.bias": rgb.bias,
            f"{block}.torgb.affine.weight": rgb.affine_weight,
            f"{block}.torgb.affine.bias": rgb.affine_bias,
        }
    return {name: tensor.detach().clone().contiguous() for name, tensor in state.items()}
