"""Images are read while a segmenter looks at those before them: in their order, and not without bounds."""

from types import SimpleNamespace

import numpy as np
import pytest

from l4f_datagen.errors import UserError
from l4f_datagen.evaluation.segmenter import batches
from tests.processes import until

WIDER = 13


class Stored:
    """Labelled images, wider ones from a number on; the one of number ``broken`` cannot be read."""

    def __init__(self, broken: int | None = None):
        self.keys, self.begun, self.broken = [str(index) for index in range(20)], [], broken

    def number(self, key: str) -> int:
        return int(key)

    def read(self, index: int) -> SimpleNamespace:
        self.begun.append(index)
        if index == self.broken:
            raise UserError("image", got="nothing", expected="a picture", remedy="mend it")
        shape = (2, 3 if index >= WIDER else 2)
        return SimpleNamespace(image=np.full((*shape, 3), index, np.uint8), mask=np.full(shape, index % 2, np.uint8))


def test_the_next_batch_is_read_in_the_meantime():
    stored = Stored()
    made = batches(stored, stored.keys, 4)
    first = next(made)
    until(lambda: len(stored.begun) >= 8)  # nobody has asked for the second one
    assert len(stored.begun) <= 10
    found = [first, *made]
    assert [len(names) for names, _, _ in found] == [4, 4, 4, 1, 4, 3]
    assert [name for names, _, _ in found for name in names] == stored.keys
    for names, images, masks in found:
        assert [int(image[0, 0, 0]) for image in images] == [int(name) for name in names]
        assert [int(mask[0, 0]) for mask in masks] == [int(name) % 2 for name in names]


def test_batches_before_a_broken_image_are_given_first():
    made = batches(Stored(broken=9), Stored().keys, 4)
    assert [len(next(made)[0]) for _ in range(2)] == [4, 4]
    with pytest.raises(UserError, match="mend it"):
        next(made)
