"""``dataset.json``, its own checksum right again in most cases."""

import random
from collections.abc import Mapping

from l4f_datagen.making.render import render
from l4f_datagen.shards.format import layout

from . import datasets
from .mutations import json_mutated

TOKENS = (b"[" * 3000, b'{"a":' * 3000, b"1e400", b"NaN", b"9" * 5000, b"null", b"true", b'"', b"\\ud800", b",", b"}")
IN_SUITE = 60
BYTES = 0.25


def seeds() -> Mapping[str, bytes]:
    """That of a rendered data set."""
    return {layout.DATASET: (datasets.made() / layout.DATASET).read_bytes()}


def mutated(content: bytes, numbers: random.Random) -> bytes:
    """A field changed."""
    return json_mutated(content, numbers)


def read(content: bytes) -> None:
    """As readers, ``verify`` and a run that continues do."""
    place = datasets.with_file(layout.DATASET, content, resealed=True)
    datasets.verify_all(place)
    datasets.read_all(place)
    render(datasets.SETTINGS, place)
