import cv2
import numpy as np
import pytest
from PIL import Image

from l4f_datagen.cli import main
from l4f_datagen.errors import UserError
from l4f_datagen.evaluation.compare import evaluate_masks
from l4f_datagen.evaluation.matching import fit
from l4f_datagen.evaluation.segmenter import open_truth
from l4f_datagen.samples.opening import open_masks
from l4f_datagen.samples.reading import Reading
from l4f_datagen.settings import EvaluateMasksSettings, EvaluateSegmenterSettings

MASK = np.array([[0, 0, 1, 1], [0, 1, 1, 0], [0, 0, 1, 0]], np.uint8)


def mask_of(folder, key="a", **reading) -> np.ndarray:
    opened = open_masks(str(folder), Reading(**{"flag": "--foreground-classes", **reading}))
    return opened.mask(opened.number(key))


def labelled(images, masks=None, **settings):
    return open_truth(EvaluateSegmenterSettings(images=str(images), masks=masks and str(masks), **settings))


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
    np.testing.assert_array_equal(mask_of(tmp_path), MASK)


def test_a_soft_edge_is_cut_at_half(tmp_path):
    Image.fromarray(np.array([[0, 38, 127, 128, 255]], np.uint8)).save(tmp_path / "a.png")
    assert mask_of(tmp_path).tolist() == [[0, 0, 0, 1, 1]]


def test_the_whole_folder_tells_indices_from_black_and_white(tmp_path):
    """An empty mask with an ignored band has the values of a black and white one."""
    band = np.zeros((3, 4), np.uint8)
    band[0] = 255
    Image.fromarray(band).save(tmp_path / "a.png")
    assert mask_of(tmp_path)[0].tolist() == [1] * 4
    save(tmp_path / "b.png", MASK, "index")
    assert mask_of(tmp_path)[0].tolist() == [255] * 4
    assert mask_of(tmp_path, values="grey")[0].tolist() == [1] * 4


def test_more_classes_need_the_foreground_to_be_named(tmp_path):
    indices = np.array([[0, 15, 3, 255]], np.uint8)
    picture = Image.fromarray(indices)
    picture.putpalette([0] * 768)
    picture.save(tmp_path / "a.png")
    with pytest.raises(UserError, match="values 0, 3, 15.*--foreground-classes"):
        mask_of(tmp_path)
    assert mask_of(tmp_path, foreground=("15", "3")).tolist() == [[0, 1, 1, 255]]


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        (Image.fromarray(np.array([[[0, 0, 0], [200, 10, 10], [9, 90, 9]]], np.uint8)), "values 0, #095a09, #c80a0a"),
        (Image.fromarray(np.full((3, 4), 7, np.uint8)), "values 7"),
        (Image.fromarray(np.full((3, 4), 700, np.uint16)), "values 700"),
        (Image.fromarray(np.arange(100, dtype=np.uint8)[None]), "values 0, 1, 2.* and 92 more.*--values grey"),
    ],
    ids=["colours", "another class alone", "16 bits", "many classes"],
)
def test_pictures_that_are_no_masks(tmp_path, picture, words):
    picture.save(tmp_path / "a.png")
    with pytest.raises(UserError, match=words):
        mask_of(tmp_path)


def test_classes_are_named_for_each_side(tmp_path):
    save(tmp_path / "p" / "a.png", MASK, "P")
    save(tmp_path / "t" / "a.png", 7 * MASK + 2 * (np.indices(MASK.shape).sum(0) == 0).astype(np.uint8), "P")
    pair = str(tmp_path / "p"), str(tmp_path / "t")
    with pytest.raises(UserError, match="values 0, 2, 7.*--truth-classes"):
        evaluate_masks(*pair, EvaluateMasksSettings())
    assert evaluate_masks(*pair, EvaluateMasksSettings(truth_classes="7")).rows[0].values["miou"] == 1


def test_a_broken_file_is_named(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"a\.png: got a file that cannot be read"):
        mask_of(tmp_path)


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
        mask_of(tmp_path)


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
    for number, key in enumerate(opened.keys):
        Image.fromarray(opened.mask(number) * 255).save(tmp_path / f"{key}.mask.png")
        Image.fromarray(opened.picture(number).image).save(tmp_path / f"{key}.png")
    report = evaluate_masks(str(tmp_path), str(dataset), EvaluateMasksSettings())
    assert report.rows[0].images == 7 and report.rows[0].values["miou"] == 1


def test_labelled_images_from_everywhere_are_the_same(dataset, tmp_path):
    world = labelled("world:vessels", size=16, n=7)
    shards = labelled(dataset)
    for number, key in enumerate(world.keys):
        (tmp_path / "i").mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / "i" / f"{key}.png"), world.read(number).image[..., ::-1])
        save(tmp_path / "m" / f"{key}.png", world.mask(number), "P")
    folders = labelled(tmp_path / "i", tmp_path / "m")
    assert list(folders.keys) == list(world.keys)
    for number in range(7):
        drawn = world.read(number)
        for other in (folders.read(number), shards.read(number)):
            np.testing.assert_array_equal(drawn.image, other.image)
            np.testing.assert_array_equal(drawn.mask, other.mask)


def test_images_and_masks_that_do_not_belong_together(tmp_path):
    images, truths = two_folders(tmp_path, ["a", "b"], ["a", "c"])
    with pytest.raises(UserError, match=r"1 of 2 images alone \(b\); 1 of 2 masks alone \(c\)"):
        labelled(images, truths)
    with pytest.raises(UserError, match="leave --masks out"):
        labelled("world:vessels", truths)
    with pytest.raises(UserError, match="--masks"):
        labelled(images)


@pytest.mark.parametrize("path", ["nowhere", "empty", "file.png"])
def test_places_without_masks(tmp_path, path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.png").write_bytes(b"")
    with pytest.raises(UserError, match=path):
        open_masks(str(tmp_path / path), Reading())


def test_resizing_is_by_nearest_centre():
    big = np.repeat(np.repeat(MASK, 3, 0), 3, 1)
    np.testing.assert_array_equal(fit(big, MASK, resize=True, name="a"), MASK)


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
