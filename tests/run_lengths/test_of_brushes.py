"""Label Studio's brushes: read by its own documented rules, written so that these read them."""

import numpy as np
import pytest

from l4f_datagen.run_lengths import in_boxes, of_brushes

SMALL = np.array([[0, 1, 1], [1, 0, 0]], bool)


def by_the_book(numbers: list[int]) -> np.ndarray:
    """The published decoding, bit by bit."""
    bits = "".join(f"{number:08b}" for number in numbers)
    place = 0

    def take(count: int) -> int:
        nonlocal place
        place += count
        return int(bits[place - count : place], 2)

    count, word = take(32), take(5) + 1
    sizes = [take(4) + 1 for _ in range(4)]
    out: list[int] = []
    while len(out) < count:
        run = take(1)
        length = take(sizes[take(2)]) + 1
        out += [take(word)] * length if run else [take(word) for _ in range(length)]
    return np.array(out, np.uint8)


def packed(*fields: tuple[int, int]) -> list[int]:
    """Numbers of so many bits each → bytes."""
    text = "".join(f"{value:0{bits}b}" for value, bits in fields)
    text += "0" * (-len(text) % 8)
    return list(int(text, 2).to_bytes(len(text) // 8))


def head(values: int, *, word: int = 8) -> list[tuple[int, int]]:
    return [(values, 32), (word - 1, 5), (2, 4), (3, 4), (7, 4), (15, 4)]


@pytest.mark.parametrize("share", [0, 0.02, 0.5, 0.98, 1])
def test_what_is_written_is_read_by_the_book_and_by_us(share):
    rng = np.random.default_rng(int(100 * share))
    for _ in range(6):
        region = rng.random(rng.integers(1, 40, 2)) < share
        numbers = of_brushes.encode(region)
        assert all(type(number) is int and 0 <= number < 256 for number in numbers)
        pixels = by_the_book(numbers).reshape(*region.shape, 4)
        np.testing.assert_array_equal(pixels, np.repeat(255 * region[..., None], 4, axis=2))
        np.testing.assert_array_equal(of_brushes.decode(numbers, *region.shape), region)


def test_runs_of_more_pixels_than_a_length_holds():
    region = np.zeros((300, 320), bool)
    region[1:299, 1:-1] = True
    region[:20] = False
    np.testing.assert_array_equal(of_brushes.decode(of_brushes.encode(region), 300, 320), region)


def test_bytes_of_its_converter():
    """Made by label-studio-converter 0.0.59, whose last byte holds no bit of the mask."""
    theirs = [0, 0, 0, 24, 57, 27, 252, 96, 22, 255, 231, 0, 0]
    np.testing.assert_array_equal(of_brushes.decode(theirs, 2, 3), SMALL)
    assert of_brushes.encode(SMALL) == theirs[:-1]
    # Two pixels, (1, 2, 3, 0) and (255, 48, 49, 255): values one by one.
    theirs = [0, 0, 0, 8, 57, 27, 248, 0, 32, 1, 0, 6, 0, 0, 31, 224, 24, 0, 98, 7, 248]
    assert of_brushes.decode(theirs, 1, 2).tolist() == [[False, True]]


@pytest.mark.parametrize("gap", [0, 3])
def test_single_values_in_one_block(gap):
    """As browsers write them; the block begins at any bit."""
    values = [9, 9, 9, 0, 255, 1, 2, 200, 0, 0, 0, 127]
    begin = [(1, 1), (0, 2), (0, 3), (9, 8)] if gap else []
    rest = values[1:] if gap else values
    blocks = [*begin, (0, 1), (1, 2), (len(rest) - 1, 4), *((value, 8) for value in rest)]
    numbers = packed(*head(len(values)), *blocks)
    assert by_the_book(numbers).tolist() == values
    assert of_brushes.decode(numbers, 1, 3).tolist() == [[False, True, False]]


BROKEN = {
    "no bytes": ([1, 2, 300], "no bytes"),
    "text": ("AAAA", "no bytes"),
    "truths": ([True] * 20, "no bytes"),
    "nothing": ([], "cut short"),
    "cut short": (of_brushes.encode(SMALL)[:-2], "cut short"),
    "another size": (of_brushes.encode(SMALL[:, :2]), "the image has 6 pixels"),
    "wide values": (packed(*head(24, word=16), (1, 1)), "24 values of 16 bits"),
    "a run beyond the image": (packed(*head(24), (1, 1), (3, 2), (999, 16), (0, 8)), "beyond the image"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_told(name):
    numbers, words = BROKEN[name]
    with pytest.raises(ValueError, match=words):
        of_brushes.decode(numbers, 2, 3)


def test_within_a_box():
    region = in_boxes.decode([1, 2, 3], (1, 0, 3, 2), 3, 5)
    assert region.astype(int).tolist() == [[0, 0, 1, 1, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]]
    np.testing.assert_array_equal(in_boxes.decode([0, 6], (0, 0, 3, 2), 2, 3), np.ones((2, 3), bool))


@pytest.mark.parametrize(
    ("lengths", "box", "words"),
    [([1, 2], (0, 0, 2, 2), "cover 3 of 4"), ([5, -1], (0, 0, 2, 2), "cover 4 of 4"), ([4], (2, 0, 2, 2), "at 2, 0"),
     ([4], (-1, 0, 2, 2), "at -1, 0"), ([0], (0, 0, 0, 2), "0×2")],
)  # fmt: skip
def test_boxes_and_runs_that_do_not_fit(lengths, box, words):
    with pytest.raises(ValueError, match=words):
        in_boxes.decode(lengths, box, 3, 3)
