"""Which sample goes to train, val or test."""

import hashlib
from collections.abc import Sequence
from itertools import accumulate

NAMES = ("train", "val", "test")


def image_set(key: str, shares: Sequence[float]) -> str:
    """Where the sample ``key`` goes, given the shares of train, val and, if there are three, test.

    The SHA-256 of the key decides, so that a sample stays where it is when the data set grows; the
    shares are met on average.
    """
    place = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]) / 2**64
    bounds = list(accumulate(shares))[:-1]
    return NAMES[sum(place >= bound for bound in bounds)]
