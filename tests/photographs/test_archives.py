"""Archives that are damaged, hostile or merely large."""

import gzip
import io
import tarfile
import tracemalloc
import zipfile

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from l4f_datagen.errors import UserError
from l4f_datagen.photographs.archives import cells, tars, zips
from l4f_datagen.photographs.archives.tar_index import NoTar, entries
from l4f_datagen.photographs.picture import limits
from l4f_datagen.photographs.places import open_images

from .archives import write_parquet, write_tar, write_zip
from .pictures import COLOURS, WHOLE

PNG, JPEG = WHOLE["png"][0], WHOLE["jpeg"][0]


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_an_index_agrees_with_pythons(tmp_path, form):
    names = ["a.png", "ü/日本.png", "x" * 90 + ".png", "/".join(["deep"] * 20) + "/a.png", "end.png"]
    if form != tarfile.USTAR_FORMAT:
        names.append("long" * 60 + ".png")
    with tarfile.open(tmp_path / "a.tar", "w", format=form) as archive:
        for number, name in enumerate(names):
            info = tarfile.TarInfo(name)
            info.size = 100 * number
            archive.addfile(info, io.BytesIO(bytes([number]) * info.size))
        folder = tarfile.TarInfo("folder")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
    with tarfile.open(tmp_path / "a.tar") as archive, (tmp_path / "a.tar").open("rb") as file:
        expected = [(member.name, member.offset_data, member.size, member.isfile()) for member in archive]
        assert [(e.name.rstrip("/"), e.offset, e.size, e.kind == "file") for e in entries(file)] == expected


def header(name: bytes = b"a.png", size: bytes = b"00000000000", kind: bytes = b"0") -> bytes:
    block = bytearray(512)
    block[: len(name)], block[124 : 124 + len(size)], block[156:157] = name, size, kind
    block[257:263], block[148:156] = b"ustar\0", b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "an empty file"),
        (b"no tar" * 200, "no header at byte 0"),
        (header(size=b"-0000000512") * 3, "no header at byte 0"),
        (header(size=b"\xff" * 12) * 3, "no size"),
        (header(size=b"\x80" + b"\x7f" * 11) * 3, "no size"),
        (header(size=b"00000001000"), "ends before"),
        (header() + header()[:99], "within a header"),
        (header() + b"x" * 512, "no header at byte 512"),
        (header(size=b"77777777777", kind=b"L"), "a header of 8589934591 bytes"),
        (header(size=b"00000000020", kind=b"x") + b"99 path=a\n".ljust(512, b"\0") + b"y" * 512, "no header"),
        (header(size=b"00000000020", kind=b"x") + b"no length here\n".ljust(512, b"\0"), "extended header"),
        (
            header(size=b"00000000031", kind=b"x") + b"25 size=99999999999999999\n".ljust(512, b"\0") + header(),
            "no size",
        ),
    ],
)
def test_tars_that_are_none(tmp_path, content, words):
    with pytest.raises(NoTar, match=words):
        list(entries(io.BytesIO(content)))
    (tmp_path / "a.tar").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.tar: got no whole tar file"):
        open_images(str(tmp_path))


def test_a_packed_tar_is_the_same_as_a_plain_one(tmp_path):
    members = {f"{number}.png": PNG for number in range(9)} | {"a.json": b"{}", "b.jpg": JPEG}
    write_tar(tmp_path / "a.tar", members)
    for name in ("b.tgz", "c.tar.gz", "d.tar"):
        (tmp_path / name).write_bytes(gzip.compress((tmp_path / "a.tar").read_bytes()))
        plain, packed = (open_images(str(tmp_path / other)) for other in ("a.tar", name))
        assert len(plain) == len(packed) == 10
        for index in range(10):
            assert np.array_equal(plain.read(index, 8), packed.read(index, 8))
            assert packed.relative_name(index) == plain.relative_name(index).replace("a.tar", name)


@pytest.mark.parametrize("mode", ["w:bz2", "w:xz"])
def test_other_compressions_are_named(tmp_path, mode):
    write_tar(tmp_path / "a.tar", {"a.png": PNG}, mode)
    with pytest.raises(UserError, match="compressed with (bzip2|xz): unpack it"):
        open_images(str(tmp_path))


def test_a_packed_tar_is_not_unpacked_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr(tars, "_UNPACKED_LEAST", 1 << 20)
    write_tar(tmp_path / "a.tgz", {"a.png": PNG, "zeros.bin": bytes(8 << 20)}, "w:gz")
    with pytest.raises(UserError, match="unpacks to more than 1 MiB"):
        open_images(str(tmp_path))


@pytest.mark.parametrize("cut", [0.3, 0.6, 0.9])
def test_a_packed_tar_that_is_cut_short(tmp_path, cut):
    write_tar(tmp_path / "a.tgz", {f"{n}.png": np.random.default_rng(n).bytes(5000) for n in range(9)}, "w:gz")
    content = (tmp_path / "a.tgz").read_bytes()
    (tmp_path / "a.tgz").write_bytes(content[: int(cut * len(content))])
    with pytest.raises(UserError, match="no whole tar file"):
        open_images(str(tmp_path))


def test_zips_that_are_none_or_encrypted(tmp_path, caplog):
    write_zip(tmp_path / "a.zip", {"a.png": PNG, "b.png": PNG})
    content = bytearray((tmp_path / "a.zip").read_bytes())
    (tmp_path / "cut.zip").write_bytes(content[:-30])
    with pytest.raises(UserError, match=r"cut\.zip: got no whole zip file"):
        open_images(str(tmp_path / "cut.zip"))
    places = [at for at in range(len(content)) if content[at : at + 4] == b"PK\1\2"]
    content[places[0] + 8] |= 1
    (tmp_path / "a.zip").write_bytes(content)
    assert len(open_images(str(tmp_path / "a.zip"))) == 1 and "1 encrypted (a.png)" in caplog.text
    content[places[1] + 8] |= 1
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(UserError, match="encrypted"):
        open_images(str(tmp_path / "a.zip"))


def test_members_of_absurd_size_are_told_and_not_unpacked(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv(limits.VARIABLE, str(1 << 18))
    write_zip(tmp_path / "a.zip", {"a.png": PNG, "b.png": bytes(2 << 20)}, zipfile.ZIP_DEFLATED)
    write_tar(tmp_path / "a.tar", {"a.png": PNG, "b.png": bytes(2 << 20)})
    for name in ("a.zip", "a.tar"):
        assert len(open_images(str(tmp_path / name))) == 1
        assert "1 of more than 1 MiB (b.png)" in caplog.text
        caplog.clear()


def test_what_is_no_picture_in_a_zip_is_not_unpacked(tmp_path):
    write_zip(tmp_path / "a.zip", {"a.png": bytes(100 << 20)}, zipfile.ZIP_DEFLATED)
    source = open_images(str(tmp_path))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="a file of zeros"):
            source.read(0, 8)
        assert tracemalloc.get_traced_memory()[1] < 10 << 20
    finally:
        tracemalloc.stop()


def test_a_list_of_members_that_would_fill_the_memory(tmp_path, monkeypatch):
    write_zip(tmp_path / "a.zip", {f"{n}.png": PNG for n in range(50)})
    monkeypatch.setattr(zips, "_MOST_DIRECTORY", 1000)
    with pytest.raises(UserError, match="a list of members"):
        open_images(str(tmp_path))


def test_equal_cells_take_the_memory_of_one(tmp_path, monkeypatch):
    content = PNG + bytes(1 << 20)  # behind its end
    write_parquet(tmp_path / "a.parquet", {str(number): content for number in range(100)})
    assert (tmp_path / "a.parquet").stat().st_size < 4 << 20
    monkeypatch.setattr(cells, "_KEPT_BYTES", 8 << 20)
    monkeypatch.setattr(cells, "_BATCH_BYTES", 4 << 20)
    source = open_images(str(tmp_path))
    before = pyarrow.default_memory_pool().max_memory()
    assert all(np.array_equal(source.read(index, 8), COLOURS) for index in range(0, 100, 9))
    assert pyarrow.default_memory_pool().max_memory() - before < 40 << 20


def test_large_row_groups_are_read_from_a_file(tmp_path, monkeypatch):
    pictures = [WHOLE[name][0] for name in ("png", "jpeg", "webp", "bmp")] * 5
    pyarrow.parquet.write_table(pyarrow.table({"image": pictures}), tmp_path / "a.parquet", use_dictionary=False)
    expected = [open_images(str(tmp_path)).read(index, 8) for index in range(20)]
    monkeypatch.setattr(cells, "_KEPT_BYTES", 100)
    monkeypatch.setattr(cells, "_BATCH_BYTES", 100)
    source = open_images(str(tmp_path))
    for index in (19, 0, 7, 7, 3):
        assert np.array_equal(source.read(index, 8), expected[index])


def test_a_column_that_unpacks_without_end(tmp_path, monkeypatch):
    table = pyarrow.table({"image": [bytes(4 << 20)]})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet", compression="zstd", use_dictionary=False)
    monkeypatch.setattr(cells, "_UNPACKED_LEAST", 1 << 20)
    with pytest.raises(ValueError, match="unpacks from"):
        open_images(str(tmp_path)).read(0, 8)
