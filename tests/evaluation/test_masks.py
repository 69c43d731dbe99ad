import cv2
import numpy as np
import pytest
from PIL import Image

from l4f_datagen.cli import main
from l4f_datagen.errors import UserError
from l4f_datagen.evaluation import masks
from l4f_datagen.evaluation.compare import evaluate_masks
from l4f_datagen.evaluation.labelled import open_labelled, open_masks
from l4f_datagen.evaluation.masks import Reading
from l4f_datagen.settings import EvaluateMasksSettings

MASK = np.array([[0, 0, 1, 1], [0, 1, 1, 0], [0, 0, 1, 0]], np.uint8)


def save(path, array, mode):
    """A mask of 0 and 1 as a picture that shows it black and white, or as indices."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if mode == "P":
        picture = Image.fromarray(array)
        picture.putpalette([255] * 3 + [0] * 765)  # what it looks like does not matter
    elif mode == "1":
        picture = Image.fromarray(array * 255).convert("1")
    elif mode == "index":
        picture = Image.fromarray(array)
    else:
        picture = Image.fromarray(array * 255).convert(mode)
    picture.save(path)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P", "1", "index"])
def test_every_mode_gives_the_same_mask(tmp_path, mode):
    save(tmp_path / "a.png", MASK, mode)
    np.testing.assert_array_equal(open_masks(str(tmp_path), Reading()).mask("a"), MASK)


def test_a_soft_edge_is_cut_at_half(tmp_path):
    Image.fromarray(np.array([[0, 38, 127, 128, 255]], np.uint8)).save(tmp_path / "a.png")
    assert open_masks(str(tmp_path), Reading()).mask("a").tolist() == [[0, 0, 0, 1, 1]]


def test_the_whole_folder_tells_indices_from_black_and_white(tmp_path):
    """An empty mask with an ignored band has the values of a black and white one."""
    band = np.zeros((3, 4), np.uint8)
    band[0] = 255
    Image.fromarray(band).save(tmp_path / "a.png")
    assert open_masks(str(tmp_path), Reading()).mask("a")[0].tolist() == [1] * 4
    save(tmp_path / "b.png", MASK, "index")
    assert open_masks(str(tmp_path), Reading()).mask("a")[0].tolist() == [255] * 4
    assert open_masks(str(tmp_path), Reading(values="grey")).mask("a")[0].tolist() == [1] * 4


def test_more_classes_need_the_foreground_to_be_named(tmp_path):
    indices = np.array([[0, 15, 3, 255]], np.uint8)
    picture = Image.fromarray(indices)
    picture.putpalette([0] * 768)
    picture.save(tmp_path / "a.png")
    with pytest.raises(UserError, match="classes 0, 3, 15.*--foreground-classes"):
        open_masks(str(tmp_path), Reading()).mask("a")
    assert open_masks(str(tmp_path), Reading(classes=(15, 3))).mask("a").tolist() == [[0, 1, 1, 255]]


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        (Image.new("RGB", (4, 3), (200, 10, 10)), "colours"),
        (Image.new("RGBA", (4, 3), (255, 255, 255, 0)), "transparency"),
        (Image.fromarray(np.full((3, 4), 7, np.uint8)), "grey values up to 7"),
        (Image.fromarray(np.full((3, 4), 700, np.uint16)), "mode I;16"),
    ],
    ids=["colours", "transparency", "many classes", "16 bits"],
)
def test_pictures_that_are_no_masks(tmp_path, picture, words):
    picture.save(tmp_path / "a.png")
    with pytest.raises(UserError, match=words):
        open_masks(str(tmp_path), Reading()).mask("a")


def test_classes_are_named_for_each_side(tmp_path):
    save(tmp_path / "p" / "a.png", MASK, "P")
    save(tmp_path / "t" / "a.png", 7 * MASK, "P")
    pair = str(tmp_path / "p"), str(tmp_path / "t")
    with pytest.raises(UserError, match="classes 0, 7.*--truth-classes"):
        evaluate_masks(*pair, EvaluateMasksSettings())
    assert evaluate_masks(*pair, EvaluateMasksSettings(truth_classes="7")).rows[0].values["miou"] == 1


def test_a_broken_file_is_named(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"a\.png: got no readable picture"):
        open_masks(str(tmp_path), Reading())


def two_folders(tmp_path, predictions, truths):
    for folder, names in (("p", predictions), ("t", truths)):
        for name in names:
            save(tmp_path / folder / f"{name}.png", MASK, "L")
    return str(tmp_path / "p"), str(tmp_path / "t")


def test_unmatched_masks_are_named_and_left_out_only_when_asked(tmp_path):
    pair = two_folders(tmp_path, ["a", "b", "x"], ["a", "b", "sub/c"])
    with pytest.raises(UserError, match="1 of .*t without a prediction .sub/c.*1 of .*p without a truth .x"):
        evaluate_masks(*pair, EvaluateMasksSettings())
    report = evaluate_masks(*pair, EvaluateMasksSettings(allow_missing=True))
    assert report.rows[0].images == 2 and report.rows[0].values["miou"] == 1
    assert any("sub/c" in note for note in report.notes) and any("(x)" in note for note in report.notes)


def test_nothing_in_common_is_an_error_whatever_is_allowed(tmp_path):
    pair = two_folders(tmp_path, ["a"], ["b"])
    with pytest.raises(UserError, match="0 pairs"):
        evaluate_masks(*pair, EvaluateMasksSettings(allow_missing=True))


def test_two_files_of_one_name(tmp_path):
    save(tmp_path / "a.png", MASK, "L")
    save(tmp_path / "a.bmp", MASK, "L")
    with pytest.raises(UserError, match="two files of one name"):
        open_masks(str(tmp_path), Reading())


def test_another_size_is_refused_or_resized(tmp_path):
    save(tmp_path / "t" / "a.png", MASK, "L")
    save(tmp_path / "p" / "a.png", np.repeat(np.repeat(MASK, 2, 0), 2, 1), "L")
    pair = str(tmp_path / "p"), str(tmp_path / "t")
    with pytest.raises(UserError, match="8×6 pixels.*4×3.*--resize"):
        evaluate_masks(*pair, EvaluateMasksSettings())
    assert evaluate_masks(*pair, EvaluateMasksSettings(resize=True)).rows[0].values["accuracy"] == 1


def test_empty_masks_are_told(tmp_path):
    save(tmp_path / "p" / "a.png", MASK * 0, "L")
    save(tmp_path / "t" / "a.png", MASK * 0, "L")
    report = evaluate_masks(str(tmp_path / "p"), str(tmp_path / "t"), EvaluateMasksSettings())
    assert report.rows[0].values["iou_foreground"] is None
    assert {note for note in report.notes if note.startswith("Without foreground")} == {
        "Without foreground: 1 predictions (a).",
        "Without foreground: 1 truths (a).",
    }


def test_a_prediction_must_decide(tmp_path):
    save(tmp_path / "t" / "a.png", MASK, "index")
    save(tmp_path / "p" / "a.png", np.where(MASK == 1, 1, 255).astype(np.uint8), "index")
    with pytest.raises(UserError, match="255 .ignored"):
        evaluate_masks(str(tmp_path / "p"), str(tmp_path / "t"), EvaluateMasksSettings())


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dataset") / "shards"
    words = ["render", "vessels", "--n", "7", "--size", "16", "--split", "test", "--samples-per-shard", "3"]
    assert main([*words, "--image-format", "png", "--out", str(folder)]) == 0
    return folder


def test_a_data_set_against_its_unpacked_masks(dataset, tmp_path):
    opened = open_masks(str(dataset), Reading())
    assert len(opened.keys) == 7
    for key in opened.keys:
        Image.fromarray(opened.mask(key) * 255).save(tmp_path / f"{key}.mask.png")
        Image.fromarray(opened.image(key)).save(tmp_path / f"{key}.png")
    report = evaluate_masks(str(tmp_path), str(dataset), EvaluateMasksSettings())
    assert report.rows[0].images == 7 and report.rows[0].values["miou"] == 1


def test_labelled_images_from_everywhere_are_the_same(dataset, tmp_path):
    world = open_labelled("world:vessels", None, Reading(), size=16, n=7)
    shards = open_labelled(str(dataset), None, Reading(), size=16, n=None)
    for key in world.keys:
        (tmp_path / "i").mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / "i" / f"{key}.png"), world.image(key)[..., ::-1])
        save(tmp_path / "m" / f"{key}.png", world.mask(key), "P")
    folders = open_labelled(str(tmp_path / "i"), str(tmp_path / "m"), Reading(), size=16, n=None)
    assert list(folders.keys) == list(world.keys)
    for key, other in zip(world.keys, shards.keys, strict=True):
        np.testing.assert_array_equal(world.image(key), folders.image(key))
        np.testing.assert_array_equal(world.mask(key), folders.mask(key))
        np.testing.assert_array_equal(world.image(key), shards.image(other))
        np.testing.assert_array_equal(world.mask(key), shards.mask(other))


def test_images_and_masks_that_do_not_belong_together(tmp_path):
    images, truths = two_folders(tmp_path, ["a", "b"], ["a", "c"])
    with pytest.raises(UserError, match=r"1 images without a mask \(b\) and 1 masks without an image \(c\)"):
        open_labelled(images, truths, Reading(), size=16, n=None)
    with pytest.raises(UserError, match="leave --masks out"):
        open_labelled("world:vessels", truths, Reading(), size=16, n=None)
    with pytest.raises(UserError, match="--masks"):
        open_labelled(images, None, Reading(), size=16, n=None)


@pytest.mark.parametrize("path", ["nowhere", "empty", "file.png"])
def test_places_without_masks(tmp_path, path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.png").write_bytes(b"")
    with pytest.raises(UserError, match=path):
        open_masks(str(tmp_path / path), Reading())


def test_resizing_is_by_nearest_centre():
    big = np.repeat(np.repeat(MASK, 3, 0), 3, 1)
    np.testing.assert_array_equal(masks.fit(big, MASK, resize=True, name="a"), MASK)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ffhq", (0.978, 0.952, 0.965, 0.982, 0.985, 0.979, 0.985)),
        ("lsun-cat", (0.961, 0.950, 0.955, 0.977, 0.978, 0.977, 0.978)),
    ],
)
def test_table_3_of_the_paper(shared, name, expected):
    """The authors' predictions against their hand-labelled masks; white is the object."""
    folder = shared / "table3" / name
    report = evaluate_masks(str(folder / "prediction"), str(folder / "mask"), EvaluateMasksSettings(resamples=100))
    (row,) = report.rows
    assert row.images == 10
    assert list(row.values.values()) == pytest.approx(expected, abs=1e-3)
    low, high = row.intervals["miou"]
    assert low < row.values["miou"] < high < low + 0.05
