"""Numbers by position: known answers, independence of the batch, and that they are what they are called."""

import pytest
import torch

from l4f_datagen import philox
from tests.hardware import DEVICES

# Of the authors' own implementation, Random123: counter, key, words.
KNOWN = [
    ([0] * 4, (0, 0), [0x5F6FB709, 0x0D893F64, 0x4F121F81, 0x4F730A48]),
    ([0xFFFFFFFF] * 4, (0xFFFFFFFF, 0xFFFFFFFF), [0x5207DDC2, 0x45165E59, 0x4D8EE751, 0x8C52F662]),
    (
        [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344], (0xA4093822, 0x299F31D0),
        [0x4DFCCABA, 0x190A87F0, 0xC47362BA, 0xB6B5242A],
    ),
]  # fmt: skip
DRAWS = (philox.uniform, philox.normal)


@pytest.mark.parametrize(("counter", "key", "words"), KNOWN)
def test_words_are_those_of_its_authors(counter, key, words):
    found = philox.philox(tuple(torch.tensor([word]) for word in counter), key)
    assert [int(word) for word in found] == words


@pytest.mark.parametrize("draw", DRAWS)
def test_a_number_depends_on_its_place_alone(draw, monkeypatch):
    whole = draw(1001, 3, "x", range(40))
    assert whole.shape == (40, 1001)
    assert torch.equal(draw(1001, 3, "x", [7, 2, 7]), whole[[7, 2, 7]])
    assert torch.equal(draw(1001, 3, "x", range(5, 40, 8)), whole[5::8])
    assert torch.equal(draw(10, 3, "x", range(40)), whole[:, :10])
    assert torch.equal(draw(1001, 3, "x", torch.arange(5, 40, 8)), whole[5::8])
    for cached in (1, 300, 10**9):  # however few are drawn together
        monkeypatch.setattr(philox, "_CACHED_BLOCKS", cached)
        assert torch.equal(draw(1001, 3, "x", range(40)), whole)


@pytest.mark.parametrize("draw", DRAWS)
def test_seed_stream_and_position_all_matter(draw):
    far = 2**32  # the low word of its position is that of 0
    rows = [draw(8, seed, stream, [place])[0] for seed in (0, 1) for stream in ("a", "b") for place in (0, 1, far)]
    assert all(not torch.equal(a, b) for i, a in enumerate(rows) for b in rows[:i])


def test_numbers_stay_what_they_are():
    """A run must go on with the numbers that it began with."""
    expected = torch.tensor([1.341319, 1.073287])
    torch.testing.assert_close(philox.normal(5, 0, "generator", [3])[0, [0, 4]], expected, rtol=1e-5, atol=1e-6)


def test_normal_numbers_are_normal():
    x = philox.normal(500, 1, "x", range(2000)).double()
    for power, moment in ((1, 0), (2, 1), (3, 0), (4, 3), (6, 15)):
        assert float(x.pow(power).mean()) == pytest.approx(moment, abs=0.01 * (1 + moment) * power)
    below = [float((x < edge).double().mean()) for edge in (-2.0, -1.0, 0.0, 1.0, 2.0)]
    assert below == pytest.approx([0.02275, 0.15866, 0.5, 0.84134, 0.97725], abs=0.002)
    # Neighbours of a row and of a column do not follow each other.
    for a, b in ((x[:, 1:], x[:, :-1]), (x[1:], x[:-1]), (x[:, 4:], x[:, :-4])):
        assert abs(float((a * b).mean())) < 0.005
    assert x.isfinite().all() and x.abs().max() < 6.8


def test_uniform_numbers_are_uniform_and_never_an_end():
    x = philox.uniform(500, 1, "x", range(2000))
    assert x.dtype == torch.float64 and 0 < x.min() < x.max() < 1
    shares = torch.histc(x, 10, 0, 1) / x.numel()
    assert shares.tolist() == pytest.approx([0.1] * 10, abs=0.002)


def test_the_ends_of_the_words_give_finite_numbers():
    first = torch.tensor([0, 0, 0xFFFFFFFF, 0xFFFFFFFF])
    second = torch.tensor([0, 0xFFFFFFFF, 0, 0xFFFFFFFF])
    assert torch.view_as_real(philox._box_muller(first, second)).isfinite().all()


@pytest.mark.parametrize("device", DEVICES)
def test_a_device_draws_the_same_numbers(device):
    for draw in DRAWS:
        torch.testing.assert_close(draw(1001, 3, "x", range(9), device).cpu(), draw(1001, 3, "x", range(9)))
