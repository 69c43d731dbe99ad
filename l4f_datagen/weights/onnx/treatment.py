"""What an ONNX model wants done to its input, and what of its answer is foreground.

A flag says it, or the file's own metadata, or nobody: then a common value is taken, and that is told, since a wrong
normalisation costs some hundredths of mIoU without any other sign.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ...documents import Unreadable, read_json
from ...errors import UserError
from ...settings.evaluate import SegmentingSettings
from ...short import short
from . import writing

MEAN, STD, THRESHOLD, FOREGROUND = "mean", "std", "threshold", "foreground"
"""Keys of the metadata that are read. Numbers are separated by commas, or a JSON list."""
IMAGENET = {MEAN: (0.485, 0.456, 0.406), STD: (0.229, 0.224, 0.225)}
"""Mean and deviation of ImageNet's pixels in [0, 1], with which most segmenters were trained."""
PLAIN = {MEAN: (0.0, 0.0, 0.0), STD: (1.0, 1.0, 1.0)}
"""Values in [0, 1] as they are: detectors normalise them themselves."""
HALF = 0.5
_ALTERNATIVES = {MEAN: "image_mean", STD: "image_std"}
_BYTES = 2.0
"""A mean or deviation above this is of values from 0 to 255, not from 0 to 1."""


@dataclass(frozen=True, kw_only=True)
class Treatment:
    """How a model is asked."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    """The input is (image − mean) / std, of an RGB image in [0, 1]."""
    threshold: float
    """Value of a single channel in [0, 1] from which a pixel is foreground."""
    threshold_given: bool
    """Whether a flag gave the threshold: a model of several channels has no use for one."""
    foreground: tuple[int, ...]
    """Classes that are foreground; none: all but 0."""
    notes: tuple[str, ...]
    """What was taken and who said so, one sentence each."""


def treatment(
    name: str,
    metadata: Mapping[str, str],
    settings: SegmentingSettings,
    *,
    normalised: bool,
    detector: bool = False,
) -> Treatment:
    """How the model ``name`` with this metadata is asked.

    Args:
        normalised: whether its input can be normalised; one of integers cannot.
        detector: whether it is a detector, which takes plain values unless somebody says otherwise.

    Raises:
        UserError: the metadata hold something else than numbers, and no flag takes their place; or a flag normalises
            an input of integers.
    """
    known = _of_ours(metadata)
    flags = {MEAN: settings.onnx_mean, STD: settings.onnx_std}
    values, sources = dict(PLAIN if detector else IMAGENET), {}
    nobody = "as detectors take them" if detector else None
    if normalised:
        told = {key: _triple(name, key, known) for key, flag in flags.items() if flag is None}
        values |= {key: value for key, value in told.items() if value is not None}
        if any(value > _BYTES for triple in told.values() if triple for value in triple):
            values |= {key: tuple(v / 255 for v in triple) for key, triple in told.items() if triple}
        values |= {key: flag for key, flag in flags.items() if flag is not None}
        sources = {
            key: f"--onnx-{key}" if flag is not None else "the file's metadata" if told[key] else nobody
            for key, flag in flags.items()
        }
    elif given := [f"--onnx-{key}" for key, flag in flags.items() if flag is not None]:
        raise UserError(
            name, got=" and ".join(given), expected="neither: its input is of integers, as images are stored",
            remedy="leave them out",
        )  # fmt: skip
    threshold = settings.reference_threshold
    return Treatment(
        mean=values[MEAN],
        std=values[STD],
        threshold=_threshold(name, known) if threshold is None else threshold,
        threshold_given=threshold is not None,
        foreground=settings.foreground_classes or _classes(name, known),
        notes=_notes(name, values, sources),
    )


def _of_ours(metadata: Mapping[str, str]) -> Mapping[str, str]:
    """Metadata, completed where an older file of this package says the same in words."""
    if metadata.get("format") != writing.FORMAT:
        return metadata
    return {MEAN: "0.5", STD: "0.5"} | dict(metadata)


def _notes(name: str, values: Mapping[str, tuple[float, ...]], sources: Mapping[str, str | None]) -> tuple[str, ...]:
    if not sources:
        return ()
    said = {key: f"{key} {_text(values[key])}" for key in sources}
    parts = [f"{said[key]} ({source or 'ImageNet: a guess'})" for key, source in sources.items()]
    notes = [f"{name}: input in [0, 1], less {parts[0]}, over {parts[1]}."]
    if missing := [key for key, source in sources.items() if source is None]:
        flags = " and ".join(f"--onnx-{key}" for key in missing)
        notes.append(
            f"{name} does not say by which {' and '.join(missing)} its input is normalised: if the figures look poor, "
            f"give {flags} (mean 0,0,0 and std 1,1,1 for plain values in [0, 1]), or write {' and '.join(missing)} "
            "into the file's metadata."
        )
    return tuple(notes)


def _triple(name: str, key: str, metadata: Mapping[str, str]) -> tuple[float, ...] | None:
    """Three numbers of the metadata, one standing for all three; None where there are none."""
    text = metadata.get(key, metadata.get(_ALTERNATIVES[key]))
    if text is None:
        return None
    numbers = _numbers(text)
    if len(numbers) == 1:
        numbers *= 3
    if len(numbers) != 3 or (key == STD and min(numbers) <= 0):
        kind = "three numbers above 0" if key == STD else "three numbers"
        raise _unusable(name, key, text, f"{kind}, one for each of red, green and blue", f"--onnx-{key}")
    return tuple(numbers)


def _threshold(name: str, metadata: Mapping[str, str]) -> float:
    if (text := metadata.get(THRESHOLD)) is None:
        return HALF
    numbers = _numbers(text)
    if len(numbers) != 1 or not 0 < numbers[0] <= 1:
        raise _unusable(name, THRESHOLD, text, "a number above 0, at most 1", "--reference-threshold")
    return numbers[0]


def _classes(name: str, metadata: Mapping[str, str]) -> tuple[int, ...]:
    """The foreground's classes that a file of this package names; in other files the key may mean anything."""
    text = metadata.get(FOREGROUND) if metadata.get("format") == writing.FORMAT else None
    if text is None:
        return ()
    numbers = _numbers(text)
    if not numbers or any(n != int(n) or not 0 <= n <= 254 for n in numbers):
        raise _unusable(name, FOREGROUND, text, "class indices", "--foreground-classes")
    return tuple(int(n) for n in numbers)


def _numbers(text: str) -> list[float]:
    """Finite numbers of "1, 2" or "[1, 2]"; none where it is something else."""
    try:
        listed = text if text.lstrip().startswith("[") else f"[{text}]"
        numbers = [float(number) for number in read_json(listed.encode(), "metadata", kind=list)]
    except (Unreadable, ValueError, TypeError, OverflowError):
        return []
    return numbers if all(map(math.isfinite, numbers)) else []


def _unusable(name: str, key: str, text: str, expected: str, flag: str) -> UserError:
    return UserError(
        name, got=f"{short(text, 60, quotes=True)} as {key} in its metadata", expected=expected,
        remedy=f"give {flag}, which goes before the metadata",
    )  # fmt: skip


def _text(numbers: tuple[float, ...]) -> str:
    return ",".join(f"{n:.4g}" for n in numbers)
