"""Image files → masks, alphas, cut-outs and overlays, with a trained segmenter."""

import contextlib
import glob
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from .. import weights
from ..devices import resolve_device
from ..errors import UserError
from ..images.sources import EXTENSIONS, decode
from ..networks.segmenter import Segmenter
from ..overlap import ordered_map
from ..segmentation import segment
from ..settings import SegmentSettings
from ..shards import atomic, encoding

logger = logging.getLogger(__name__)

_WORKERS = 2
_PIXELS_AT_ONCE = 1 << 25
"""Images of one size go through the network together as long as they have fewer pixels than this."""
_TINT, _TINT_SHARE, _OUTLINE = (255, 0, 120), 0.4, (255, 255, 255)
_OVERLAY_QUALITY = 92


@dataclass(frozen=True)
class Result:
    """What became of the images."""

    done: int
    broken: tuple[str, ...]
    """Those that could not be read, in order."""


@dataclass(frozen=True)
class _Picture:
    path: Path
    key: str
    """Where its results go, below the output folder and without an extension."""
    image: np.ndarray


def segment_files(
    settings: SegmentSettings,
    images: Sequence[str],
    out: str | Path,
    *,
    report: Callable[[int, int], None] = lambda done, count: None,
) -> Result:
    """Write the masks of image files into the folder ``out``: KEY.png, and what else the settings ask for.

    KEY is the path below the folder that was named, or the file's name; where two images would share it, the later
    one's has its extension or a number in it. A broken image is logged and left out.

    Args:
        images: files, folders of any nesting, patterns.
        report: called with the numbers of images that are finished and that there are.

    Raises:
        UserError: the segmenter, an image or ``out`` is not usable; nothing was written.
    """
    out = Path(out).expanduser()
    found = find_images(images)
    network = weights.load_segmenter(_named(settings), foreground=settings.foreground)
    network.to(resolve_device(settings.device))
    kinds = _kinds(settings)
    keys = name_results([relative for _, relative in found], kinds)
    _check_out(out, [path for path, _ in found], keys, kinds)
    items = [(path, key) for (path, _), key in zip(found, keys, strict=True)]
    broken: list[str] = []

    def write(result: tuple[_Picture, np.ndarray, np.ndarray, np.ndarray]) -> None:
        picture, *arrays = result
        for extension, content in _encoded(settings, picture.image, *arrays).items():
            place = out / f"{picture.key}.{extension}"
            place.parent.mkdir(parents=True, exist_ok=True)
            atomic.write_bytes(place, content)

    done = 0
    with contextlib.closing(_segmented(settings, network, items, broken)) as segmented:
        for done, _ in enumerate(ordered_map(write, segmented, workers=_WORKERS, ahead=2 * _WORKERS), 1):
            report(done + len(broken), len(items))
    return Result(done, tuple(broken))


def find_images(images: Sequence[str]) -> list[tuple[Path, Path]]:
    """Each image once, in order: its path, and that below the folder that was named.

    Raises:
        UserError: there is no such file, or no image in it.
    """
    found: dict[Path, Path] = {}
    for name in images:
        path = Path(name).expanduser()
        matches = [path] if path.exists() else sorted(map(Path, glob.glob(str(path), recursive=True)))
        before = len(found)
        for match in matches:
            inside = sorted(match.rglob("*")) if match.is_dir() else [match]
            for file in inside:
                if match.is_dir() and (file.suffix[1:].lower() not in EXTENSIONS or file.name.startswith(".")):
                    continue
                if file.is_file():
                    found.setdefault(file, file.relative_to(match) if match.is_dir() else Path(file.name))
        if len(found) == before and not any(match in found for match in matches):
            raise UserError(
                "images", got=f"{name}, which {'holds no image' if matches else 'is not there'}",
                expected=f"files such as .{', .'.join(EXTENSIONS)}, folders of them or patterns",
                remedy="check the path",
            )  # fmt: skip
    return list(found.items())


def name_results(relative: Sequence[Path], kinds: Sequence[str]) -> list[str]:
    """A key for every image, so that no two files of the results share a name on any file system."""
    taken: set[str] = set()
    keys = []
    for path in relative:
        plain, full = path.with_suffix("").as_posix(), path.as_posix()
        for key in _candidates(plain, full):
            files = {f"{key}.{kind}".casefold() for kind in kinds}
            if not files & taken:
                break
        taken |= files
        keys.append(key)
    return keys


def _candidates(plain: str, full: str) -> Iterator[str]:
    yield from (plain, full)
    number = 2
    while True:
        yield f"{full}-{number}"
        number += 1


def _named(settings: SegmentSettings) -> str:
    if not settings.segmenter:
        raise UserError(
            "segmenter", got="none", expected="a run of train-segmenter, a native folder or face-parsing weights",
            remedy="name one with --segmenter",
        )  # fmt: skip
    return settings.segmenter


def _check_out(out: Path, paths: Sequence[Path], keys: Sequence[str], kinds: Sequence[str]) -> None:
    if out.exists() and not out.is_dir():
        raise UserError(f"out {out}", got="a file", expected="a folder", remedy="choose another name")
    originals = {path.resolve() for path in paths}
    for key in keys:
        for kind in kinds:
            if (place := out / f"{key}.{kind}").resolve() in originals:
                raise UserError(
                    f"out {out}", got=f"a folder in which {place.name} would replace an image of that name",
                    expected="another folder than the images'", remedy="choose another --out",
                )  # fmt: skip
    try:
        out.mkdir(parents=True, exist_ok=True)
        atomic.write_bytes(out / ".probe", b"")
        (out / ".probe").unlink()
    except OSError as error:
        raise UserError(
            f"out {out}", got=f"a place that cannot be written ({error.strerror})", expected="a writable folder",
            remedy="choose another path or change its permissions",
        ) from None  # fmt: skip


def _kinds(settings: SegmentSettings) -> list[str]:
    asked = {
        "alpha.png": settings.alpha,
        "cutout.png": settings.cutout,
        "overlay.jpg": settings.overlay,
        "classes.png": settings.classes,
    }
    return ["png", *(kind for kind, wanted in asked.items() if wanted)]


def _segmented(
    settings: SegmentSettings, network: Segmenter, items: Sequence[tuple[Path, str]], broken: list[str]
) -> Iterator[tuple[_Picture, np.ndarray, np.ndarray, np.ndarray]]:
    for group in _groups(settings, items, broken):
        result = segment(
            network,
            np.stack([picture.image for picture in group]),
            size=settings.size,
            tile=settings.tile,
            overlap=settings.overlap,
            threshold=settings.threshold,
            batch_size=settings.batch_size,
        )
        yield from zip(group, result.mask, result.alpha, result.classes, strict=True)


def _groups(
    settings: SegmentSettings, items: Sequence[tuple[Path, str]], broken: list[str]
) -> Iterator[list[_Picture]]:
    """Neighbours of one size together, as many as a batch and the memory hold."""
    group: list[_Picture] = []
    with contextlib.closing(ordered_map(_read, items, workers=_WORKERS, ahead=2 * _WORKERS)) as pictures:
        for picture in pictures:
            if isinstance(picture, str):
                broken.append(picture)
                continue
            shape = picture.image.shape
            room = max(1, min(settings.batch_size, _PIXELS_AT_ONCE // (shape[0] * shape[1])))
            if group and (group[0].image.shape != shape or len(group) >= room):
                yield group
                group = []
            group.append(picture)
    if group:
        yield group


def _read(item: tuple[Path, str]) -> _Picture | str:
    path, key = item
    try:
        return _Picture(path, key, decode(path.read_bytes()))
    except (OSError, ValueError) as error:
        logger.warning("%s: left out (%s)", path, " ".join(str(error).split()))
        return str(path)


def _encoded(
    settings: SegmentSettings, image: np.ndarray, mask: np.ndarray, alpha: np.ndarray, classes: np.ndarray
) -> dict[str, bytes]:
    """Files by extension."""
    contents = {"png": encoding.encode_mask(mask)}
    if settings.alpha:
        contents["alpha.png"] = encoding.encode_grey(alpha)
    if settings.cutout:
        contents["cutout.png"] = encoding.encode_cutout(image, alpha)
    if settings.overlay:
        contents["overlay.jpg"] = encoding.encode_image(overlay(image, mask), "jpg", _OVERLAY_QUALITY)
    if settings.classes:
        contents["classes.png"] = encoding.encode_grey(classes)
    return contents


def overlay(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The image with its foreground tinted and outlined: RGB uint8 H×W×3."""
    inside = mask == 1
    tinted = image.copy()
    tinted[inside] = np.round((1 - _TINT_SHARE) * image[inside] + _TINT_SHARE * np.array(_TINT)).astype(np.uint8)
    contours, _ = cv2.findContours(inside.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    thickness = max(1, round(min(mask.shape) / 300))
    return cv2.drawContours(tinted, contours, -1, _OUTLINE, thickness)
