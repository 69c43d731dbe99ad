import pytest
import torch

from l4f_datagen import weights
from l4f_datagen.errors import UserError

from .. import forge


def _features(channels, first):
    """The inputs that the golden outputs were made with."""
    maps = []
    for level, count in enumerate(channels):
        size = first << level
        c, y, x = torch.arange(count)[:, None, None], torch.arange(size)[:, None], torch.arange(size)
        maps += [torch.sin(0.37 * c + 0.11 * y + 0.07 * x + level + 10 * j)[None] for j in (0, 1)]
    return maps


@pytest.mark.parametrize("size, first", [(256, 8), (512, 16)])
@pytest.mark.parametrize("spelling", ["repro", "own"])
def test_equals_the_original(size, first, spelling, goldens, golden_arrays):
    network, source = weights.read_alpha(goldens / f"labels4free-{spelling}-{size}.pt")
    found = network(_features(network.channels, first))[..., ::4, ::4]
    expected = golden_arrays(f"labels4free-{size}")[f"alpha_{spelling}"]
    torch.testing.assert_close(found, expected.reshape(found.shape), atol=1e-4, rtol=0)
    assert source.format == "labels4free"


@pytest.mark.parametrize("first, size", [(6, 256), (7, 512), (8, 1024)])
def test_goes_with_any_generator_that_matches(first, size, tmp_path):
    """The widths of the generators of three sizes, made narrow."""
    table = tuple(max(4, width // 64) for width in forge.CONFIG_F)[: first + 1]
    made = forge.generator(table)
    (tmp_path / "network.pkl").write_bytes(forge.nvidia_bytes({"G_ema": forge.nvidia_network(made)}))
    torch.save({"bg_extractor_ema": forge.alpha_state(table[-4:])}, tmp_path / "alpha.pt")
    (generator, _), (alpha, _) = weights.read_pair(str(tmp_path / "network.pkl"), str(tmp_path / "alpha.pt"))
    assert generator.architecture.resolution == size and alpha.channels == table[-4:]


def test_another_generator_is_refused_with_both_tables(tmp_path):
    (tmp_path / "network.pkl").write_bytes(forge.nvidia_bytes({"G_ema": forge.nvidia_network(forge.generator())}))
    torch.save({"bg_extractor_ema": forge.alpha_state((16, 16, 8))}, tmp_path / "alpha.pt")
    with pytest.raises(UserError, match="16, 16, 8 channels.*8, 8, 4"):
        weights.read_pair(str(tmp_path / "network.pkl"), str(tmp_path / "alpha.pt"))


def test_a_generator_is_no_alpha_network_and_the_reverse(goldens):
    with pytest.raises(UserError, match="got an alpha network of Labels4Free"):
        weights.load_generator(goldens / "labels4free-own-256.pt")
    with pytest.raises(UserError, match="got a generator in NVIDIA's PyTorch layout"):
        weights.load_alpha(goldens / "nvidia-plain-32.pkl")
