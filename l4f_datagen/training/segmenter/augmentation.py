"""Random changes of an image and its truth, in step; all drawn from one generator."""

import math
from dataclasses import replace

import cv2
import numpy as np

from ...masks import MaskLaw, make_mask
from ...samples.sample import Labelled
from ...settings import TrainSegmenterSettings

_LUMINANCE = np.full((3, 3), 1 / 3, np.float32)


def augment(labelled: Labelled, size: int, settings: TrainSegmenterSettings, rng: np.random.Generator) -> Labelled:
    """A size×size crop, mirrored, scaled, moved, recoloured, blurred and compressed by chance.

    Every draw happens whatever the settings, so that one setting does not change what another one draws.
    """
    flip, zoom, across, down, blurred, compressed, scaled = rng.random(7)
    shifts, colours, deviation, quality = rng.uniform(-1, 1, 2), rng.uniform(-1, 1, 6), rng.random(), rng.random()
    scale = (1 + settings.scale) ** (2 * zoom - 1) if scaled < settings.scaled else 1.0
    moved = settings.crop * size * shifts
    changed = _placed(labelled, size, scale, (across, down), moved, flip < settings.flip)
    image = changed.image
    if settings.colour > 0:
        image = _recoloured(image, settings.colour * colours)
    if blurred < settings.blur:
        image = cv2.GaussianBlur(image, (0, 0), 0.3 + 0.7 * deviation)
    if compressed < settings.jpeg:
        image = _compressed(image, round(30 + 65 * quality))
    return replace(changed, image=image)


def centre_crop(labelled: Labelled, size: int) -> Labelled:
    """The size×size pixels in the middle."""
    return _placed(labelled, size, 1.0, (0.5, 0.5), np.zeros(2), False)


def with_shorter_side(labelled: Labelled, size: int) -> Labelled:
    """Resized so that the shorter side has ``size`` pixels; a law makes its mask anew, others keep their classes."""
    height, width = labelled.mask.shape
    scale = size / min(height, width)
    if scale == 1:
        return labelled
    target = (max(size, round(width * scale)), max(size, round(height * scale)))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    image = cv2.resize(labelled.image, target, interpolation=way if scale < 1 else cv2.INTER_CUBIC)
    alpha = cv2.resize(labelled.alpha, target, interpolation=way)
    if labelled.law is None:
        mask = cv2.resize(labelled.mask, target, interpolation=cv2.INTER_NEAREST_EXACT)
    else:
        mask = make_mask(alpha, labelled.law)
    return replace(labelled, image=image, alpha=alpha, mask=mask)


def _placed(
    labelled: Labelled, size: int, scale: float, place: tuple[float, float], moved: np.ndarray, flip: bool
) -> Labelled:
    """One affine map for image and truth; beyond the border they are mirrored alike.

    ``place``: where the crop lies in what is left of the image, 0 to 1, across and down; ``moved`` in its pixels.
    """
    height, width = labelled.mask.shape
    left, top = (place[0] * (width - size), place[1] * (height - size))
    if scale == 1:
        left, top, moved = round(left), round(top), np.rint(moved)  # whole pixels need no interpolation
    if scale == 1 and not moved.any() and min(height, width) >= size:
        rows, columns = slice(top, top + size), slice(left, left + size)
        step = -1 if flip else 1
        cropped = {
            name: np.ascontiguousarray(getattr(labelled, name)[rows, columns][:, ::step])
            for name in ("image", "alpha", "mask")
        }
        return replace(labelled, **cropped)
    # A pixel (x, y) of the crop comes from centre + ((x, y) − middle) / scale, its x mirrored for a flip.
    middle = (size - 1) / 2
    centre = np.array([left, top]) + middle + moved
    along = -1 / scale if flip else 1 / scale
    matrix = np.array(
        [[along, 0, centre[0] - along * middle], [0, 1 / scale, centre[1] - middle / scale]], dtype=np.float64
    )

    def warp(array: np.ndarray, way: int) -> np.ndarray:
        flags = way | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(array, matrix, (size, size), flags=flags, borderMode=cv2.BORDER_REFLECT)

    image, alpha = warp(labelled.image, cv2.INTER_LINEAR), warp(labelled.alpha, cv2.INTER_LINEAR)
    if labelled.law is None or scale == 1:  # whole pixels keep their class
        mask = warp(labelled.mask, cv2.INTER_NEAREST)
    elif labelled.law.local:
        mask = make_mask(alpha, labelled.law)
    else:
        mask = _scaled_mask(labelled.alpha, labelled.law, size, scale, centre)
        mask = np.ascontiguousarray(mask[:, ::-1]) if flip else mask
    return replace(labelled, image=image, alpha=alpha, mask=mask)


def _scaled_mask(alpha: np.ndarray, law: MaskLaw, size: int, scale: float, centre: np.ndarray) -> np.ndarray:
    """The size×size crop around ``centre`` of the mask that a law makes of the whole scaled alpha.

    What is one component, or enclosed, shows in the whole alone: neither in a crop nor in its mirrored border.
    """
    origins = centre - (size - 1) / 2 / scale  # of the crop's first pixel, in the image: across, down
    places, firsts, lengths = [], [], []
    for origin, length in zip(origins, alpha.shape[::-1], strict=True):
        first, last = math.ceil((-0.5 - origin) * scale), math.floor((length - 0.5 - origin) * scale)
        where = np.mod(origin + np.arange(size) / scale + 0.5, 2 * length)
        where = np.minimum(where, 2 * length - where) - 0.5
        places.append(np.clip(np.rint((where - origin) * scale), first, last).astype(int) - first)
        firsts.append(first)
        lengths.append(last - first + 1)
    matrix = np.array([[1 / scale, 0, 0], [0, 1 / scale, 0]], dtype=np.float64)
    matrix[:, 2] = origins + np.array(firsts) / scale
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    whole = cv2.warpAffine(alpha, matrix, tuple(lengths), flags=flags, borderMode=cv2.BORDER_REFLECT)
    return make_mask(whole, law)[np.ix_(places[1], places[0])]


def _compressed(image: np.ndarray, quality: int) -> np.ndarray:
    """What a JPEG of this quality, 0 to 100, leaves of an image."""
    _, content = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(content, cv2.IMREAD_COLOR)
    assert decoded is not None
    return cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)


def _recoloured(image: np.ndarray, amounts: np.ndarray) -> np.ndarray:
    """One affine map of RGB: saturation, tint (three channels), contrast around grey, brightness."""
    saturation, contrast, brightness = (math.exp(a) for a in amounts[:3])
    tint = np.exp(amounts[3:] / 2).astype(np.float32)
    matrix = tint[:, None] * (saturation * np.eye(3, dtype=np.float32) + (1 - saturation) * _LUMINANCE)
    matrix *= contrast * brightness
    offset = np.full((3, 1), 127.5 * (1 - contrast) * brightness, np.float32)
    return cv2.transform(image, np.hstack([matrix, offset]))
