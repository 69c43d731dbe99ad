import contextlib
import io
import os
import struct
import subprocess
import sys
import threading
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from l4f_datagen.errors import UserError
from l4f_datagen.photographs.picture import ends, limits, rgb
from l4f_datagen.photographs.picture.decoding import Broken, decode, head, opened

from .pictures import ALPHA, COLOURS, GREY, REFUSED, WHOLE, encoded, tiff

pytestmark = pytest.mark.filterwarnings("ignore:::PIL")  # as the package has it, which pytest forgets


@pytest.mark.parametrize("name", WHOLE)
def test_every_kind_of_picture_shows_what_it_shows(name):
    content, shown = WHOLE[name]
    found = decode(content)
    assert found.image.dtype == np.uint8 and found.image.shape == shown.shape
    assert np.abs(found.image.astype(int) - shown).max() <= found.transparent
    assert head(content).size == shown.shape[1::-1] == found.head.size


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_picture_is_refused_by_name(name):
    content, words = REFUSED[name]
    with pytest.raises(Broken) as caught:
        decode(content)
    assert words in str(caught.value) and "\n" not in str(caught.value) and len(str(caught.value)) < 300


def test_8_bit_pictures_are_what_pillow_makes_of_them():
    for name in ("png", "jpeg", "progressive jpeg", "grey jpeg", "cmyk jpeg", "mpo", "indexed png", "grey gif", "bmp"):
        content = WHOLE[name][0]
        with Image.open(io.BytesIO(content)) as image:
            expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
        assert np.array_equal(decode(content).image, expected), name


def test_a_lab_tiff_has_its_colours():
    from PIL import ImageCms

    image = Image.new("RGB", (8, 8), (200, 60, 30))
    lab = ImageCms.applyTransform(
        image,
        ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"),
    )
    assert np.abs(decode(encoded(lab, "TIFF")).image.astype(int) - (200, 60, 30)).max() <= 3


def test_what_is_left_or_changed_is_said():
    several = {name for name, (content, _) in WHOLE.items() if decode(content).head.several}
    transparent = {name for name, (content, _) in WHOLE.items() if decode(content).transparent}
    deep = {name for name, (content, _) in WHOLE.items() if head(content).deep}
    assert deep and all("16-bit" in name and "png" in name for name in deep)
    assert several == {"animated png", "animated webp", "animated gif", "tiff of two pages"}
    assert transparent == {
        "rgba png", "rgba webp", "rgba tiff", "la png", "16-bit rgba png", "16-bit la png",
        "indexed png, one colour transparent", "rgb png, one colour transparent",
        "16-bit grey png, one grey transparent",
    }  # fmt: skip


def test_a_head_says_how_it_is_stored():
    for name in ("png turned 6", "webp turned 6", "tiff turned 6", "tiff turned 8", "png turned 5"):
        found = head(WHOLE[name][0])
        assert found.turned and found.stored == found.size[::-1] == COLOURS.shape[:2]
    assert not head(WHOLE["jpeg"][0]).turned


def test_strips_of_large_pictures_are_no_different(monkeypatch):
    expected = {name: decode(content) for name, (content, _) in WHOLE.items()}
    monkeypatch.setattr(rgb, "_STRIP_PIXELS", 50)
    for name, (content, _) in WHOLE.items():
        found = decode(content)
        assert np.array_equal(found.image, expected[name].image), name
        assert found.transparent == expected[name].transparent


@pytest.mark.parametrize(
    "name",
    [
        "jpeg",
        "progressive jpeg",
        "png",
        "webp",
        "lossy webp",
        "bmp",
        "tiff",
        "deflated tiff",
        "grey gif",
        "jpeg in tiff",
    ],
)
def test_a_picture_that_is_cut_short_is_broken_or_whole(name):
    content, _ = WHOLE[name]
    expected = decode(content).image
    for length in range(len(content)):
        with contextlib.suppress(Broken):
            assert np.array_equal(decode(content[:length]).image, expected), length


@pytest.mark.parametrize(
    "error",
    [struct.error("x"), TypeError("x"), RuntimeError("x"), MemoryError(), OverflowError("x"), RecursionError("x"),
     EOFError(), KeyError("x"), AssertionError(), SyntaxError("x"), AttributeError("x"), UserWarning("x"),
     Image.DecompressionBombWarning("x"), ZeroDivisionError("x")],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
def test_whatever_a_decoder_raises_is_a_broken_picture(error, monkeypatch):
    def fail(self):
        raise error

    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", fail)
    with pytest.raises(Broken, match=r"^a\.png: .*\S"), opened(WHOLE["png"][0], "a.png"):
        pass


def test_errors_of_the_program_pass():
    for error in (UserError("x", got=1, expected="2", remedy="3"), KeyboardInterrupt(), Broken("mine")):
        with pytest.raises(type(error)), opened(WHOLE["png"][0]):
            raise error


def test_files_by_path(tmp_path):
    path = tmp_path / "ü.anything"
    path.write_bytes(WHOLE["png"][0])
    assert np.array_equal(decode(path).image, COLOURS)
    os.mkfifo(tmp_path / "pipe.png")
    for name, words in (("missing.png", "No such file"), ("pipe.png", "no regular file"), (".", "directory")):
        with pytest.raises(Broken, match=words):
            decode(tmp_path / name)


def test_the_limit_is_a_setting_of_the_environment(monkeypatch):
    content = WHOLE["png"][0]
    for named, words in (("191", "16×12 pixels; expected at most 191"), ("1", "at most 1")):
        monkeypatch.setenv(limits.VARIABLE, named)
        with pytest.raises(Broken, match=words):
            head(content)
    monkeypatch.setenv(limits.VARIABLE, "192")
    assert np.array_equal(decode(content).image, COLOURS)
    for wrong in ("many", "-5", "0", "1e9", "9" * 5000):
        monkeypatch.setenv(limits.VARIABLE, wrong)
        with pytest.raises(UserError, match=limits.VARIABLE):
            decode(content)


def test_more_pixels_than_pillow_allows_may_be_allowed(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)
    monkeypatch.setenv(limits.VARIABLE, "1000")
    assert np.array_equal(decode(WHOLE["webp"][0]).image, COLOURS)


def test_a_large_png_with_exif_is_refused_before_it_is_decoded():
    width, height, tag = struct.pack(">I", 13000), struct.pack(">I", 13000), b"eXIf"
    head_of_it = b"IHDR" + width + height + b"\x08\0\0\0\0"
    content = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head_of_it + struct.pack(">I", zlib.crc32(head_of_it))
    with pytest.raises(Broken, match="13000×13000 pixels"):
        head(content + struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT")) + tag)


def test_a_large_file_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setenv(limits.VARIABLE, str(1 << 20))
    with open(tmp_path / "large.png", "wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(Broken, match="1048576 MiB; expected at most 4"):
        decode(tmp_path / "large.png")


def test_large_jpegs_are_read_reduced_where_that_is_enough(monkeypatch):
    content = encoded(np.zeros((400, 600, 3), np.uint8), "JPEG")
    monkeypatch.setenv(limits.VARIABLE, str(400 * 600 - 1))
    with pytest.raises(Broken):
        decode(content)
    assert decode(content, least=100).image.shape == (100, 150, 3)
    monkeypatch.setenv(limits.VARIABLE, str(400 * 600))
    assert decode(content, least=100).image.shape == (400, 600, 3)


def test_a_jpeg_of_scans_without_end_is_broken(monkeypatch):
    monkeypatch.setattr(ends, "_SCANS_PIXELS", 5 * 16 * 12)
    assert decode(WHOLE["jpeg"][0]).format == "jpg"
    with pytest.raises(Broken, match="scans"):
        decode(WHOLE["progressive jpeg"][0])


def test_no_other_program_is_started(monkeypatch):
    monkeypatch.setattr(subprocess, "Popen", lambda *args, **kwargs: pytest.fail("a program was started"))
    for content in (*(content for content, _ in REFUSED.values()), *(content for content, _ in WHOLE.values())):
        with contextlib.suppress(Broken):
            decode(content)


def test_nothing_is_written_on_the_terminal_and_warnings_are_no_errors():
    program = """
import sys
from tests.photographs.pictures import REFUSED, WHOLE, encoded, COLOURS
from l4f_datagen.photographs.picture.decoding import Broken, decode
lzw = encoded(COLOURS, "TIFF", compression="tiff_lzw")
damaged = [lzw[:20] + bytes([n]) * 40 + lzw[60:] for n in (0, 90, 255)]
odd = encoded(COLOURS, "JPEG", exif=b"Exif\\0\\0II*\\0\\x08\\0\\0\\0\\xff\\xff" + bytes(30))
assert decode(odd).image.shape == COLOURS.shape
for content in [*damaged, *(c for c, _ in REFUSED.values())]:
    try:
        decode(content)
    except Broken:
        pass
for content, _ in WHOLE.values():
    decode(content)
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_threads_read_at_once():
    found = []

    def read():
        found.extend(np.array_equal(decode(WHOLE[name][0]).image, COLOURS) for name in ("png", "tiff", "webp") * 20)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 240 and all(found)


def test_transparency_shows_white():
    image = Image.fromarray(np.dstack([COLOURS, ALPHA]))
    found = decode(encoded(image)).image
    assert (found[ALPHA == 0] == 255).all() and np.array_equal(found[ALPHA == 255], COLOURS[ALPHA == 255])


def test_a_tiff_of_16_bits_and_8_show_the_same():
    assert np.array_equal(decode(tiff(GREY[..., None])).image, decode(WHOLE["16-bit grey tiff"][0]).image)
