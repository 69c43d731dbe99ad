"""What all files have in common that name images and draw regions on them: where the images lie, and their masks."""

import abc
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from ...errors import UserError
from ...masks import IGNORED
from ...photographs.picture.decoding import Head, head
from ...photographs.source import Notices
from ...short import short
from ..pictures import picture_of
from ..reading import Reading
from ..sample import Picture, Problems, Samples

IGNORED_LABEL = "ignored"
"""The label that stands for ignored pixels where a program has labels alone."""
_NO_FOREGROUND = (IGNORED_LABEL, "background")
"""Labels that are foreground only where somebody asks for them."""
_UPLOADED = re.compile(r"[0-9a-f]{8}-(?=.)")
"""What Label Studio puts before the name of a file that was uploaded."""


@dataclass(frozen=True)
class Named:
    """An image as the file names it."""

    name: str
    size: tuple[int, int] | None = None
    """Width and height, if the file says them."""


@dataclass(frozen=True)
class Drawing:
    """One region on an image."""

    name: str
    """What messages call it."""
    region: Callable[[int, int], np.ndarray]
    """Height and width → boolean H×W; raises ValueError where it is none."""
    ignored: bool = False
    """Its pixels are ignored; foreground otherwise."""


class DrawnSamples(Samples):
    """Images in the order of a file; the foreground is the union of what it draws on them.

    A pixel both of the foreground and ignored is foreground.
    """

    def __init__(self, path: Path, content: bytes, images: Sequence[Named], reading: Reading):
        self.name, self._notices = path.name, Notices()
        self._folder, self._files = _located(path, reading.images, [image.name for image in images])
        names = self._files
        stems = [str(PurePosixPath(name).with_suffix("")) if PurePosixPath(name).name else name for name in names]
        self.keys = stems if len(set(stems)) == len(stems) else names
        self._look(path, content, images)
        labelled = 0
        for index in range(len(self.keys)):
            drawings = self.drawings(index)
            self.ignores = self.ignores or any(drawing.ignored for drawing in drawings)
            labelled += not all(drawing.ignored for drawing in drawings)
        if not labelled and not reading.allow_empty:
            raise UserError(
                str(path), got=f"no foreground: none of {len(self)} images has an annotation of {self.foreground}",
                expected="foreground in at least one of them",
                remedy=f"check --categories, or insist with {reading.insist}",
            )  # fmt: skip
        bare = len(self) - labelled
        self.notes = (f"{bare} of {len(self)} images have no annotation: they are background alone",) if bare else ()

    @abc.abstractmethod
    def drawings(self, index: int) -> Sequence[Drawing]:
        """What the file draws on one of the images, as far as it counts."""

    def picture(self, index: int) -> Picture:
        """One image."""
        file = self._folder / self._files[index]
        return picture_of(file, str(file), self._notices)

    def mask(self, index: int) -> np.ndarray:
        """One mask, uint8 H×W: 1 in regions of the foreground, 255 in ignored ones.

        Raises:
            UserError: a region is none.
        """
        width, height = self._sizes[index]
        mask = np.zeros((height, width), np.uint8)
        for drawing in sorted(self.drawings(index), key=lambda drawing: not drawing.ignored):
            try:
                region = drawing.region(height, width)
            except (KeyError, ValueError, TypeError) as error:
                raise UserError(
                    f"{drawing.name} of {short(self._files[index])}", got=short(error, 200),
                    expected="a segmentation of the image's size", remedy="mend or remove it",
                ) from error  # fmt: skip
            mask[region] = IGNORED if drawing.ignored else 1
        return mask

    def where(self, index: int) -> str:
        """What messages call one of them."""
        return str(self._folder / self._files[index])

    def _look(self, path: Path, content: bytes, images: Sequence[Named]) -> None:
        """Look at every image's head: what is wrong with them, and what size they have."""
        problems, digest = Problems(str(path)), hashlib.sha256(content)
        self._sizes: list[tuple[int, int]] = []
        for value, count in Counter(self._files).items():
            if count > 1:
                problems.add("image names that occur twice", short(value))
        for name, image in zip(self._files, images, strict=True):
            place = PurePosixPath(name)
            if place.is_absolute() or ".." in place.parts or not place.name:
                problems.add("image names that lead out of the folder", short(name))
                continue
            file = self._folder / name
            try:
                found = head(file)
                size = file.stat().st_size
            except (OSError, ValueError) as error:
                there = _holds(self._folder, name)
                kind = "images that cannot be read" if there else f"images that are not in {self._folder}"
                problems.add(kind, short(name), error if there else "")
                continue
            if image.size is not None and found.size != image.size:
                problems.add(*_another_size(name, image.size, found))
            self._sizes.append(found.size)
            digest.update(repr((name, size)).encode())
        problems.check("mend the files, or name their folder with --images")
        self.digest = digest.hexdigest()


def chosen(known: Iterable[str], wanted: Sequence[str] | None) -> list[str]:
    """The labels that are foreground: those that are wanted, or all but "ignored" and "background".

    Raises:
        UserError: one that is wanted is not known.
    """
    known = list(dict.fromkeys(known))
    if unknown := sorted(set(wanted or ()) - set(known)):
        raise UserError(
            "categories", got=unknown[0], expected=f"of: {short(', '.join(sorted(known)), 2000)}",
            remedy="change --categories",
        )  # fmt: skip
    return [name for name in known if (name in wanted if wanted is not None else name not in _NO_FOREGROUND)]


def _another_size(name: str, told: tuple[int, int], found: Head) -> tuple[str, str]:
    name = short(name)
    if found.stored == told:
        return "images that the masks fit only before their EXIF turns them: turn the pixels and remove that tag", name
    return "images of another size than the file says", f"{name}: {found.size[0]}×{found.size[1]}"


def _located(path: Path, given: str | None, names: Sequence[str]) -> tuple[Path, list[str]]:
    """The folder that holds the images, the one given or the first of the usual ones, and their names in it.

    A name is taken as it is, or where that is not there without its folders, or without what an upload put before it.
    """
    if given is not None:
        candidates = [path.parent / given, Path(given).expanduser()]
        candidates = [folder for folder in candidates if folder.is_dir()]
    else:
        image_set = re.sub(r"^(?:instances|tasks)_", "", path.stem)
        above = path.resolve().parent.parent
        candidates = [
            path.parent / "images", above / image_set, above / "images" / image_set, above / "images",
            path.parent / image_set, path.parent / "images" / image_set, path.parent, above,
        ]  # fmt: skip
    for folder in candidates:
        if any(_holds(folder, form) for form in _forms(names[0])):
            return folder, [next((form for form in _forms(name) if _holds(folder, form)), name) for name in names]
    if given is not None and candidates:
        return candidates[0], list(names)
    raise UserError(
        "images", got=f"no folder that holds {short(names[0])}" if given is None else f"{given}, no folder",
        expected=f"the images of {path.name}", remedy="name their folder with --images",
    )  # fmt: skip


def _forms(name: str) -> list[str]:
    place = PurePosixPath(name)
    if place.is_absolute() or ".." in place.parts:  # which is refused
        return [name]
    bare = place.name or name
    return list(dict.fromkeys((name, bare, _UPLOADED.sub("", bare, count=1))))


def _holds(folder: Path, name: str) -> bool:
    try:
        return (folder / name).is_file()
    except (OSError, ValueError):  # a name that no file can have
        return False
