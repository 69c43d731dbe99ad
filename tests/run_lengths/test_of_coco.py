"""Masks of COCO: what the library draws, and what never reaches it."""

import time

import numpy as np
import pytest

from l4f_datagen.run_lengths import of_coco

pytest.importorskip("pycocotools")
HEIGHT, WIDTH = 20, 30
SQUARE = [5, 5, 15, 5, 15, 15, 5, 15]
NAN, INF = float("nan"), float("inf")

BROKEN = {
    "a far polygon": ([[1e9, 5, 15, 5, 15, 15]], "coordinates that no image has"),
    "an infinite polygon": ([[INF, 5, 15, 5, 15, 15]], "coordinates that no image has"),
    "a polygon that is none": ([[NAN, 5, 15, 5, 15, 15]], "coordinates that no image has"),
    "a polygon of huge whole numbers": ([[10**300, 5, 15, 5, 15, 15]], "coordinates that no image has"),
    "a polygon farther than numbers go": ([[10**400, 5, 15, 5, 15, 15]], "coordinates that no image has"),
    "a polygon outside": ([[-500, -500, -400, -500, -400, -400]], "outside of the image"),
    "a polygon farther outside": ([[1e6, 1e6, 2e6, 1e6, 2e6, 2e6]], "outside of the image"),
    "words": ([["a"] * 6], "'a' for a number"),
    "truths": ([[True] * 6], "True for a number"),
    "nothing for a number": ([[None] * 6], "None for a number"),
    "lists in a polygon": ([[[5, 5], [15, 5], [15, 15]]], r"\[5, 5\] for a number"),
    "an odd polygon": ([[5, 5, 15, 5, 15, 15, 5]], "7 numbers, not pairs"),
    "numbers for polygons": (SQUARE, "neither polygons nor run lengths"),
    "text": ("5,5,15,5", "neither polygons nor run lengths"),
    "nothing": (None, "neither polygons nor run lengths"),
    "a mile of outline": ([[0, 0, 29, 19] * 100_000], "outlines of"),
    "many polygons": ([[0, 0, 29, 0, 29, 19, 0, 19]] * 30_000, "outlines of"),
    "no counts": ({"size": [HEIGHT, WIDTH]}, "neither a list nor text"),
    "another size": ({"size": [WIDTH, HEIGHT], "counts": [600]}, "the image has"),
    "a size of text": ({"size": "20", "counts": [600]}, "the image has"),
    "a huge size": ({"size": [10**9, 10**9], "counts": [10**18]}, "the image has"),
    "too few pixels": ({"size": [HEIGHT, WIDTH], "counts": [10, 20]}, "cover 30 of 600"),
    "too many pixels": ({"size": [HEIGHT, WIDTH], "counts": [10, 10**7]}, "cover 10000010 of 600"),
    "as many as come round": ({"size": [HEIGHT, WIDTH], "counts": [2**63, 2**63, 600]}, "no whole numbers of pixels"),
    "more than numbers go": ({"size": [HEIGHT, WIDTH], "counts": [10**400]}, "no whole numbers of pixels"),
    "negative runs": ({"size": [HEIGHT, WIDTH], "counts": [700, -100]}, "cover 600 of 600"),
    "broken runs": ({"size": [HEIGHT, WIDTH], "counts": [0.5, 599.5]}, "no whole numbers"),
    "runs that are none": ({"size": [HEIGHT, WIDTH], "counts": [NAN]}, "no whole numbers"),
    "runs of text": ({"size": [HEIGHT, WIDTH], "counts": ["600"]}, "no numbers"),
    "no runs": ({"size": [HEIGHT, WIDTH], "counts": []}, "cover 0 of 600"),
    "no letters": ({"size": [HEIGHT, WIDTH], "counts": ""}, "cover 0 of 600"),
    "letters of nothing": ({"size": [HEIGHT, WIDTH], "counts": "\x00\x01"}, "damaged"),
    "letters beyond": ({"size": [HEIGHT, WIDTH], "counts": "üü"}, "no ASCII"),
    "a number without an end": ({"size": [HEIGHT, WIDTH], "counts": "o" * 100_000}, "damaged"),
    "a number cut short": ({"size": [HEIGHT, WIDTH], "counts": "hbo"}, "a run of|cut short"),
    "a huge run": ({"size": [HEIGHT, WIDTH], "counts": "oooooo0"}, "a run of"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_no_mask_is_told_and_not_drawn(case):
    segmentation, words = BROKEN[case]
    started = time.process_time()
    with pytest.raises(ValueError, match=words) as refused:
        of_coco.decode(segmentation, HEIGHT, WIDTH)
    assert time.process_time() - started < 10 and len(str(refused.value)) < 300


@pytest.mark.parametrize("size", [(0, 5), (-3, 5), (10**6, 10**6), (2**40, 1)])
def test_sizes_that_no_image_has(size):
    with pytest.raises(ValueError, match="an image of"):
        of_coco.decode([SQUARE], *size)


@pytest.mark.parametrize(
    "polygon",
    [
        SQUARE, [-8, -6, 12, -6, 12, 9, -8, 9], [0, 0, 30, 0, 30, 20, 0, 20], [25.5, 3.25, 45, 8, 28.1, 19.9],
        [2, 2, 28, 4, 9, 9, 27, 18, 3, 17],
    ],
)  # fmt: skip
def test_polygons_are_drawn_as_the_library_draws_them(polygon):
    import pycocotools.mask as coco

    expected = coco.decode(coco.merge(coco.frPyObjects([polygon], HEIGHT, WIDTH))).astype(bool)
    np.testing.assert_array_equal(of_coco.decode([polygon], HEIGHT, WIDTH), expected)
    assert expected.any()


def test_far_corners_are_clipped_not_moved():
    beyond = [-4000, -3000, 4030, -3000, 4030, 10, -4000, 10]
    np.testing.assert_array_equal(
        of_coco.decode([beyond], HEIGHT, WIDTH),
        of_coco.decode([[-9, -9, 39, -9, 39, 10, -9, 10]], HEIGHT, WIDTH),
    )
    wedge = of_coco.decode([[0, 10, 1e6, 10 - 1e6 / 3, 1e6, 10 + 1e6 / 3]], HEIGHT, WIDTH)
    near = of_coco.decode([[0, 10, 60, -10, 60, 30]], HEIGHT, WIDTH)
    assert (wedge & near).sum() / (wedge | near).sum() > 0.97


def test_run_lengths_come_back():
    import pycocotools.mask as coco

    numbers = np.random.default_rng(0)
    for share in (0, 0.01, 0.5, 1):
        region = numbers.random((HEIGHT, WIDTH)) < share
        segmentation = of_coco.encode(region)["segmentation"]
        np.testing.assert_array_equal(of_coco.decode(segmentation, HEIGHT, WIDTH), region)
        np.testing.assert_array_equal(coco.decode(segmentation).astype(bool), region)
        flat = region.T.ravel().astype(int)
        edges = np.flatnonzero(np.diff(flat, prepend=0))
        counts = np.diff(np.concatenate([[0], edges, [flat.size]])).tolist()
        np.testing.assert_array_equal(
            of_coco.decode({"size": [HEIGHT, WIDTH], "counts": counts}, HEIGHT, WIDTH), region
        )
        np.testing.assert_array_equal(of_coco.decode({"counts": counts}, HEIGHT, WIDTH), region)
