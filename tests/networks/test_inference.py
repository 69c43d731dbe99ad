"""A frozen generator is the generator as it was, however that one is changed afterwards."""

import copy

import pytest
import torch

from l4f_datagen import weights
from l4f_datagen.networks.inference import freeze
from l4f_datagen.networks.stylegan2 import Generator, GeneratorArchitecture
from l4f_datagen.weights import native
from tests.conftest import RECTANGLES, TINY, tiny_generator
from tests.hardware import DEVICES

ARCHITECTURES = {
    "8 px": GeneratorArchitecture(channels=(8, 6), z_dim=5, w_dim=5, mapping_layers=1),
    "16 px": TINY,
    "128 px, rising channels": GeneratorArchitecture(channels=(2, 3, 4, 5, 6, 7), z_dim=4, w_dim=8, mapping_layers=3),
    "clamped": GeneratorArchitecture(channels=(8, 8, 8), z_dim=8, w_dim=8, mapping_layers=2, conv_clamp=0.7),
    **RECTANGLES,
}


def _in_place(parameter: torch.Tensor, change: torch.Tensor) -> None:
    with torch.no_grad():
        parameter.add_(change)


def _foreach(parameter: torch.Tensor, change: torch.Tensor) -> None:
    with torch.no_grad():
        torch._foreach_lerp_([parameter], [parameter + 2 * change], 0.5)


def _uncounted(parameter: torch.Tensor, change: torch.Tensor) -> None:
    """As a fused kernel may do it: pointer and version stay what they were."""
    version = parameter._version
    _in_place(parameter, change)
    torch._C._autograd._unsafe_set_version_counter((parameter,), (version,))
    assert parameter._version == version


def _fused_adam(parameter: torch.Tensor, change: torch.Tensor) -> None:
    parameter.requires_grad_(True)
    parameter.grad = change.clone()
    torch.optim.Adam([parameter], lr=0.3, fused=True).step()
    parameter.grad = None
    parameter.requires_grad_(False)


CHANGES = {
    "in place": _in_place,
    "through .data": lambda parameter, change: parameter.data.add_(change),
    "foreach": _foreach,
    "uncounted": _uncounted,
    "fused adam": _fused_adam,
    "in its memory": lambda parameter, change: parameter.detach().set_(parameter.untyped_storage()).add_(
        change.flatten() if parameter.is_contiguous() else change.permute(0, 2, 3, 1).flatten()
    ),
}  # fmt: skip


def drawn(generator, w: torch.Tensor) -> list[torch.Tensor]:
    """All that a generator gives for codes w (N, w_dim)."""
    with torch.inference_mode():
        codes = generator.truncate(generator.map(w[:, : generator.architecture.z_dim]), 0.7)
        out = generator.synthesize(codes)
        return [codes, out.image, *out.features, generator.background(codes)]


def codes_for(generator: Generator, device: str) -> torch.Tensor:
    return torch.randn(2, max(generator.architecture.z_dim, generator.architecture.w_dim)).to(device)


def assert_same(found: list[torch.Tensor], expected: list[torch.Tensor]) -> None:
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_frozen_generator_draws_as_the_trainable_one(name, device):
    generator = tiny_generator(ARCHITECTURES[name]).to(device)
    w = codes_for(generator, device)
    assert_same(drawn(freeze(generator), w), drawn(generator, w))


@pytest.mark.parametrize("mode", ["const", "none", "random"])
@pytest.mark.parametrize("switched_off", [None, "constant", "first_convolution"])
@pytest.mark.parametrize("plus", [False, True])
def test_every_way_of_drawing_is_the_same(mode, switched_off, plus):
    generator = tiny_generator()
    w = torch.randn(3, TINY.num_ws, TINY.w_dim) if plus else torch.randn(3, TINY.w_dim)

    def image(network):
        noise = [torch.Generator().manual_seed(k) for k in range(3)] if mode == "random" else None
        if switched_off is None:
            return network.synthesize(w, mode, noise_generators=noise).image
        return network.background(w, mode, noise_generators=noise, switched_off=switched_off)

    assert torch.equal(image(freeze(generator)), image(generator))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("switched_off", ["constant", "first_convolution"])
def test_backgrounds_overwrite_nothing_that_is_kept(device, count, switched_off):
    """Without gradients layers write where they read; with them, as here too, the bits are the same."""
    frozen = freeze(tiny_generator(), device)
    kept = [tensor.clone() for tensor in tensors_of(frozen)]
    w = torch.randn(count, TINY.w_dim, generator=torch.Generator().manual_seed(1)).to(device)
    expected = frozen.background(w, switched_off=switched_off)
    for context in (torch.no_grad, torch.inference_mode):
        with context():
            for _ in range(2):
                assert torch.equal(frozen.background(w, switched_off=switched_off), expected)
    assert all(torch.equal(now, old) for now, old in zip(tensors_of(frozen), kept, strict=True))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("how", CHANGES)
def test_a_change_however_made_shows_in_the_next_freeze_alone(how, layout, device, tmp_path):
    generator = tiny_generator().to(device).to(memory_format=layout)
    w = codes_for(generator, device)
    before = freeze(generator)
    old = drawn(before, w)
    drawn(generator, w)  # what a cache would keep
    for parameter in generator.parameters():
        CHANGES[how](parameter, torch.full_like(parameter, 0.25))
    # The weights as a file has them: what a run's final/ is.
    native.save(tmp_path / "final", generator=generator, card={"name": "tiny"})
    final = drawn(freeze(weights.load_generator(tmp_path / "final"), device), w)
    assert_same(drawn(freeze(generator), w), final)
    assert_same(drawn(generator, w), final)
    assert all(torch.equal(a, b) for a, b in zip(drawn(before, w), old, strict=True))
    assert not torch.allclose(final[1], old[1], atol=1e-2)


def test_it_shares_no_memory_and_wants_no_gradients():
    generator = tiny_generator().requires_grad_(True)
    frozen = freeze(generator)
    theirs = {t.untyped_storage().data_ptr() for t in (*generator.parameters(), *generator.buffers())}
    found = list(tensors_of(frozen))
    assert len(found) > 20
    for tensor in found:
        assert not tensor.requires_grad and tensor.grad_fn is None and not tensor.is_inference()
        assert tensor.untyped_storage().data_ptr() not in theirs


def test_it_cannot_be_changed_by_assignment():
    frozen = freeze(tiny_generator())
    with pytest.raises(AttributeError):
        frozen.w_avg = torch.zeros(10)  # type: ignore[misc] - this is what must not be
    with pytest.raises(AttributeError):
        frozen.layers[0].bias = torch.zeros(12)  # type: ignore[misc] - this is what must not be


def test_codes_can_be_looked_for_through_it():
    with torch.inference_mode():
        frozen = freeze(copy.deepcopy(tiny_generator()))
    w = torch.randn(1, TINY.w_dim, requires_grad=True)
    frozen.synthesize(w).image.square().sum().backward()
    assert w.grad is not None and bool(w.grad.isfinite().all()) and float(w.grad.abs().sum()) > 0


def tensors_of(value):
    """All tensors in a frozen network."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, tuple):
        for part in value:
            yield from tensors_of(part)
    elif hasattr(value, "__dataclass_fields__"):
        for name in value.__dataclass_fields__:
            yield from tensors_of(getattr(value, name))
