"""Which mask values are foreground: found where it is clear, asked for where it is not."""

import numpy as np
import pytest
from PIL import Image

import l4f_datagen as l4f
from l4f_datagen.photographs.picture.decoding import Broken
from l4f_datagen.samples.masks.classes import Classes, parse
from l4f_datagen.samples.masks.file import MaskFile, read_mask_file
from l4f_datagen.samples.masks.found import Found
from l4f_datagen.samples.masks.meaning import Meaning
from l4f_datagen.samples.reading import Reading

TRUTH = np.zeros((6, 8), np.uint8)
TRUTH[1:4, 2:5] = 1


def grey(values) -> MaskFile:
    return MaskFile(values=np.asarray(values, np.int32), kind="grey")


def meaning(*masks, given=None, **reading) -> Meaning:
    found = Found()
    for mask in masks:
        found.add(mask if isinstance(mask, MaskFile) else grey(mask))
    foreground = None if given is None else tuple(given)
    return found.meaning("masks", Reading(foreground=foreground, **reading))[0]


def with_palette(indices: np.ndarray, *colours: tuple[int, int, int]) -> Image.Image:
    image = Image.fromarray(indices)
    image.putpalette([channel for colour in colours for channel in colour])
    return image


FILES = {
    "0 and 1": Image.fromarray(TRUTH),
    "0 and 255": Image.fromarray(255 * TRUTH),
    "one bit": Image.fromarray(255 * TRUTH).convert("1"),
    "grey as RGB": Image.fromarray(np.repeat(255 * TRUTH[..., None], 3, 2)),
    "one colour": Image.fromarray(TRUTH[..., None] * np.array([200, 0, 30], np.uint8)),
    "palette": with_palette(TRUTH, (0, 0, 0), (128, 0, 0)),
    "class 15 of a palette": with_palette(15 * TRUTH, *[(0, 0, 0)] * 15, (9, 9, 9)),
    "palette from white to black": with_palette(1 - TRUTH, (255, 255, 255), (0, 0, 0)),
    "16 bits": Image.fromarray(TRUTH.astype(np.uint16) * 300),
}


@pytest.mark.parametrize("name", FILES)
def test_two_values_are_clear(tmp_path, name):
    FILES[name].save(tmp_path / "mask.png")
    file = read_mask_file(tmp_path / "mask.png")
    np.testing.assert_array_equal(meaning(file).mask(file), TRUTH)


@pytest.mark.parametrize("value", [1, 7])
def test_255_besides_another_value_is_ignored(value):
    mask = value * TRUTH.astype(np.int32)
    mask[5] = 255
    expected = TRUTH.copy()
    expected[5] = 255
    np.testing.assert_array_equal(meaning(mask).mask(grey(mask)), expected)
    np.testing.assert_array_equal(meaning(mask, given=[str(value)]).mask(grey(mask)), expected)
    # Each mask for itself is not enough: the band may be in another file.
    found = meaning(value * TRUTH.astype(np.int32), np.full((2, 2), 255))
    assert found.grey == Classes(frozenset({value}), frozenset({255}))
    assert str(found) == f"mask value {value}, 255 ignored"


@pytest.mark.parametrize(
    ("values", "words"),
    [([0, 1, 2], "0, 1, 2"), ([0], "no foreground: .* values 0;.*--allow-empty"), ([255], "255"),
     ([0, 3, 9, 255], "0, 3, 9, 255"), ([0, 128, 255], "0, 128, 255"), ([0, 85, 170, 255], "0, 85, 170, 255"),
     (range(200), "0, 1, 2, 3, 4, 5, 6, 7 and 192 more.*--alphas.*--values grey")],
)  # fmt: skip
def test_what_is_not_clear_is_asked(values, words):
    with pytest.raises(l4f.UserError, match=f"{words}.*"):
        meaning(np.array([values]))
    if 3 in values and len(values) == 4:
        mask = np.array([values])
        assert meaning(mask, given=["3", "9"]).mask(grey(mask)).tolist() == [[0, 1, 1, 255]]
        assert meaning(mask, given=["9"]).mask(grey(mask)).tolist() == [[0, 0, 1, 255]]


def test_all_foreground_is_clear_for_1_alone():
    assert meaning(np.array([[1, 1]])).grey.foreground == {1}


def test_values_that_do_not_occur_and_words():
    with pytest.raises(l4f.UserError, match="got 4, which no mask holds; expected values that occur: 0, 1"):
        meaning(TRUTH.astype(int), given=["1", "4"])
    for text in ("dog", "#12", "-1", "#gggggg"):
        with pytest.raises(l4f.UserError, match="expected numbers, or colours"):
            parse(text)
    assert parse("#808080") == 128


def test_colours(tmp_path):
    mask = np.zeros((1, 4, 3), np.uint8)
    mask[0, 1], mask[0, 2], mask[0, 3] = (255, 0, 0), (0, 255, 0), (0, 0, 5)
    Image.fromarray(mask).save(tmp_path / "mask.png")
    file = read_mask_file(tmp_path / "mask.png")
    with pytest.raises(l4f.UserError, match="0, #000005, #00ff00, #ff0000"):
        meaning(file)
    assert meaning(file, given=["#ff0000", "#000005"]).mask(file).tolist() == [[0, 1, 0, 1]]


def test_other_modes_are_no_masks(tmp_path):
    Image.fromarray(TRUTH).convert("RGB").convert("CMYK").save(tmp_path / "mask.tif")
    with pytest.raises(Broken, match="mode CMYK"):
        read_mask_file(tmp_path / "mask.tif")
