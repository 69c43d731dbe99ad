import io

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from PIL import Image

from l4f_datagen.errors import UserError
from l4f_datagen.photographs.places import open_images

from .archives import write_tar


def plain(value: int, height: int = 4, width: int = 6) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def encoded(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(array).save(out, "PNG")
    return out.getvalue()


def names(source) -> list[str]:
    return [source.relative_name(index) for index in range(len(source))]


def values(source) -> list[int]:
    return [int(source.read(index, 16)[0, 0, 0]) for index in range(len(source))]


@pytest.fixture
def folder(tmp_path):
    """Nested, with names that are not ASCII, and with what is no image."""
    for name, value in (("ä ö/ü.png", 10), ("b.PNG", 20), ("ä ö/日本.png", 30)):
        path = tmp_path / "f" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(plain(value)))
    (tmp_path / "f" / "notes.txt").write_text("no image")
    (tmp_path / "f" / ".hidden.png").write_bytes(b"")
    return tmp_path / "f"


def test_a_folder_of_any_nesting(folder):
    source = open_images(str(folder))
    assert names(source) == ["b.PNG", "ä ö/ü.png", "ä ö/日本.png"] and values(source) == [20, 10, 30]


def test_the_images_of_tars_by_member(tmp_path):
    write_tar(tmp_path / "ü" / "1.tar", {"b.jpg": encoded(plain(3)), "b.mask.png": encoded(plain(9)), "b.json": b"{}"})
    write_tar(tmp_path / "ü" / "0.tar", {"d/日.png": encoded(plain(1)), "a.webp": encoded(plain(2))})
    for images in (tmp_path / "ü", tmp_path / "ü" / "*.tar"):
        source = open_images(str(images))
        assert names(source) == ["0.tar/d/日.png", "0.tar/a.webp", "1.tar/b.jpg"] and values(source) == [1, 2, 3]
    assert names(open_images(str(tmp_path / "ü" / "1.tar"))) == ["1.tar/b.jpg"]


def test_parquet_of_hugging_face(tmp_path):
    rows = [{"bytes": encoded(plain(10 * i)), "path": None} for i in range(9)]
    table = pyarrow.table({"label": list(range(9)), "image": rows})
    pyarrow.parquet.write_table(table.slice(0, 6), tmp_path / "a.parquet", row_group_size=2)
    pyarrow.parquet.write_table(table.slice(6), tmp_path / "b.parquet")
    source = open_images(str(tmp_path))
    assert values(source) == [10 * i for i in range(9)]
    assert source.name(7).endswith("b.parquet: row 1 of row group 0")
    assert names(source) == [f"a.parquet/{row}" for row in range(6)] + [f"b.parquet/{row}" for row in range(3)]
    pyarrow.parquet.write_table(pyarrow.table({"label": [1]}), tmp_path / "c.parquet")
    with pytest.raises(UserError, match="columns label"):
        open_images(str(tmp_path))


@pytest.mark.parametrize("kind", ["folder", "tar", "parquet"])
def test_the_digest_is_of_names_and_sizes_wherever_they_lie(tmp_path, kind):
    def written(place, *, name="a", content=None, more=False):
        content = content or encoded(plain(1))
        place.mkdir(parents=True)
        members = {f"{name}.png": content} | ({"z.png": content} if more else {})
        if kind == "folder":
            for member, data in members.items():
                (place / member).write_bytes(data)
        elif kind == "tar":
            write_tar(place / "0.tar", members)
        else:
            table = pyarrow.table({"image": [{"bytes": data} for data in members.values()]})
            pyarrow.parquet.write_table(table, place / f"{name}.parquet")
        return open_images(str(place)).digest()

    digests = [
        written(tmp_path / "0"), written(tmp_path / "1", name="b"), written(tmp_path / "2", more=True),
        written(tmp_path / "3", content=encoded(np.arange(720, dtype=np.uint8).reshape(12, 20, 3))),
    ]  # fmt: skip
    assert len(set(digests)) == 4
    assert written(tmp_path / "elsewhere" / "below") == digests[0]


@pytest.mark.parametrize("kind", ["grey", "palette", "alpha"])
def test_every_mode_becomes_rgb(tmp_path, kind):
    image = Image.fromarray(plain(60)).convert({"grey": "L", "palette": "P", "alpha": "RGBA"}[kind])
    image.save(tmp_path / "a.png")
    assert open_images(str(tmp_path)).read(0, 16).shape == (4, 6, 3)


@pytest.mark.parametrize(
    ("name", "words"),
    [("nothing", "not there"), ("empty", "no image was found"), ("file.txt", "nothing of the kind")],
)
def test_nothing_to_read(tmp_path, name, words):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.txt").write_text("text")
    with pytest.raises(UserError, match=f"backgrounds: got .*{words}"):
        open_images(str(tmp_path / name), setting="backgrounds")


def test_only_the_kinds_that_are_asked_for(folder, tmp_path):
    write_tar(folder / "x.tar", {"a.png": encoded(plain(1))})
    assert len(open_images(str(folder), kinds=("folder",))) == 3
    assert len(open_images(str(folder))) == 3
    (folder / "x.tar").unlink()
    with pytest.raises(UserError, match="nothing of the kind; expected tar files"):
        open_images(str(folder), kinds=("tar",))


def test_a_cut_tar_is_named(tmp_path):
    (tmp_path / "a.tar").write_bytes(b"no tar" * 200)
    with pytest.raises(UserError, match=r"a\.tar: got no whole tar file"):
        open_images(str(tmp_path))
