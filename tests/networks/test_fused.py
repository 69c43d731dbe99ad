"""The fused networks against the plain ones: in float64 to rounding, in half precision on the embedded networks."""

import importlib.util
import itertools
import os

import pytest
import torch
import torch.nn.functional as F

import l4f_datagen as l4f
from l4f_datagen.networks import ops
from l4f_datagen.networks.alpha import AlphaNetwork
from l4f_datagen.networks.fused import kernels, phases
from l4f_datagen.networks.fused.epilogue import Colours, Step
from l4f_datagen.networks.fused.network import Scene, fuse
from l4f_datagen.networks.inference import InferenceGenerator, freeze
from l4f_datagen.networks.stylegan2 import GeneratorArchitecture
from l4f_datagen.networks.zeroed import ZeroedChannels, activation_sizes
from tests.conftest import RECTANGLES, TINY, tiny_generator
from tests.hardware import DEVICES

ARCHITECTURES = {
    "16 px": TINY,
    "32 px, odd channels": GeneratorArchitecture(channels=(7, 5, 9, 3), z_dim=5, w_dim=6, mapping_layers=1),
    "16 px, wide": GeneratorArchitecture(channels=(5, 8, 70), z_dim=4, w_dim=8, mapping_layers=1),
    "64 px, more at the end": GeneratorArchitecture(channels=(2, 3, 4, 5, 70), z_dim=4, w_dim=8, mapping_layers=2),
    "clamped": GeneratorArchitecture(channels=(8, 8, 8), z_dim=8, w_dim=8, mapping_layers=2, conv_clamp=0.7),
    **RECTANGLES,
}
HAS_TRITON = importlib.util.find_spec("triton") is not None
INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"


def networks(name: str, device: str = "cpu", dtype: torch.dtype = torch.float64):
    """A frozen generator and an alpha network on all its levels but the first."""
    generator = tiny_generator(ARCHITECTURES[name]).to(device, dtype)
    torch.manual_seed(2)
    alpha = AlphaNetwork(generator.architecture.channels[1:]).requires_grad_(False).to(device, dtype)
    return freeze(generator), alpha


def plain(generator: InferenceGenerator, alpha: AlphaNetwork, w, mode, noise, switched_off) -> list[torch.Tensor]:
    """Foreground, background and alpha, one network after the other."""
    count = len(w) // 2
    drawn = [None, None] if noise is None else [[m[:count] for m in noise], [m[count:] for m in noise]]
    first = generator.synthesize(w[:count], mode if drawn[0] is None else drawn[0])
    background = generator.background(w[count:], mode if drawn[1] is None else drawn[1], switched_off=switched_off)
    return [first.image, background, alpha(first.features)]


def worst(scene: Scene, expected: list[torch.Tensor]) -> float:
    """The largest relative error (norms), of the three."""
    found = (scene.foreground, scene.background, scene.alpha)
    return max(float((a.double() - b.double()).norm() / b.double().norm()) for a, b in zip(found, expected))


def codes(generator: InferenceGenerator, count: int, plus: bool = False) -> torch.Tensor:
    a = generator.architecture
    shape = (count, a.num_ws, a.w_dim) if plus else (count, a.w_dim)
    return torch.randn(shape, generator=torch.Generator().manual_seed(5)).to(generator.w_avg)


@pytest.mark.parametrize("outputs,inputs,size", [(3, 2, 4), (1, 5, 7)])
def test_the_filter_is_in_the_weight_exactly(outputs, inputs, size):
    weight = torch.randn(outputs, inputs, 3, 3, dtype=torch.float64)
    x = torch.randn(2, inputs, size, size, dtype=torch.float64)
    kernel = ops.fir_kernel(4).double().expand(outputs, 1, 4, 4)
    expected = F.conv2d(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2), kernel, padding=1, groups=outputs)
    found = phases.spread(F.conv2d(x, phases.folded(weight), padding=1))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


CASES = [
    *itertools.product(("first_convolution", "constant"), ("const", "none", "random"), (False, True)),
    ("channels", "none", False), ("channels", "random", True),
]  # fmt: skip
SLOW = "64 px, more at the end"
"""What is switched off, which noise, and whether codes differ by layer ask the same of it as of the smaller ones."""


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name,switched_off,mode,plus", [
    *((name, *case) for name in ARCHITECTURES if name != SLOW for case in CASES),
    (SLOW, "first_convolution", "const", False), (SLOW, "constant", "random", True), (SLOW, "channels", "none", False),
])  # fmt: skip
def test_equal_to_the_networks_one_by_one(name, switched_off, mode, plus, device):
    generator, alpha = networks(name, device)
    switched_off = zeroed(generator) if switched_off == "channels" else switched_off
    w = codes(generator, 6, plus)
    noise = None
    if mode == "random":
        noise = [torch.randn(6, *s, dtype=torch.float64, device=device) for s in generator.architecture.noise_sizes]
    fused = fuse(generator, alpha, dtype=torch.float64, triton=False)
    expected = plain(generator, alpha, w, mode, noise, switched_off)
    scene = fused(w, 3, {"const": "own", "none": None, "random": noise}[mode], switched_off)
    assert worst(scene, expected) < 1e-12
    assert int(scene.overflowed) == 0


@pytest.mark.parametrize("count", [1, 2, 5])
def test_backgrounds_may_be_left_out_and_batches_be_odd(count):
    generator, alpha = networks("32 px, odd channels")
    w = codes(generator, count)
    scene = fuse(generator, alpha, dtype=torch.float64)(w, count, "own")
    out = generator.synthesize(w)
    torch.testing.assert_close(scene.foreground, out.image)
    torch.testing.assert_close(scene.alpha, alpha(out.features))
    assert scene.background.shape[0] == 0


def zeroed(generator: InferenceGenerator) -> ZeroedChannels:
    """Every other channel of every activation but the second."""
    sizes = activation_sizes(generator.architecture.channels)
    return ZeroedChannels(0.5, sizes, tuple(() if k == 1 else tuple(range(k % 2, n, 2)) for k, n in enumerate(sizes)))


def run_both(generator, alpha, w, noise, dtype) -> tuple[Scene, Scene]:
    count, off = len(w) // 2, zeroed(generator) if noise != "own" else "first_convolution"
    made = [fuse(generator, alpha, dtype=dtype, triton=triton)(w, count, noise, off) for triton in (True, False)]
    return made[0], made[1]


@pytest.mark.skipif(not (HAS_TRITON and INTERPRETED), reason="wants Triton and TRITON_INTERPRET=1")
@pytest.mark.parametrize("name,mode,dtype", [
    ("16 px", "own", torch.float32), ("16 px, wide", "random", torch.float32), ("clamped", "none", torch.float32),
    ("16 px", "random", torch.float16), ("20×12 px", "random", torch.float32),
])  # fmt: skip
def test_the_kernel_interpreted_is_the_plain_epilogue(name, mode, dtype):
    generator, alpha = networks(name, dtype=torch.float32)
    w = codes(generator, 4)
    noise = [torch.randn(4, *s) for s in generator.architecture.noise_sizes] if mode == "random" else None
    kernel, torchs = run_both(generator, alpha, w, "own" if mode == "own" else noise, dtype)
    error = worst(kernel, [torchs.foreground, torchs.background, torchs.alpha])
    assert error < (1e-5 if dtype == torch.float32 else 4e-3)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_kernel_on_a_gpu_is_the_plain_epilogue(name, dtype):
    assert kernels.available()
    generator, alpha = networks(name, "cuda", torch.float32)
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        kernel, torchs = run_both(generator, alpha, codes(generator, 6), "own", dtype)
    error = worst(kernel, [torchs.foreground, torchs.background, torchs.alpha])
    assert error < (1e-4 if dtype == torch.float32 else 6e-3)


@pytest.mark.slow
@pytest.mark.skipif(not HAS_TRITON or INTERPRETED, reason="wants Triton, and starts the interpreter itself")
def test_the_kernel_under_the_interpreter():
    """In a process of its own: the interpreter is chosen when Triton is imported."""
    import subprocess
    import sys

    program = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", __file__, "-k", "interpreted"]
    done = subprocess.run(program, env=os.environ | {"TRITON_INTERPRET": "1"}, capture_output=True, text=True)
    assert done.returncode == 0 and "passed" in done.stdout, done.stdout[-3000:]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", ["vessels", "vessels64"])
def test_masks_of_half_precision_are_those_of_float32(name, device):
    """999 pixels of 1000, on the embedded networks, at the thresholds that are used."""
    generator, alpha = freeze(l4f.load_generator(name), device), l4f.load_alpha(name).to(device)
    with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        z = torch.randn(2, 4, generator.architecture.z_dim, generator=torch.Generator().manual_seed(3)).to(device)
        w = torch.cat([generator.truncate(generator.map(z[0]), 0.7), generator.map(z[1])])
        half = fuse(generator, alpha, dtype=torch.float16)(w, 4, "own")
        expected = plain(generator, alpha, w, "const", None, "first_convolution")
    assert int(half.overflowed) == 0
    assert worst(half, expected) < 3e-3
    for threshold in (0.2, 0.5, 0.9):
        same = ((half.alpha >= threshold) == (expected[2] >= threshold)).double().mean()
        assert float(same) >= 0.999


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("clamp", [None, 256.0])
def test_half_precision_that_overflows_is_found(device, clamp):
    """Clamps would hide it."""
    architecture = GeneratorArchitecture(channels=(8, 8, 8), z_dim=8, w_dim=8, mapping_layers=2, conv_clamp=clamp)
    generator = tiny_generator(architecture).to(device)
    generator.layers[2].affine_bias.mul_(1e7)
    alpha = AlphaNetwork((8, 8)).requires_grad_(False).to(device)
    frozen = freeze(generator)
    for dtype, found in ((torch.float16, 1), (torch.float32, 0)):
        fused = fuse(frozen, alpha, dtype=dtype)
        assert int(fused(codes(frozen, 4), 2, "own").overflowed) == found


@pytest.mark.skipif(not (HAS_TRITON and INTERPRETED), reason="wants Triton and TRITON_INTERPRET=1")
@pytest.mark.parametrize("features,weight,found", [(1.0, 1.0, 0), (7e4, 1.0, 1), (1.0, 1e6, 1)])
def test_colours_that_leave_the_range_are_found_interpreted(features, weight, found):
    """The last layer's features go nowhere but into colours, whose product takes them in half precision."""
    y = torch.ones(1, 8, 4, 4, dtype=torch.float16).contiguous(memory_format=torch.channels_last)
    colours = Colours(weight=torch.full((3, 8), weight), bias=torch.zeros(3), style=torch.ones(1, 8), before=None)
    step = Step(up=False, scale=torch.full((1, 8), features), bias=torch.zeros(8), noise=None, clamp=None, live=1,
                following=None, colours=colours, reduction=None)  # fmt: skip
    overflowed = torch.zeros(1, dtype=torch.int32)
    kernels.run(y, step, overflowed)
    assert int(overflowed) == found


def test_an_alpha_that_is_no_number_is_found():
    generator, alpha = networks("16 px", dtype=torch.float32)
    assert alpha.output.bias is not None
    alpha.output.bias.fill_(float("nan"))
    assert int(fuse(generator, alpha, dtype=torch.float16)(codes(generator, 4), 2, "own").overflowed) == 1


def test_large_weights_do_not_overflow():
    """Demodulation takes their size out again; before it they are divided by it."""
    generator = tiny_generator()
    for layer in generator.layers:
        layer.weight.mul_(1e5)
    alpha = AlphaNetwork(TINY.channels[1:]).requires_grad_(False)
    frozen = freeze(generator)
    w = codes(frozen, 4)
    scene = fuse(frozen, alpha, dtype=torch.float16)(w, 2, "own")
    assert int(scene.overflowed) == 0
    assert worst(scene, plain(frozen, alpha, w, "const", None, "first_convolution")) < 5e-3


def test_nothing_is_compiled_before_it_is_called():
    import subprocess
    import sys

    program = (
        "import sys; import l4f_datagen.networks.fused.network, l4f_datagen.generation.stream;"
        "assert not any(name.split('.')[0] == 'triton' for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
