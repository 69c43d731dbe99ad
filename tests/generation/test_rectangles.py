"""Data sets of rectangular generators: as any other, of images that are as wide and as high as theirs."""

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

import l4f_datagen as l4f
from l4f_datagen.generation.models import load_models
from l4f_datagen.networks.alpha import AlphaNetwork
from l4f_datagen.settings import GenerateSettings
from l4f_datagen.sheet import contact_sheet, picture_grid
from l4f_datagen.weights import native
from tests.conftest import RECTANGLES, tiny_generator
from tests.generation.test_backgrounds import write_images


@pytest.fixture(scope="module", params=RECTANGLES)
def checkpoint(request, tmp_path_factory):
    """A native folder of a rectangular generator and its alpha network, and their images' height and width."""
    folder, generator = tmp_path_factory.mktemp("rectangles") / "tiny", tiny_generator(RECTANGLES[request.param])
    torch.manual_seed(1)
    alpha = AlphaNetwork(generator.architecture.channels[1:])
    for parameter in alpha.parameters():
        torch.nn.init.normal_(parameter, std=0.6)
    native.save(folder, generator=generator, alpha=alpha)
    return folder, generator.architecture.size


def settings_of(folder, **more) -> GenerateSettings:
    common = {"generator": str(folder), "n": 3, "batch_size": 2, "threshold": 0.5, "device": "cpu"}
    return GenerateSettings(**(common | more))


def test_a_data_set_has_the_shape_of_its_generator(checkpoint, tmp_path):
    folder, (height, width) = checkpoint
    settings = settings_of(
        folder, noise="random", refine=2, save=("foreground", "background", "w"), image_format="png",
        samples_per_shard=2, largest_component=True,
    )  # fmt: skip
    l4f.generate(settings, tmp_path / "shards")
    dataset = l4f.open_dataset(tmp_path / "shards")
    samples = list(dataset)
    assert [sample.image.shape for sample in samples] == [(height, width, 3)] * 3
    assert {sample.alpha.shape for sample in samples} == {sample.mask.shape for sample in samples} == {(height, width)}
    rows = pq.read_table(tmp_path / "shards" / "metadata.parquet").to_pylist()
    assert [(row["height"], row["width"]) for row in rows] == [(height, width)] * 3
    for sample in samples:
        alpha = sample.alpha[..., None] / 255
        blended = alpha * sample.foreground + (1 - alpha) * sample.background
        inside = (sample.foreground % 255 > 0) & (sample.background % 255 > 0)  # colours that were not cut off
        assert inside.any() and np.abs(blended - sample.image)[inside].max() <= 2
    streamed = list(l4f.stream(settings))
    assert all((one.image == other.image).all() for one, other in zip(streamed, samples, strict=True))
    sheet = contact_sheet(samples, columns=3, tile=32)
    assert sheet.ndim == 3 and (sheet == 128).all(-1).any(), "beside a rectangle there is grey"


def test_photographs_stand_behind(checkpoint, tmp_path):
    folder, (height, width) = checkpoint
    write_images(tmp_path / "walls", 4)
    settings = settings_of(folder, backgrounds=str(tmp_path / "walls"), save=("background",))
    for sample in l4f.stream(settings):
        assert sample.background is not None and sample.background.shape == (height, width, 3)


def test_the_networks_of_a_gpu_draw_the_same(checkpoint):
    from l4f_datagen.networks.fused.network import fuse

    models = load_models(settings_of(checkpoint[0]))
    w = torch.randn(2, models.generator.architecture.w_dim)
    scene = fuse(models.generator, models.alpha, dtype=torch.float32)(torch.cat([w, w]), 2, "own")
    out = models.generator.synthesize(w)
    torch.testing.assert_close(scene.foreground, out.image, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(scene.alpha, models.alpha(out.features), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("shape", [(4, 8), (8, 4), (8, 8), (300, 100)])
def test_pictures_keep_their_shape_on_sheets(shape):
    sheet = picture_grid({"row": [np.full(shape, 255, np.uint8)]}, tile=64)
    there = (sheet[4 : 4 + 64, 84 : 84 + 64] == 255).all(-1)
    height, width = (round(side * 64 / max(shape)) for side in shape)
    assert there.sum() == height * width
