"""Which pictures are meant where there are several kinds, and how a user says it."""

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from l4f_datagen.errors import UserError
from l4f_datagen.generation.backgrounds import open_backgrounds
from l4f_datagen.photographs.opening import open_source
from l4f_datagen.photographs.places import open_images
from l4f_datagen.settings import ExportSettings

from .archives import write_parquet, write_tar, write_zip
from .pictures import encoded


def plain(value: int) -> bytes:
    return encoded(np.full((12, 16, 3), value, np.uint8))


def values(source) -> list[int]:
    return [int(source.read(index, 8)[0, 0, 0]) for index in range(len(source))]


@pytest.fixture
def mixed(tmp_path):
    """Pictures 1–3, a tar of 11 and 12, a zip of 21, a Parquet file of 31."""
    folder = tmp_path / "mixed"
    folder.mkdir()
    for value in (1, 2, 3):
        (folder / f"{value}.png").write_bytes(plain(value))
    write_tar(folder / "x.tar", {f"{value}.png": plain(value) for value in (11, 12)})
    write_zip(folder / "x.zip", {"21.png": plain(21)})
    write_parquet(folder / "x.parquet", {"31.png": plain(31)})
    return folder


PREFIXED = {
    "folder:": [1, 2, 3], "tars:": [11, 12], "tar:": [11, 12], "shards:": [11, 12], "zip:": [21], "zips:": [21],
    "parquet:": [31],
}  # fmt: skip


@pytest.mark.parametrize("prefix", PREFIXED)
@pytest.mark.parametrize("door", ["images", "backgrounds"])
def test_a_prefix_says_which(mixed, prefix, door):
    name = f"{prefix}{mixed}"
    source = open_source(name, world_images=1) if door == "images" else open_backgrounds(name).source
    assert values(source) == PREFIXED[prefix]


@pytest.mark.parametrize("archive", ["x.tar", "x.zip", "x.parquet"])
def test_one_stray_archive_hides_no_pictures(mixed, archive, caplog):
    for path in mixed.glob("x.*"):
        if path.name != archive:
            path.unlink()
    assert values(open_images(str(mixed))) == [1, 2, 3]
    (record,) = caplog.records
    assert archive in record.getMessage() and ":PATH takes" in record.getMessage()


def test_no_stray_picture_hides_archives(mixed):
    (mixed / "1.png").unlink()
    with pytest.raises(
        UserError, match=r"2 pictures and 1 tar files and 1 zip files; .*say which with folder:.* or tars:"
    ):
        open_images(str(mixed))


def test_tables_without_pictures_hide_nothing(tmp_path):
    write_tar(tmp_path / "00000.tar", {"1.png": plain(1)})
    pyarrow.parquet.write_table(pyarrow.table({"key": ["1"]}), tmp_path / "00000.parquet")
    assert values(open_images(str(tmp_path))) == [1]


@pytest.mark.parametrize("name", ["x.tar", "x.zip", "x.parquet", "1.png", "[12].png", "*.png"])
def test_a_file_or_a_pattern(mixed, name):
    expected = {
        "x.tar": [11, 12],
        "x.zip": [21],
        "x.parquet": [31],
        "1.png": [1],
        "[12].png": [1, 2],
        "*.png": [1, 2, 3],
    }
    assert values(open_images(str(mixed / name))) == expected[name]


def test_archives_are_known_by_their_content(mixed):
    for name, expected in (("x.tar", [11, 12]), ("x.zip", [21]), ("x.parquet", [31])):
        (mixed / name).rename(mixed / "archive")
        assert values(open_images(str(mixed / "archive"))) == expected


def test_an_address_is_refused_without_its_secrets():
    with pytest.raises(UserError, match="an address.*copy it") as caught:
        open_images("s3://user:hunter2@bucket/photos?token=abc")
    assert "hunter2" not in str(caught.value) and "abc" not in str(caught.value)


@pytest.mark.parametrize(
    ("columns", "wanted", "found"),
    [
        ({"image": [plain(1)], "label": [3]}, None, [1]),
        ({"image": [plain(1)], "mask": [plain(2)], "alpha": [plain(3)]}, None, [1]),
        ({"picture": [{"bytes": plain(4), "path": None}]}, None, [4]),
        ({"a": [plain(1)], "b": [plain(2)]}, "b", [2]),
        ({"file": ["5.png"]}, "file", [5]),
        ({"image": [{"bytes": None, "path": "5.png"}]}, None, [5]),
        ({"mask": [plain(2)]}, "mask", [2]),
    ],
)
def test_columns_of_tables(tmp_path, columns, wanted, found):
    (tmp_path / "5.png").write_bytes(plain(5))
    pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "t.parquet")
    assert values(open_images(f"parquet:{tmp_path / 't.parquet'}" + (f"#{wanted}" if wanted else ""))) == found


@pytest.mark.parametrize(
    ("columns", "wanted", "words"),
    [
        ({"a": [plain(1)], "b": [plain(2)]}, "", "columns a, b, each of which.*parquet:PATH#a"),
        ({"image": [plain(1)], "image2": [plain(2)]}, "", "columns image, image2"),
        ({"image": [plain(1)]}, "#picture", "no column picture"),
        ({"n": [1]}, "", "columns n"),
        ({"n": [1]}, "#n", "no column n"),
        ({"mask": [plain(1)]}, "", "columns mask"),
    ],
)
def test_columns_that_are_not_clear_are_asked_for(tmp_path, columns, wanted, words):
    pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "t.parquet")
    with pytest.raises(UserError, match=words):
        open_images(f"parquet:{tmp_path / 't.parquet'}{wanted}")


@pytest.mark.parametrize("path", ["/etc/passwd", "../secret.png", "a/../../b.png"])
def test_paths_in_tables_do_not_lead_elsewhere(tmp_path, path):
    pyarrow.parquet.write_table(pyarrow.table({"file": [path]}), tmp_path / "t.parquet")
    with pytest.raises(ValueError, match="leads elsewhere"):
        open_images(f"parquet:{tmp_path}#file").read(0, 8)


@pytest.mark.parametrize("file_format", ["folder", "fiftyone", "voc", "yolo", "coco", "hf-parquet"])
@pytest.mark.parametrize("split", [None, (0.5, 0.5)])
def test_our_own_exports_give_their_pictures_alone(tmp_path, tiny_settings, file_format, split):
    import l4f_datagen as l4f
    from l4f_datagen.export.run import export

    l4f.generate(tiny_settings.model_copy(update={"n": 6, "image_format": "png"}), tmp_path / "shards")
    export(ExportSettings(format=file_format, split=split), tmp_path / "shards", tmp_path / "out")
    expected = sorted(sample.image.tobytes() for sample in l4f.open_dataset(tmp_path / "shards"))
    source = open_images(str(tmp_path / "out"))
    found = sorted(source.read(index, 8).tobytes() for index in range(len(source)))
    assert len(found) == 6 and (found == expected or file_format == "voc")


def test_zips_of_stylegan2_ada(tmp_path):
    members = {f"{n // 2:05d}/img{n:08d}.png": plain(10 * n) for n in (3, 1, 0, 2)} | {
        "dataset.json": b'{"labels": null}'
    }
    write_zip(tmp_path / "set.zip", members)
    source = open_images(str(tmp_path / "set.zip"))
    assert values(source) == [0, 10, 20, 30]
    assert source.relative_name(3) == "set.zip/00001/img00000003.png" and len(source.digest()) == 64
