import hashlib

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from l4f_datagen import worlds
from l4f_datagen.cli import main
from l4f_datagen.errors import UserError, WorkError
from l4f_datagen.evaluation.sets import features, frechet
from l4f_datagen.networks.inference import freeze
from l4f_datagen.networks.segmenters.bisenet import BiSeNet
from l4f_datagen.networks.segmenters.unet import UNet
from l4f_datagen.settings import EvaluateFrechetSettings
from l4f_datagen.weights import load_alpha, load_generator, native


class Program(nn.Module):
    """Twelve linear features of an image's quarters; its class scores unless asked for them."""

    def forward(self, images: torch.Tensor, return_features: bool = False) -> torch.Tensor:
        x = torch.nn.functional.adaptive_avg_pool2d(images.float() / 255.0, [2, 2]).flatten(1)
        return x if return_features else x[:, :3]


class Unasked(nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.float().mean(dim=[2, 3])


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    path = tmp_path_factory.mktemp("programs") / "program.pt"
    torch.jit.save(torch.jit.script(Program()), str(path))
    return path


def settings(**values):
    return EvaluateFrechetSettings(**{"features": "unused", "device": "cpu", **values})


def square_root(matrix):
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T


def frechet_distance(a, b):
    """Of two Gaussians, by the symmetric square root, in numpy alone."""
    s, t = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = square_root(s)
    crossed = np.trace(square_root(root @ t @ root))
    return ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(s) + np.trace(t) - 2 * crossed


def kernel_distance(a, b):
    """Unbiased squared MMD with the kernel (x·y/d + 1)³."""
    d, n = a.shape[1], len(a)
    k = [(x @ y.T / d + 1) ** 3 for x, y in ((a, a), (b, b), (a, b))]
    within = sum((m.sum() - np.trace(m)) / (n * (n - 1)) for m in k[:2])
    return within - 2 * k[2].mean()


def sets(seed=0, n=120, d=6):
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(n, d)) @ rng.normal(size=(d, d))
    return a, 0.5 + rng.normal(size=(n, d)) @ rng.normal(size=(d, d))


def test_fid_and_kid_against_numpy():
    a, b = sets()
    values = frechet.distances(torch.from_numpy(a), torch.from_numpy(b), settings())
    assert values["fid"] == pytest.approx(frechet_distance(a, b), rel=1e-6)
    # A subset is the whole set here, so that every one gives the same.
    assert values["kid"] == pytest.approx(kernel_distance(a, b), rel=1e-6)
    assert values["kid_deviation"] == pytest.approx(0, abs=1e-9)


def test_kid_depends_on_the_seed_alone():
    a, b = map(torch.from_numpy, sets(n=60))
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first, again, other = (
        frechet.distances(a, b, settings(kid_subset_size=20, seed=seed))["kid"] for seed in (1, 1, 2)
    )
    assert first == again != other
    assert torch.equal(torch.get_rng_state(), state)


def test_equal_sets_are_near():
    a, _ = sets()
    values = frechet.distances(torch.from_numpy(a), torch.from_numpy(a), settings())
    assert abs(values["fid"]) < 1e-6 and values["kid"] < 0


def test_a_program_of_another_content_is_run_only_when_trusted(program):
    with pytest.raises(UserError, match="--trust-features"):
        features.open_features(settings(features=str(program)), torch.device("cpu"))
    found = features.open_features(settings(features=str(program), trust_features=True), torch.device("cpu"))
    assert hashlib.sha256(program.read_bytes()).hexdigest()[:12] in found.name
    images = torch.randint(0, 256, (5, 3, 8, 8), dtype=torch.uint8)
    expected = images.double().div(255).unflatten(3, (2, 4)).unflatten(2, (2, 4)).mean((3, 5)).flatten(1)
    torch.testing.assert_close(found(images), expected, rtol=0, atol=1e-6)


def test_the_known_program_needs_no_trust(program, monkeypatch):
    monkeypatch.setattr(features, "INCEPTION_SHA256", hashlib.sha256(program.read_bytes()).hexdigest())
    found = features.open_features(settings(features=str(program)), torch.device("cpu"))
    assert found.name == "Inception v3 (inception-2015-12-05.pt)"


def test_a_program_that_only_gives_features(tmp_path):
    torch.jit.save(torch.jit.script(Unasked()), str(tmp_path / "p.pt"))
    found = features.open_features(settings(features=str(tmp_path / "p.pt"), trust_features=True), torch.device("cpu"))
    assert found(torch.full((2, 3, 4, 4), 7, dtype=torch.uint8)).tolist() == [[7.0] * 3] * 2


def test_a_network_that_fails_or_gives_no_features():
    class Wrong(nn.Module):
        def forward(self, images):
            return images.float().mean()

    with pytest.raises(WorkError, match="no features"):
        features.Features(Wrong(), name="wrong", device=torch.device("cpu"))(torch.zeros(2, 3, 4, 4))
    conv = nn.Conv2d(5, 1, 1)
    with pytest.raises(WorkError, match="conv failed on images of shape"):
        features.Features(conv, name="conv", device=torch.device("cpu"))(torch.zeros(2, 3, 4, 4))


@pytest.mark.parametrize(("network", "channels"), [(UNet(width=4, depth=2), 16), (BiSeNet(width=4), 32)])
def test_the_encoder_of_a_segmenter(tmp_path, network, channels):
    torch.manual_seed(0)
    native.save(tmp_path / "s", segmenter=network.eval(), card={"name": "s", "licence": "MIT"})
    found = features.open_features(settings(features=str(tmp_path / "s")), torch.device("cpu"))
    assert network.name in found.name
    images = torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8)
    vectors = found(images)
    assert vectors.shape == (3, channels) and vectors.std(0).max() > 0
    torch.testing.assert_close(found(images[1:2]), vectors[1:2], rtol=1e-4, atol=1e-5)
    deepest = (network.down[-1] if isinstance(network, UNet) else network.backbone).register_forward_hook(
        lambda module, args, out: seen.append(out if isinstance(network, UNet) else out[-1])
    )
    seen = []
    with torch.inference_mode():
        network(images.float() / 127.5 - 1)
    deepest.remove()
    torch.testing.assert_close(vectors, seen[0].mean((2, 3)).double(), rtol=1e-4, atol=1e-5)


def red(tmp_path, name, n, size=(10, 12)):
    rng = np.random.default_rng(len(name))
    (tmp_path / name).mkdir()
    for number in range(n):
        cv2.imwrite(str(tmp_path / name / f"{number}.png"), rng.integers(0, 256, (*size, 3)).astype(np.uint8))
    return str(tmp_path / name)


def test_a_folder_against_a_generator(tmp_path, tiny_checkpoint, program):
    chosen = settings(features=str(program), trust_features=True, n=30, size=16, batch_size=7, psi=0.8)
    told = []
    report = frechet.evaluate_frechet(
        red(tmp_path, "photos", 40),
        f"generator:{tiny_checkpoint}",
        chosen,
        report=lambda done, total: told.append((done, total)),
    )
    (row,) = report.rows
    assert row.images == row.labels["images of B"] == 30 and row.labels["dimensions"] == 12
    assert "program.pt" in row.labels["features"] and told[-1] == (60, 60)
    generator = load_generator(tiny_checkpoint)
    batches = list(frechet._Drawn(f"generator:{tiny_checkpoint}", chosen, torch.device("cpu")).batches())
    assert sum(map(len, batches)) == 30 and batches[0].shape == (7, 16, 16, 3)
    from l4f_datagen.generation import latents
    from l4f_datagen.networks.pixels import image_to_uint8

    w = latents.draw_w(generator, seed=0, stream="foreground", indices=range(7), psi=0.8)
    np.testing.assert_array_equal(batches[0], image_to_uint8(generator.synthesize(w).image).numpy())


@pytest.mark.parametrize("switched_off", ["first_convolution", "constant"])
def test_the_backgrounds_of_a_generator(tiny_checkpoint, switched_off):
    from l4f_datagen.generation import latents
    from l4f_datagen.networks.pixels import image_to_uint8

    chosen = settings(n=5, batch_size=3, psi=0.8, switched_off=switched_off)
    found = frechet.open_images(f"backgrounds:{tiny_checkpoint}", chosen, torch.device("cpu"))
    generator = freeze(load_generator(tiny_checkpoint))
    w = latents.draw_w(generator, seed=0, stream="background", indices=range(3), psi=0.8)
    expected = image_to_uint8(generator.background(w, switched_off=switched_off)).numpy()
    batches = list(found.batches())
    np.testing.assert_array_equal(batches[0], expected)
    assert sum(map(len, batches)) == len(found) == 5


def test_backgrounds_without_single_channels(tmp_path, tiny_checkpoint):
    """Those that an alpha network keeps; without one, those that train-alpha would find."""
    from l4f_datagen.analysis.channels import find_channels
    from l4f_datagen.generation import latents
    from l4f_datagen.networks.pixels import image_to_uint8

    generator = freeze(load_generator(tiny_checkpoint))
    w = latents.draw_w(generator, seed=0, stream="background", indices=range(2), psi=1.0)
    kept = find_channels(generator, 0.5, crops="plain")
    native.save(tmp_path / "alpha", alpha=load_alpha(tiny_checkpoint).keeping(kept))
    for alpha, zeroed in ((None, find_channels(generator, 0.5)), (str(tmp_path / "alpha"), kept)):
        chosen = settings(n=2, switched_off="channels:0.5", alpha=alpha)
        found = frechet.open_images(f"backgrounds:{tiny_checkpoint}", chosen, torch.device("cpu"))
        expected = image_to_uint8(generator.background(w, switched_off=zeroed)).numpy()
        np.testing.assert_array_equal(next(found.batches()), expected)
        assert found.name.endswith(" (channels:0.5)")
    with pytest.raises(UserError, match="channels:0.5"):
        frechet.open_images(
            f"backgrounds:{tiny_checkpoint}",
            settings(n=2, switched_off="channels:0.4", alpha=alpha),
            torch.device("cpu"),
        )


@pytest.mark.parametrize("world", worlds.NAMES)
def test_the_backgrounds_of_a_world(world):
    found = frechet.open_images(f"backgrounds:world:{world}", settings(n=3, size=16), torch.device("cpu"))
    expected = [worlds.render(world, seed=0, index=index, size=16).background for index in range(3)]
    np.testing.assert_array_equal(np.concatenate(list(found.batches())), expected)


def test_backgrounds_of_a_world_that_is_none():
    with pytest.raises(UserError, match="nowhere"):
        frechet.open_images("backgrounds:world:nowhere", settings(n=3, size=16), torch.device("cpu"))


@pytest.mark.parametrize("world", worlds.NAMES)
def test_true_backgrounds_are_a_set(tmp_path, program, world):
    """The same scenes, of which one set has things: far, and no distance from themselves."""
    words = ["render", world, "--n", "8", "--size", "24", "--image-format", "png", "--backgrounds-only", "--out"]
    shards = str(tmp_path / "shards")
    assert main([*words, shards]) == 0
    chosen = settings(features=str(program), trust_features=True, n=8, size=24)
    same = frechet.evaluate_frechet(shards, shards, chosen).rows[0].values["fid"]
    other = frechet.evaluate_frechet(f"world:{world}", shards, chosen).rows[0].values["fid"]
    assert same == pytest.approx(0, abs=1e-6) and other > 1e-4


def test_shards_a_world_and_notes(tmp_path, program):
    shards = str(tmp_path / "shards")
    words = ["render", "vessels", "--n", "8", "--size", "24", "--image-format", "png", "--out", shards]
    assert main(words) == 0
    chosen = settings(features=str(program), trust_features=True, n=8)
    report = frechet.evaluate_frechet("world:vessels", shards, chosen)
    assert any("Few images: with 8 for 12 features" in note for note in report.notes)
    assert any("--size makes them alike" in note for note in report.notes)
    alike = frechet.evaluate_frechet("world:vessels", shards, chosen.model_copy(update={"size": 24}))
    assert alike.rows[0].values["fid"] == pytest.approx(0, abs=1e-6)
    assert not any("--size" in note for note in alike.notes)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nowhere", "nowhere"),
        ("world:moon", "moon"),
        ("generator:nowhere.pt", "nowhere.pt"),
        ("backgrounds:nowhere.pt", "nowhere.pt"),
    ],
)
def test_sets_that_are_not_there(name, words):
    with pytest.raises(UserError, match=words):
        frechet.open_images(name, settings(), torch.device("cpu"))


def test_one_image_is_no_set(tmp_path):
    with pytest.raises(UserError, match="at least two"):
        frechet.open_images(red(tmp_path, "one", 1), settings(), torch.device("cpu"))


def test_a_broken_image_is_named(tmp_path):
    folder = red(tmp_path, "images", 3)
    (tmp_path / "images" / "1.png").write_bytes(b"broken")
    with pytest.raises(UserError, match=r"1\.png: got a broken image"):
        list(frechet.open_images(folder, settings(), torch.device("cpu")).batches())


def test_the_centre_is_kept():
    picture = np.zeros((10, 20, 3), np.uint8)
    picture[:, 5:15] = 200
    assert frechet.fit(picture, 5).shape == (5, 5, 3) and (frechet.fit(picture, 5) == 200).all()
