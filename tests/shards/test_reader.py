import tarfile

import numpy as np
import pytest

import l4f_datagen as l4f
from l4f_datagen.shards.format import encoding, layout


@pytest.fixture
def folder(tmp_path, tiny_settings):
    l4f.generate(
        tiny_settings.model_copy(update={"image_format": "png", "save": ("background", "foreground", "w")}),
        tmp_path / "s",
    )
    return tmp_path / "s"


def test_what_is_read_is_what_was_generated(folder, tiny_settings):
    dataset = l4f.open_dataset(folder)
    settings = l4f.GenerateSettings.model_validate(dataset.description["settings"])
    assert len(dataset) == 23
    for _ in range(2):  # it can be read again
        for ours, generated in zip(dataset, l4f.stream(settings), strict=True):
            assert ours.metadata == generated.metadata
            for name in ("image", "alpha", "mask", "foreground", "background", "w"):
                np.testing.assert_array_equal(getattr(ours, name), getattr(generated, name))


def test_the_members_are_the_stored_bytes(folder):
    stored = {}
    for shard in range(3):
        with tarfile.open(folder / layout.tar(shard)) as tar:
            stored |= {entry.name: tar.extractfile(entry).read() for entry in tar}
    members = list(l4f.open_dataset(folder).members())
    assert {f"{key}.{extension}": content for key, parts in members for extension, content in parts.items()} == stored
    for (key, parts), sample in zip(members, l4f.open_dataset(folder), strict=True):
        assert key == sample.key
        np.testing.assert_array_equal(encoding.decode(parts, "01").mask, sample.mask)


def test_an_incomplete_data_set_is_told(folder):
    (folder / layout.stats(1)).unlink()
    with pytest.raises(l4f.UserError, match="2 of 3 shards are finished"):
        l4f.open_dataset(folder)
    rest = l4f.open_dataset(folder, allow_incomplete=True)
    assert [sample.key for sample in rest] == [f"{i:09d}" for i in (*range(10), *range(20, 23))]
    assert len(rest) == 13


@pytest.mark.parametrize("name", ["nothing-here", "."])
def test_what_is_no_data_set_is_told(tmp_path, name):
    with pytest.raises(l4f.UserError, match=r"dataset.json"):
        l4f.open_dataset(tmp_path / name)


def test_a_damaged_sample_is_named(folder):
    path = folder / layout.tar(0)
    content = bytearray(path.read_bytes())
    at = content.index(b"\x89PNG", content.index(b"000000003.alpha.png"))
    content[at : at + 8] = b"damaged!"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="sample 000000003 of .*00000.tar is damaged"):
        list(l4f.open_dataset(folder))
