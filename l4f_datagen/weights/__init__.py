"""Checkpoint files ↔ networks. The only code that opens a checkpoint; none of a file's content is ever executed."""

from .load import (
    BACKGROUND,
    FINAL,
    load_alpha,
    load_generator,
    load_segmenter,
    locate,
    read_alpha,
    read_background,
    read_encoder,
    read_generator,
    read_pair,
    read_segmenter,
    result_of,
)

__all__ = [
    "BACKGROUND",
    "FINAL",
    "load_alpha",
    "load_generator",
    "load_segmenter",
    "locate",
    "read_alpha",
    "read_background",
    "read_encoder",
    "read_generator",
    "read_pair",
    "read_segmenter",
    "result_of",
]
