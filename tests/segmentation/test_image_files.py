import csv
import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import l4f_datagen as l4f
from l4f_datagen.errors import UserError
from l4f_datagen.networks.segmenters.unet import UNet
from l4f_datagen.segmentation.image_files import find_items, segment_files
from l4f_datagen.segmentation.result_index import ResultIndex, check_names
from l4f_datagen.segmentation.results import overlay
from l4f_datagen.settings import SegmentSettings
from l4f_datagen.weights import native
from tests.photographs.archives import write_archive


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory) -> str:
    """A network whose foreground is what is red: its scores look at one channel."""
    network = UNet(depth=1, width=4, size=32).eval()
    for parameter in network.parameters():
        parameter.data.zero_()
    first, second = network.down[0][0], network.down[0][3]
    last, again = network.up[0][0], network.up[0][3]
    # Red as it is in one channel, turned round in another: nothing else passes.
    for conv in (first, second, last, again):
        conv.weight.data[0, 0, 1, 1], conv.weight.data[1, 1 if conv is not first else 0, 1, 1] = 1, 1
    first.weight.data[1, 0, 1, 1] = -1
    for block in (network.down[0], network.up[0]):
        for norm in (block[1], block[4]):
            norm.weight.data.fill_(1)
    network.scores.weight.data[1, 0], network.scores.weight.data[0, 1] = 50, 50
    folder = tmp_path_factory.mktemp("segmenter")
    native.save(folder, segmenter=network)
    return str(folder)


def picture(width=40, height=32) -> np.ndarray:
    """The left third is red."""
    image = np.zeros((height, width, 3), np.uint8)
    image[:, : width // 3, 0] = 255
    return image


def save(path: Path, image: np.ndarray, **options) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path, **options)


def table(out: Path) -> list[dict[str, str]]:
    with (out / "index.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def mask_of(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        assert image.mode == "L"
        return np.array(image)


def test_folders_files_and_patterns_keep_their_subfolders(tmp_path, segmenter):
    for name in ("a/ä b.png", "a/b/c.png", "d.png", "e1.png", "e2.png", "notes.txt"):
        save(tmp_path / "in" / name, picture()) if name.endswith("png") else (tmp_path / "in" / name).write_text("x")
    found = [str(tmp_path / "in" / "a"), str(tmp_path / "in" / "d.png"), str(tmp_path / "in" / "e*.png")]
    told = []
    settings = SegmentSettings(segmenter=segmenter, device="cpu", batch_size=2)
    result = segment_files(settings, found, tmp_path / "out", report=lambda *where: told.append(where))
    assert result.done == 5 and result.broken == () and told[-1] == (5, 5)
    written = sorted(p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*.png"))
    assert written == ["b/c.png", "d.png", "e1.png", "e2.png", "ä b.png"]
    for name in written:
        assert np.array_equal(mask_of(tmp_path / "out" / name), (picture()[..., 0] > 0).astype(np.uint8))


def test_everything_that_can_be_written(tmp_path, segmenter):
    save(tmp_path / "x.png", picture())
    asked = {"alpha": True, "cutout": True, "overlay": True, "classes": True}
    segment_files(
        SegmentSettings(segmenter=segmenter, device="cpu", **asked), [str(tmp_path / "x.png")], tmp_path / "o"
    )
    names = {p.name for p in (tmp_path / "o").iterdir()}
    assert names == {"x.png", "x.alpha.png", "x.cutout.png", "x.overlay.jpg", "x.classes.png", "index.csv"}
    mask, alpha = mask_of(tmp_path / "o" / "x.png"), np.array(Image.open(tmp_path / "o" / "x.alpha.png"))
    assert np.array_equal(alpha, 255 * mask)
    cutout = np.array(Image.open(tmp_path / "o" / "x.cutout.png"))
    assert np.array_equal(cutout[..., :3][mask == 1], picture()[mask == 1]) and np.array_equal(cutout[..., 3], alpha)
    assert np.array_equal(np.array(Image.open(tmp_path / "o" / "x.classes.png")), mask)
    assert Image.open(tmp_path / "o" / "x.overlay.jpg").size == (40, 32)


def test_an_overlay_changes_the_foreground_alone():
    image, mask = picture(), np.zeros((32, 40), np.uint8)
    mask[8:20, 8:20] = 1
    drawn = overlay(image, mask)
    assert np.array_equal(drawn[mask == 0], image[mask == 0]) and (drawn[mask == 1] != image[mask == 1]).any(1).all()


@pytest.mark.parametrize(("values", "mode", "white"), [("01", "L", 1), ("0255", "L", 255), ("palette", "P", 1)])
def test_masks_hold_what_is_asked_for(values, mode, white, tmp_path, segmenter):
    save(tmp_path / "a.png", picture())
    settings = SegmentSettings(segmenter=segmenter, device="cpu", mask_values=values)
    segment_files(settings, [str(tmp_path / "a.png")], tmp_path / "o")
    with Image.open(tmp_path / "o" / "a.png") as image:
        assert image.mode == mode and set(np.unique(np.asarray(image))) == {0, white}


def test_orientation_is_honoured(tmp_path, segmenter):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter: what is stored on the left is shown at the top
    save(tmp_path / "turned.png", picture(), exif=exif)
    segment_files(SegmentSettings(segmenter=segmenter, device="cpu"), [str(tmp_path / "turned.png")], tmp_path / "o")
    mask = mask_of(tmp_path / "o" / "turned.png")
    assert mask.shape == (40, 32) and mask[: 40 // 3].all() and not mask[40 // 3 + 1 :].any()


@pytest.mark.parametrize("way", [{}, {"size": 64}, {"tile": 16}, {"tile": 16, "overlap": 0.5, "batch_size": 3}])
def test_sizes_and_tiles(tmp_path, segmenter, way):
    sizes = [(40, 32), (40, 32), (33, 71), (150, 20), (7, 5)]
    for number, (width, height) in enumerate(sizes):
        save(tmp_path / "in" / f"{number}.png", picture(width, height))
    segment_files(SegmentSettings(segmenter=segmenter, device="cpu", **way), [str(tmp_path / "in")], tmp_path / "o")
    for number, (width, height) in enumerate(sizes):
        mask = mask_of(tmp_path / "o" / f"{number}.png")
        truth = picture(width, height)[..., 0] > 0
        assert mask.shape == (height, width) and (mask != truth).mean() < 0.08


def test_a_broken_image_is_left_out_and_named(tmp_path, segmenter, caplog):
    save(tmp_path / "in" / "a.png", picture())
    buffer = io.BytesIO()
    Image.fromarray(picture()).save(buffer, "PNG")
    (tmp_path / "in" / "b.png").write_bytes(buffer.getvalue()[:60])
    (tmp_path / "in" / "c.jpg").write_text("no image")
    result = segment_files(SegmentSettings(segmenter=segmenter, device="cpu"), [str(tmp_path / "in")], tmp_path / "o")
    assert result.done == 1 and [Path(p).name for p in result.broken] == ["b.png", "c.jpg"]
    assert {p.name for p in (tmp_path / "o").iterdir()} == {"a.png", "index.csv"}
    assert "b.png: left out" in caplog.text and "c.jpg: left out (no image of a known kind)" in caplog.text
    reasons = [(Path(row["input"]).name, row["mask"], row["reason"]) for row in table(tmp_path / "o")]
    assert reasons[0] == ("a.png", "a.png", "") and reasons[2] == ("c.jpg", "", "no image of a known kind")
    assert reasons[1][:2] == ("b.png", "") and reasons[1][2]


@pytest.mark.parametrize(
    ("keys", "clash"),
    [
        (["x", "a/x", "y.alpha", "z"], None),
        (["x", "x"], "x.png"),
        (["x", "y", "X"], "X.png"),
        (["y.alpha", "y"], "y.alpha.png"),
    ],
)
def test_names_that_would_clash(keys, clash):
    images = [(f"in/{number}.jpg", key) for number, key in enumerate(keys)]
    if clash is None:
        check_names(images, ["png", "alpha.png"])
        return
    with pytest.raises(UserError, match=f"results would both be called {clash}; .*--names full"):
        check_names(images, ["png", "alpha.png"])


def test_a_name_depends_on_the_image_alone(tmp_path, segmenter):
    settings = SegmentSettings(segmenter=segmenter, device="cpu")
    for name in ("a.png", "b/a.jpg", "b/a.b.png", "no extension"):
        save(tmp_path / "in" / name, picture(), format="PNG")
    segment_files(settings, [str(tmp_path / "in")], tmp_path / "all")
    together = {row["input"]: row["mask"] for row in table(tmp_path / "all")}
    assert sorted(together.values()) == ["a.png", "b/a.b.png", "b/a.png", "no extension.png"]
    for number, name in enumerate(("a.png", "no extension")):
        segment_files(settings, [str(tmp_path / "in" / name)], tmp_path / str(number))
        (row,) = table(tmp_path / str(number))
        assert row["mask"] == together[row["input"]]
    save(tmp_path / "in" / "a.jpg", picture())
    with pytest.raises(UserError, match=r"a\.jpg and .*a\.png, whose results would both be called a\.png"):
        segment_files(settings, [str(tmp_path / "in")], tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_full_names_tell_images_apart_that_differ_in_extension_or_folder(tmp_path, segmenter, monkeypatch):
    """``--names full``: the path as it was named; adding an image changes no other's name."""
    monkeypatch.chdir(tmp_path)
    for name in ("one/a.jpg", "one/a.png", "one/deep/a.jpg", "two/a.jpg"):
        save(tmp_path / name, picture())
    settings = SegmentSettings(segmenter=segmenter, device="cpu", names="full")
    assert segment_files(settings, ["one/a.jpg"], "alone").done == 1
    assert segment_files(settings, ["one", "two/a.jpg", "two/../one/deep"], "out").done == 4
    found = {p.relative_to("out").as_posix() for p in Path("out").rglob("*.png")}
    assert {p.relative_to("alone").as_posix() for p in Path("alone").rglob("*.png")} == {"one/a.jpg.png"} <= found
    assert found == {"one/a.jpg.png", "one/a.png.png", "one/deep/a.jpg.png", "two/a.jpg.png"}
    outside = [str(tmp_path / "two" / "a.jpg"), "../" + str((tmp_path / "one" / "a.png").relative_to(tmp_path.parent))]
    assert segment_files(settings, outside, "absolute").done == 2
    inside = {p.resolve().is_relative_to(tmp_path / "absolute") for p in Path("absolute").rglob("*.png")}
    assert inside == {True} and len(list(Path("absolute").rglob("*.png"))) == 2


def test_again_into_the_same_folder(tmp_path, segmenter, caplog):
    settings = SegmentSettings(segmenter=segmenter, device="cpu", alpha=True)
    for name in ("in/a.png", "in/b.png", "other/b.png", "other/c.png"):
        save(tmp_path / name, picture())
    out = tmp_path / "in" / "masks"  # below the images
    assert segment_files(settings, [str(tmp_path / "in")], out).done == 2
    first = (out / "index.csv").read_bytes()
    assert segment_files(settings, [str(tmp_path / "in")], out).done == 2
    assert (out / "index.csv").read_bytes() == first and "2 results of an earlier run" in caplog.text
    segment_files(settings, [str(tmp_path / "other")], out)
    rows = {row["mask"]: Path(row["input"]).parent.name for row in table(out)}
    assert rows == {"a.png": "in", "b.png": "other", "c.png": "other"}
    assert "results of 1 other images were replaced" in caplog.text


def test_beside_the_images_results_are_known_again(tmp_path, segmenter):
    settings = SegmentSettings(segmenter=segmenter, device="cpu")
    save(tmp_path / "a.jpg", picture())
    for _ in range(2):
        assert segment_files(settings, [str(tmp_path)], tmp_path).done == 1
    assert [row["mask"] for row in table(tmp_path)] == ["a.png"]


def test_an_index_of_somebody_elses_stays(tmp_path, segmenter):
    save(tmp_path / "a.png", picture())
    for content in (b"name,value\n1,2\n", b"\xff\xfe\0", b"", b'"'):
        (tmp_path / "o").mkdir(exist_ok=True)
        (tmp_path / "o" / "index.csv").write_bytes(content)
        with pytest.raises(UserError, match=r"index\.csv: got a file that segment did not write"):
            segment_files(SegmentSettings(segmenter=segmenter), [str(tmp_path / "a.png")], tmp_path / "o")
        assert (tmp_path / "o" / "index.csv").read_bytes() == content


def test_an_index_holds_any_name(tmp_path):
    index, names = ResultIndex(), ["a,b.png", 'q"uote.png', "line\nbreak.png", os.fsdecode(b"\xff\xfe.png"), "ü.png"]
    for name in names:
        index.add(f"in/{name}", {"png": name})
    index.write(tmp_path, ResultIndex())
    assert sorted(ResultIndex.read(tmp_path).files()) == sorted(names)


@pytest.mark.parametrize("kind", ["tar", "zip", "parquet"])
def test_images_of_archives_stay_inside_the_output_folder(tmp_path, segmenter, kind):
    content = io.BytesIO()
    Image.fromarray(picture()).save(content, "PNG")
    names = ["../../evil.png", "/abs/olute.png", "d/./x.png"]
    place = tmp_path / "in" / f"set.{kind}"
    write_archive(place, {name: content.getvalue() for name in names})
    result = segment_files(SegmentSettings(segmenter=segmenter, device="cpu"), [str(place)], tmp_path / "o" / "p")
    assert result.done == 3
    written = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.png"))
    if kind == "parquet":
        assert written == [f"o/p/set/{row:09d}.png" for row in range(3)]
    else:
        assert written == [f"o/p/set/{name}.png" for name in ("_/_/evil", "abs/olute", "d/x")]


def test_a_name_that_is_too_long_for_its_results_is_told(tmp_path, segmenter):
    save(tmp_path / "in" / "a.png", picture())
    save(tmp_path / "in" / f"{'x' * 245}.png", picture())
    result = segment_files(SegmentSettings(segmenter=segmenter, device="cpu"), [str(tmp_path / "in")], tmp_path / "o")
    assert result.done == 1 and len(result.broken) == 1
    assert "too long" in table(tmp_path / "o")[1]["reason"]


def test_an_image_that_is_named_twice_is_done_once(tmp_path):
    save(tmp_path / "a.png", picture())
    named = [str(tmp_path), str(tmp_path / "a.png"), str(tmp_path / "*.png"), f"{tmp_path}/../{tmp_path.name}/a.png"]
    assert len(find_items(named, tmp_path / "o", ResultIndex())) == 1


def test_originals_are_never_replaced(tmp_path, segmenter):
    save(tmp_path / "a.png", picture())
    with pytest.raises(UserError, match=r"a\.png would replace an image"):
        segment_files(SegmentSettings(segmenter=segmenter), [str(tmp_path)], tmp_path)
    assert np.array_equal(np.array(Image.open(tmp_path / "a.png")), picture())


@pytest.mark.parametrize(
    ("change", "images", "said"),
    [
        ({}, ["nowhere.jpg"], "nowhere.jpg, which is not there"),
        ({}, ["empty"], "which holds no image"),
        ({"segmenter": ""}, ["a.png"], "segmenter: got none"),
        ({"segmenter": "nowhere"}, ["a.png"], "nowhere, which does not exist"),
        ({"foreground": (5,)}, ["a.png"], "some of the 2 classes"),
    ],
)
def test_mistakes_are_told_before_anything_is_written(tmp_path, segmenter, monkeypatch, change, images, said):
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "a.png", picture())
    (tmp_path / "empty").mkdir()
    settings = SegmentSettings(**{"segmenter": segmenter, "device": "cpu", **change})
    with pytest.raises(UserError, match=said):
        segment_files(settings, images, "out")
    assert not (tmp_path / "out").exists()


def test_other_classes_are_the_foreground_when_asked(tmp_path, segmenter):
    save(tmp_path / "a.png", picture())
    settings = SegmentSettings(segmenter=segmenter, device="cpu", foreground="0")
    segment_files(settings, [str(tmp_path / "a.png")], tmp_path / "o")
    assert np.array_equal(mask_of(tmp_path / "o" / "a.png"), (picture()[..., 0] == 0).astype(np.uint8))
    assert l4f.load_segmenter(segmenter).foreground == (1,)
