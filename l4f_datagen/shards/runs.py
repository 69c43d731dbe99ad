"""Masks as COCO has them: run lengths down the columns, or polygons. Needs the extra ``export``."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import UserError


def encode(region: np.ndarray) -> dict[str, Any]:
    """Area, box (x, y, width, height) and run lengths of a boolean H×W array, as an annotation has them."""
    coco = require_pycocotools()
    runs = coco.encode(np.asfortranarray(region, np.uint8))
    return {
        "area": int(coco.area(runs)),
        "bbox": coco.toBbox(runs).tolist(),
        "segmentation": {"size": list(runs["size"]), "counts": runs["counts"].decode("ascii")},
    }


def decode(segmentation: Mapping[str, Any] | Sequence[Sequence[float]], height: int, width: int) -> np.ndarray:
    """An annotation's ``segmentation`` → boolean H×W: polygons, run lengths as a list, or compressed.

    Raises:
        ValueError: it is none of these, or of another size.
    """
    coco = require_pycocotools()
    try:
        if isinstance(segmentation, Mapping):
            runs = dict(segmentation)
            if isinstance(runs["counts"], list):
                runs = coco.frPyObjects(runs, height, width)
            _check_covered(runs)
            region = coco.decode(runs)
        else:
            # Less than three points enclose nothing; pycocotools would take two of them for a box.
            polygons = [polygon for polygon in segmentation if len(polygon) >= 6]
            if not polygons:
                return np.zeros((height, width), bool)
            region = coco.decode(coco.merge(coco.frPyObjects(polygons, height, width)))
    except Exception as error:  # pycocotools raises these
        raise ValueError(f"a segmentation that is neither polygons nor run lengths ({error})") from error
    if region.shape != (height, width):
        raise ValueError(f"a mask of {region.shape[1]}×{region.shape[0]} pixels; the image has {width}×{height}")
    return region.astype(bool)


def _check_covered(runs: Mapping[str, Any]) -> None:
    """Raise ValueError unless compressed run lengths cover the mask: pycocotools would not notice."""
    counts = runs["counts"].encode("ascii") if isinstance(runs["counts"], str) else runs["counts"]
    lengths, value, shift = [], 0, 0
    for byte in counts:  # six bits each: five of the number, lowest first, and whether more follow
        byte -= 48
        value |= (byte & 31) << shift
        shift += 5
        if not byte & 32:
            if byte & 16:
                value |= -1 << shift
            # From the third on it is the difference to the length before the last.
            lengths.append(value + lengths[-2] if len(lengths) > 2 else value)
            value = shift = 0
    height, width = runs["size"]
    if sum(lengths) != height * width or min(lengths) < 0:
        raise ValueError(f"run lengths that cover {sum(lengths)} of {height * width} pixels")


def require_pycocotools() -> Any:
    """The module ``pycocotools.mask``.

    Raises:
        UserError: it is not installed.
    """
    try:
        import pycocotools.mask
    except ImportError as error:
        raise UserError(
            "coco", got="no pycocotools", expected="the extra `export`", remedy="pip install 'l4f-datagen[export]'"
        ) from error
    return pycocotools.mask
