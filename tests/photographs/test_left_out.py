"""What is no photograph is left out, told once, and never taken for one."""

import os
import socket

import pytest

import l4f_datagen as l4f
from l4f_datagen.errors import UserError
from l4f_datagen.photographs.places import open_images
from l4f_datagen.settings import GenerateSettings

from .archives import write_archive, write_tar, write_zip
from .pictures import WHOLE

PNG, JPEG, MASK = WHOLE["png"][0], WHOLE["jpeg"][0], WHOLE["1-bit png"][0]

JUNK = {
    ".ipynb_checkpoints/a.png": PNG, ".thumbs/b.jpg": JPEG, "__MACOSX/c.png": PNG, "@eaDir/d.jpg": JPEG,
    "Thumbs.db": b"x", ".DS_Store": b"x", "._a.jpg": b"\0\5\x16\7", "sub/.hidden/e.png": PNG, "notes.txt": b"x",
    "f.heic": b"x", "g.svg": b"<svg",
}  # fmt: skip
GOOD = {"a.JPG": JPEG, "sub/b.png": PNG, "c.jpg": PNG, "sub/d.v2.jpeg": JPEG, "e.TIFF": WHOLE["tiff"][0]}


def write(folder, files: dict[str, bytes]):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def taken(source) -> list[str]:
    return sorted(source.relative_name(index) for index in range(len(source)))


def test_hidden_files_and_other_kinds_of_a_folder(tmp_path, caplog):
    folder = write(tmp_path / "f", GOOD | JUNK | {"no extension": PNG, "no picture": b"x"})
    assert taken(open_images(str(folder))) == sorted([*GOOD, "no extension"])
    (record,) = caplog.records
    said = record.getMessage()
    assert "8 hidden" in said and "4 files of other kinds (" in said and ".heic 1" in said and "convert" in said


@pytest.mark.parametrize("name", ["x.tar", "x.tgz", "x.tar.gz", "x.zip"])
def test_hidden_files_and_other_kinds_of_an_archive(tmp_path, caplog, name):
    members = GOOD | JUNK
    if name.endswith("zip"):
        write_zip(tmp_path / name, members)
    else:
        write_tar(tmp_path / name, members, "w" if name.endswith("tar") else "w:gz")
    source = open_images(str(tmp_path / name))
    assert taken(source) == sorted(f"{name}/{member}" for member in GOOD)
    assert all(source.read(index, 8).shape == (12, 16, 3) for index in range(len(source)))
    (record,) = caplog.records
    assert "8 hidden" in record.getMessage() and "3 files of other kinds (" in record.getMessage()


def test_links_and_what_cannot_be_read(tmp_path, caplog, monkeypatch):
    folder = write(tmp_path / "f", {"a.png": PNG, "locked/b.png": PNG})
    outside = write(tmp_path / "outside", {"o.png": PNG})
    (folder / "link.png").symlink_to(outside / "o.png")
    (folder / "broken.png").symlink_to("nowhere.png")
    (folder / "loop.png").symlink_to("loop.png")
    (folder / "round").symlink_to(folder)
    (folder / "elsewhere").symlink_to(outside)
    os.mkfifo(folder / "pipe.png")
    scandir = os.scandir

    def refusing(path):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    assert taken(open_images(str(folder))) == ["a.png", "link.png"]
    (record,) = caplog.records
    for words in ("2 broken links", "2 links to folders", "1 no regular files", "cannot be read: Permission denied"):
        assert words in record.getMessage()


def test_a_socket_or_pipe_that_is_named_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with socket.socket(socket.AF_UNIX) as there:
        there.bind(str(tmp_path / "s.png"))
        for name in ("pipe.png", "s.png"):
            with pytest.raises(UserError, match=name):
                open_images(str(tmp_path / name))


def test_names_that_are_no_utf_8(tmp_path):
    folder = write(tmp_path / "f", {os.fsdecode(b"\xff\xfe.png"): PNG, os.fsdecode(b"\xfe\xff.png"): PNG})
    source = open_images(str(folder))
    assert len(source) == 2 and len(source.digest()) == 64 and "�" in source.relative_name(0)
    assert len({source.place(index) for index in range(2)}) == 2


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"images/a.jpg": JPEG, "masks/a.png": MASK, "alphas/a.png": MASK, "cutouts/a.png": PNG,
          "metadata.parquet": b"PAR1"},
         ["images/a.jpg"]),
        ({"data/a.jpg": JPEG, "labels/a.png": MASK}, ["data/a.jpg"]),
        ({"JPEGImages/a.jpg": JPEG, "SegmentationClass/a.png": MASK, "ImageSets/Segmentation/t.txt": b"a"},
         ["JPEGImages/a.jpg"]),
        ({"images/train/a.jpg": JPEG, "labels/train/a.txt": b"0", "data.yaml": b"nc: 1"}, ["images/train/a.jpg"]),
        ({"train/images/a.jpg": JPEG, "train/masks/a.png": MASK, "val/images/b.jpg": JPEG, "val/masks/b.png": MASK},
         ["train/images/a.jpg", "val/images/b.jpg"]),
        ({"annotations/instances_train.json": b"{}", "train/a.jpg": JPEG}, ["train/a.jpg"]),
        ({"a.jpg": JPEG, "a.mask.png": MASK, "a.alpha.png": MASK, "a.foreground.jpg": JPEG, "a.background.jpg": JPEG,
          "a.cutout.png": PNG, "a.json": b"{}"}, ["a.jpg"]),
        ({"a.jpg": JPEG, "a_mask.png": MASK, "b-mask.jpg": JPEG}, ["a.jpg", "b-mask.jpg"]),
        ({"masks/a.png": PNG}, ["masks/a.png"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["folder", "tar", "zip"])
def test_labels_beside_pictures_are_never_taken(tmp_path, files, expected, kind):
    if kind == "folder":
        assert taken(open_images(str(write(tmp_path / "f", files)))) == expected
    else:
        write_archive(tmp_path / f"x.{kind}", files)
        assert taken(open_images(str(tmp_path / f"x.{kind}"))) == [f"x.{kind}/{name}" for name in expected]


def test_what_is_not_of_a_data_set_of_ours_is_told(tmp_path, caplog):
    l4f.generate(GenerateSettings(generator="vessels64", n=1), tmp_path)
    caplog.clear()
    assert taken(open_images(str(tmp_path))) == ["00000.tar/000000000.jpg"] and not caplog.records
    write(tmp_path, {"sheet.png": PNG, "notes.txt": b"x", "below/dataset.json": b"{}"})
    assert taken(open_images(str(tmp_path))) == ["00000.tar/000000000.jpg"]
    (record,) = caplog.records
    assert "2 files of other kinds" in (said := record.getMessage()) and "1 pictures (sheet.png)" in said


def test_several_pictures_of_a_key_in_an_archive(tmp_path):
    write_tar(
        tmp_path / "a.tar", {"0.jpg": JPEG, "0.thumb.jpg": JPEG, "1.left.png": PNG, "1.right.png": PNG, "0.cls": b"3"}
    )
    assert taken(open_images(str(tmp_path))) == ["a.tar/0.jpg", "a.tar/1.left.png", "a.tar/1.right.png"]


def test_members_that_are_links_are_told(tmp_path, caplog):
    import tarfile

    write_tar(tmp_path / "a.tar", {"a.png": PNG})
    with tarfile.open(tmp_path / "a.tar", "a") as archive:
        link = tarfile.TarInfo("b.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    assert len(open_images(str(tmp_path))) == 1 and "1 links (b.png)" in caplog.text


def test_only_what_is_not_read_is_named(tmp_path):
    write(tmp_path, {"a.heic": b"x", "b.heic": b"x", ".c.png": PNG})
    with pytest.raises(UserError, match=r"no image was found .left out: .*\.heic 2.*; convert what is there"):
        open_images(str(tmp_path))
