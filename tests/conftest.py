"""Fixtures: tiny networks with random weights, and the shared data where it is at hand."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from l4f_datagen.networks.alpha import AlphaNetwork
from l4f_datagen.networks.stylegan2 import Generator, GeneratorArchitecture
from l4f_datagen.settings import GenerateSettings
from l4f_datagen.weights import native

from . import alone

# A shell without job control starts what is in the background with SIGINT ignored, and children would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

TINY = GeneratorArchitecture(channels=(12, 12, 8), z_dim=6, w_dim=10, mapping_layers=2)
RECTANGLES = {
    f"{4 * width}×{4 * height} px": GeneratorArchitecture(
        channels=(7, 6, 5), z_dim=4, w_dim=6, mapping_layers=1, constant=(height, width)
    )
    for height, width in ((4, 8), (8, 4), (4, 6), (4, 2), (3, 5))
}
"""Of several constants: 2×4 pixels are StyleGAN-Human's, the smallest; of 5×3 no side is ever a power of two."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Of processes that share the tests, each takes the next of those that ``turns`` names."""
    if config.getvalue("dist") != "loadfile":
        return None
    from . import turns

    return turns.Turns(config, log)


def pytest_collection_modifyitems(config, items):
    if hasattr(config, "workerinput"):  # one of such processes
        from . import turns

        turns.in_order(items)


@pytest.fixture(autouse=True)
def by_itself() -> Iterator[None]:
    """Each test begins with the same random numbers, and leaves what the process has only once as it found it."""
    alone.seed()
    before = alone.settings()
    yield
    assert not (found := alone.changes(before)), found


@pytest.fixture(scope="session")
def shared() -> Path:
    """The data that lies beside a checkout; tests that want it skip without it."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the shared data is not here")
    return folder


def tiny_generator(architecture: GeneratorArchitecture = TINY, seed: int = 0) -> Generator:
    """A frozen generator with random weights; noise, biases and clamps all in play."""
    torch.manual_seed(seed)
    generator = Generator(architecture)
    for name, parameter in generator.named_parameters():
        if parameter.ndim <= 1 and "affine" not in name:
            torch.nn.init.normal_(parameter, std=0.3)
    generator.w_avg.normal_(std=0.2)
    return generator.eval().requires_grad_(False)


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory) -> Path:
    """A native checkpoint folder of a 16 px generator and its alpha network."""
    folder = tmp_path_factory.mktemp("checkpoints") / "tiny"
    torch.manual_seed(1)
    alpha = AlphaNetwork(TINY.channels[1:])
    for parameter in alpha.parameters():
        torch.nn.init.normal_(parameter, std=0.6)
    native.save(folder, generator=tiny_generator(), alpha=alpha, card={"name": "tiny", "licence": "MIT"})
    return folder


@pytest.fixture
def tiny_settings(tiny_checkpoint) -> GenerateSettings:
    """23 samples of the tiny networks in three shards, the last one short."""
    return GenerateSettings(
        n=23, generator=str(tiny_checkpoint), batch_size=4, samples_per_shard=10, threshold=0.5, device="cpu"
    )
