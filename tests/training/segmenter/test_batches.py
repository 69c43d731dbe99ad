import io
import json
import shutil
import tarfile

import numpy as np
import pytest
from PIL import Image

import l4f_datagen as l4f
from l4f_datagen import worlds
from l4f_datagen.errors import UserError
from l4f_datagen.making.render import render
from l4f_datagen.samples.opening import open_samples
from l4f_datagen.samples.reading import Reading
from l4f_datagen.settings import GenerateSettings, RenderSettings, TrainSegmenterSettings
from l4f_datagen.shards.format import sealed
from l4f_datagen.training.segmenter.batches import LabelledBatches

STILL = {"flip": 0, "scale": 0, "scaled": 0, "crop": 0, "colour": 0, "blur": 0, "jpeg": 0}


@pytest.fixture(scope="module")
def generated(tmp_path_factory, tiny_checkpoint):
    folder = tmp_path_factory.mktemp("shards") / "generated"
    settings = GenerateSettings(
        n=11, generator=str(tiny_checkpoint), device="cpu", threshold=0.5, save="foreground", samples_per_shard=4,
        image_format="png",
    )  # fmt: skip
    l4f.generate(settings, folder)
    return folder


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards") / "rendered"
    render(RenderSettings(n=6, size=24, image_format="png"), folder)
    return folder


def batches(*shards, **changes) -> LabelledBatches:
    return LabelledBatches(TrainSegmenterSettings(shards=tuple(map(str, shards)), **{**STILL, **changes}))


def test_samples_are_those_that_the_reader_gives(generated):
    source = open_samples(str(generated), Reading())
    samples = list(l4f.open_dataset(generated))
    assert len(source) == len(samples) == 11 and source.generated and source.has_foregrounds
    for index, sample in enumerate(samples):
        found, plain = source.read(index), source.read(index, foreground=True)
        assert np.array_equal(found.image, sample.image) and np.array_equal(plain.image, sample.foreground)
        assert np.array_equal(found.alpha, sample.alpha) and np.array_equal(found.mask, sample.mask)


@pytest.mark.parametrize("world", worlds.NAMES)
def test_a_world_is_exact_and_its_test_split_another(tmp_path, world):
    render(RenderSettings(world=world, n=6, size=24, image_format="png"), tmp_path)
    source = open_samples(f"world:{world}", Reading(), size=24, count=6)
    for index, sample in enumerate(l4f.open_dataset(tmp_path)):
        assert np.array_equal(source.read(index).image, sample.image)
        assert np.array_equal(source.read(index).mask, sample.mask)
    held_out = open_samples(f"world:{world}", Reading(), size=24, count=6, split="test")
    assert not np.array_equal(held_out.read(0).image, source.read(0).image)


def test_every_image_once_before_any_twice(rendered):
    found = batches(rendered, validation=0)
    for epoch in range(2):
        images = found.batch(range(6 * epoch, 6 * epoch + 6)).images
        assert len({image.numpy().tobytes() for image in images}) == 6
    assert found.validated == 0 and list(found.validation_batches(4)) == []


def test_the_held_out_share_is_never_learned(rendered):
    found = batches(rendered, validation=0.34)
    learned = {image.numpy().tobytes() for image in found.batch(range(200)).images}
    held_out = [image.numpy().tobytes() for batch in found.validation_batches(1) for image in batch.images]
    assert len(learned) == 4 and len(held_out) == 2 and not learned & set(held_out)


def test_samples_of_a_list_are_never_learned_nor_validated_on(generated, rendered):
    without = ("000000001 0", "000000004", "000000005 1", "000000010")  # candidate 1 is not there
    found = batches(generated, "world:vessels", world_images=4, validation="0.25", without=without)
    learned, held_out = (list(parts[0].indices) for parts in (found.parts, found.validation))
    assert learned == [0, 2, 3, 5, 6, 7] and held_out == [8, 9]
    assert list(found.parts[1].indices) == [0, 1, 2]
    whole = batches(generated, validation="0.25")
    assert [*whole.parts[0].indices, *whole.validation[0].indices] == list(range(11))
    np.testing.assert_array_equal(found.parts[0].read(1).image, whole.parts[0].read(2).image)
    for sources, words in (((generated, generated), "for 2 data sets"), (("world:vessels",), "for 0 data sets")):
        with pytest.raises(UserError, match=f"without: got a list {words}"):
            batches(*sources, without=without)
    with pytest.raises(UserError, match="all 6 samples"):
        batches(rendered, without=tuple(f"{index:09d}" for index in range(6)))


def test_weights_are_shares(generated, rendered):
    found = batches(f"{rendered}:3", f"{generated}:1", size=24)
    asked = []
    for number, part in enumerate(found.parts):
        read = part.read_all
        part.read_all = lambda some, number=number, read=read: asked.extend([number] * len(some)) or read(some)
    found.batch(range(400))
    assert len(asked) == 400 and 0.68 < asked.count(0) / 400 < 0.82


def test_plain_foregrounds_by_their_share(generated):
    sample = {s.foreground.tobytes() for s in l4f.open_dataset(generated)}
    for share, low, high in ((None, 0.35, 0.65), (0.0, 0, 0), (1.0, 1, 1)):
        found = batches(generated, foregrounds=share, validation=0)
        images = found.batch(range(120)).images.permute(0, 2, 3, 1).add(1).mul(127.5).round().byte().numpy()
        plain = np.mean([image.tobytes() in sample for image in images])
        assert low <= plain <= high


def test_plain_foregrounds_that_are_not_there(tmp_path, tiny_checkpoint):
    l4f.generate(GenerateSettings(n=2, generator=str(tiny_checkpoint), device="cpu"), tmp_path / "s")
    assert batches(tmp_path / "s").foregrounds == [0.0]
    with pytest.raises(UserError, match="--save foreground"):
        batches(tmp_path / "s", foregrounds=0.5)


def test_generated_masks_are_cut_again_and_exact_ones_are_not(generated, rendered):
    samples = list(l4f.open_dataset(generated))
    for threshold, expected in ((0.7, 0.7), (None, 0.5)):
        found = batches(generated, foregrounds=0, threshold=threshold, validation=0)
        for sample in samples:
            labelled = found.parts[0].read(sample.metadata["index"])
            assert np.array_equal(labelled.mask, sample.alpha >= np.ceil(255 * expected))
    exact = batches(rendered, threshold=0.99, validation=0)
    for sample in l4f.open_dataset(rendered):
        assert np.array_equal(exact.parts[0].read(sample.metadata["index"]).mask, sample.mask)


def test_further_classes_are_taken_as_stored(generated):
    several = batches(generated, classes=4, threshold=0.99, validation=0)
    for sample in l4f.open_dataset(generated):
        assert np.array_equal(several.parts[0].read(sample.metadata["index"]).mask, sample.mask)


def test_masks_with_unknown_classes_are_told(tmp_path, rendered):
    shutil.copytree(rendered, tmp_path / "many")
    path = tmp_path / "many" / "00000.tar"
    with tarfile.open(path) as archive:
        members = [(m.name, archive.extractfile(m).read()) for m in archive]
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in members:
            if name.endswith("mask.png"):
                buffer = io.BytesIO()
                Image.fromarray(np.full((24, 24), 5, np.uint8)).save(buffer, "PNG")
                content = buffer.getvalue()
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    stats = tmp_path / "many" / "00000_stats.json"
    content = json.loads(stats.read_text())
    content["files"]["00000.tar"]["bytes"] = path.stat().st_size
    stats.write_bytes(sealed.seal(content))
    with pytest.raises(UserError, match="class 5; expected classes below 3"):
        batches(tmp_path / "many", classes=3).batch([0])
    assert batches(tmp_path / "many", classes=6).batch([0]).masks.unique().tolist() == [5]


def test_memory_is_bounded(generated, rendered):
    assert [part.keeps for part in batches(generated, memory=1.0).parts] == [True]
    assert [part.keeps for part in batches(generated, memory=0.0).parts] == [False]
    # 6·24·24·5 bytes for the first; the second is left to be read again and again.
    tight = batches(rendered, generated, size=24, memory=20000 / 2**30, validation=0)
    assert [part.keeps for part in tight.parts] == [True, False]
