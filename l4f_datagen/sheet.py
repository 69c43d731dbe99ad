"""Contact sheets: samples side by side, for people to look at."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from .errors import UserError
from .masks import IGNORED
from .sample import Sample
from .storage import atomic
from .storage.opening import local_place

ROWS = ("composite", "alpha", "mask", "outline")
_GAP, _MARGIN, _LINE, _ROOM_BEFORE = 4, 84, 16, 6
_FONT, _SCALE = cv2.FONT_HERSHEY_SIMPLEX, 0.42
_WIDEST = "0" * 9
"""A key: other values that are written under pictures are no wider."""
_PAPER, _INK, _OUTLINE, _AROUND = (255, 255, 255), (60, 60, 60), (255, 0, 120), (128, 128, 128)


def contact_sheet(
    samples: Iterable[Sample], *, columns: int = 8, tile: int = 128, told: Sequence[str] = ()
) -> np.ndarray:
    """Samples as columns of composite, alpha, mask and the mask's outline over the composite.

    Args:
        samples: at least one; after ``columns`` of them a new block of rows begins.
        tile: height and width of a picture in pixels; smaller images are enlarged.
        told: names of metadata whose values are written under the pictures; columns are as wide as these need.

    Returns:
        RGB uint8 H×W×3.
    """
    blocks = [_block(block, columns, tile, told) for block in _blocks(samples, columns)]
    if not blocks:
        raise ValueError("a contact sheet needs at least one sample")
    return np.concatenate(blocks)


def picture_grid(
    rows: Mapping[str, Sequence[np.ndarray]], *, tile: int = 128, titles: Sequence[str] = ()
) -> np.ndarray:
    """Rows of pictures below one another, each row with its name. What is no square stands in grey.

    Args:
        rows: name → uint8 H×W×3 (RGB) or H×W arrays, as many in every row.
        tile: height and width of a picture in pixels; smaller images are enlarged.
        titles: what to write above each column, which may be several lines; none: nothing.

    Returns:
        RGB uint8 H×W×3.
    """
    step = tile + _GAP
    columns = max(len(pictures) for pictures in rows.values())
    sheet = _paper(list(rows), columns, step, tile)
    for row, pictures in enumerate(rows.values()):
        for column, picture in enumerate(pictures):
            y, x = _GAP + row * step, _MARGIN + column * step
            sheet[y : y + tile, x : x + tile] = _tile(picture, tile)
    if not titles:
        return sheet
    lines = [title.split("\n") for title in titles]
    head = np.full((_LINE * max(map(len, lines)) + _GAP, sheet.shape[1], 3), _PAPER, np.uint8)
    for column, words in enumerate(lines):
        for line, text in enumerate(words, 1):
            _write(head, text, (_MARGIN + column * step, line * _LINE))
    return np.concatenate([head, sheet])


def keyed(entries: Mapping[str, tuple[int, int, int] | None], sheet: np.ndarray) -> np.ndarray:
    """A sheet below a legend, a line for each entry.

    Args:
        entries: text → the colour of the square before it, RGB; None: there is none, so that the text is a heading.
        sheet: RGB uint8 H×W×3.
    """
    head = np.full((_LINE * len(entries) + 2 * _GAP, sheet.shape[1], 3), _PAPER, np.uint8)
    for line, (text, colour) in enumerate(entries.items(), 1):
        x = 6
        if colour is not None:
            cv2.rectangle(head, (x, line * _LINE - 9), (x + 10, line * _LINE + 1), colour, cv2.FILLED)
            x += 18
        _write(head, text, (x, line * _LINE))
    return np.concatenate([head, sheet])


def png_name(path: str, flag: str) -> Path:
    """The path of a PNG file that a flag names; whether it can be written is asked elsewhere.

    Raises:
        UserError: the name does not end in .png, or it is a folder's.
    """
    file = local_place(path, flag)
    if file.suffix.lower() != ".png" or file.is_dir():
        raise UserError(flag, got=path, expected="the name of a PNG file", remedy="end it in .png")
    return file


def save_png(path: Path, image: np.ndarray) -> None:
    """Write RGB uint8 H×W×3 as a PNG, creating its folder. Raises ``CannotWrite``."""
    atomic.make_folder(path.parent)
    atomic.write_bytes(path, png_bytes(image))


def png_bytes(image: np.ndarray) -> bytes:
    """RGB uint8 H×W×3 as a PNG."""
    done, content = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    assert done
    return content.tobytes()


def _blocks(samples: Iterable[Sample], columns: int) -> Iterator[Sequence[Sample]]:
    iterator = iter(samples)
    while block := list(islice(iterator, columns)):
        yield block


def _block(samples: Sequence[Sample], columns: int, tile: int, told: Sequence[str]) -> np.ndarray:
    step = tile + _GAP
    margin = _margin(told)
    across = max(step, _width(_WIDEST) + 3 * _GAP) if told else step
    pictures = _paper(ROWS, columns, step, tile)
    sheet = np.full((pictures.shape[0] + len(told) * _LINE, margin + columns * across, 3), _PAPER, np.uint8)
    sheet[: pictures.shape[0], :_MARGIN] = pictures[:, :_MARGIN]
    for column, sample in enumerate(samples):
        x = margin + column * across
        for row, picture in enumerate(views(sample, tile)):
            y = _GAP + row * step
            sheet[y : y + tile, x : x + tile] = picture
        for line, name in enumerate(told, 1):
            _write(sheet, _value(sample.metadata.get(name)), (x, pictures.shape[0] - _GAP + line * _LINE - 5))
    for line, name in enumerate(told, 1):
        _write(sheet, name, (_ROOM_BEFORE, pictures.shape[0] - _GAP + line * _LINE - 5))
    return sheet


def _margin(told: Sequence[str]) -> int:
    """Pixels before the first pictures, where names stand."""
    return max([_MARGIN, *(_GAP + _ROOM_BEFORE + _width(name) for name in told)])


def _value(value: object) -> str:
    """A value of metadata as it is written under pictures."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _width(text: str) -> int:
    """Pixels that a text takes from left to right."""
    return cv2.getTextSize(text, _FONT, _SCALE, 1)[0][0]


def _paper(names: Sequence[str], columns: int, step: int, tile: int) -> np.ndarray:
    """An empty sheet with a name before every row."""
    sheet = np.full((len(names) * step + 2 * _GAP, _MARGIN + columns * step, 3), _PAPER, np.uint8)
    for row, name in enumerate(names):
        _write(sheet, name, (_ROOM_BEFORE, _GAP + row * step + tile // 2))
    return sheet


def _write(sheet: np.ndarray, text: str, place: tuple[int, int]) -> None:
    """Write text with its lower left corner at (x, y); OpenCV's letters are those of ASCII, others become "?"."""
    text = text.replace("ψ", "psi").encode("ascii", "replace").decode()
    cv2.putText(sheet, text, place, _FONT, _SCALE, _INK, 1, cv2.LINE_AA)


def _tile(picture: np.ndarray, tile: int) -> np.ndarray:
    height, width = picture.shape[:2]
    longer = max(height, width)
    size = max(1, round(width * tile / longer)), max(1, round(height * tile / longer))
    picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if longer > tile else cv2.INTER_NEAREST)
    picture = picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, 2)
    return picture if height == width else _squared(picture, tile)


def views(sample: Sample, side: int) -> list[np.ndarray]:
    """The pictures of a sample that ``ROWS`` names, each RGB uint8 side×side×3; what is no square stands in grey."""
    height, width = sample.mask.shape[:2]
    scale = side / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    shrink = scale < 1
    image = cv2.resize(sample.image, size, interpolation=cv2.INTER_AREA if shrink else cv2.INTER_CUBIC)
    alpha = cv2.resize(sample.alpha, size, interpolation=cv2.INTER_AREA if shrink else cv2.INTER_NEAREST)
    mask = cv2.resize(sample.mask, size, interpolation=cv2.INTER_NEAREST)
    foreground = (mask == 1).astype(np.uint8)
    shown = foreground * 255 + (mask == IGNORED).astype(np.uint8) * 128
    contours, _ = cv2.findContours(foreground, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    outline = cv2.drawContours(image.copy(), contours, -1, _OUTLINE, 1)
    pictures = [image, *(np.repeat(grey[..., None], 3, 2) for grey in (alpha, shown)), outline]
    return pictures if height == width else [_squared(picture, side) for picture in pictures]


def _squared(picture: np.ndarray, side: int) -> np.ndarray:
    """A picture in the middle of a grey square."""
    square = np.full((side, side, 3), _AROUND, np.uint8)
    y, x = ((side - length) // 2 for length in picture.shape[:2])
    square[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
    return square
