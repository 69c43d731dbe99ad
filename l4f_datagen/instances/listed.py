"""What a detector wrote elsewhere: COCO's list of detections, or a whole COCO file, matched to samples by name."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..documents import read_file, read_json
from ..errors import UserError
from ..photographs.names import PICTURES
from ..run_lengths import of_coco
from ..settings.evaluate import InstanceSettings
from ..short import short
from .classes import numbers_of
from .found import NOISE, Found, distinct

INDEX = "index"
"""In place of a file: numbers of images are the indices of samples."""
_MOST_BYTES = 1 << 29
_SHOWN = 3
"""Names that a message shows."""
_EXPECTED = "a list of detections with masks as COCO has them, or a COCO file with images and annotations"


Entry = Mapping[str, Any]
"""A detection: image_id, category_id, segmentation, and score where there is one."""


class ListedInstances:
    """Detections of a JSON file.

    Args:
        path: a list of detections, whose ``image_id`` are names or the numbers of ``settings.reference_images``, or a
            COCO file. Annotations without a score have the score 1.

    Raises:
        UserError: it is nothing of the kind, or an entry is none.
    """

    def __init__(self, path: Path, settings: InstanceSettings):
        of_coco.require_pycocotools()
        self.name, self._path, self._score = str(path), path, settings.reference_score
        content = _load(path)
        whole = isinstance(content, dict)
        entries = content["annotations"] if whole else content
        categories = {c["id"]: c["name"] for c in content.get("categories", ())} if whole else {}
        for number, entry in enumerate(entries):
            _check(entry, f"{self.name}: entry {number}", whole=whole)
        given = {entry["category_id"] for entry in entries}
        self._classes = numbers_of(settings.reference_classes, categories, self.name, known=given)
        self._complete = whole
        """Whether the file names all images that it is of, those without any object too."""
        self._images = self._by_name(content, entries, settings.reference_images)
        self._tails: dict[str, set[str]] = {}
        for name in self._images:
            parts = _without_extension(name).split("/")
            for start in range(len(parts)):
                self._tails.setdefault("/".join(parts[start:]), set()).add(name)
        self._partners: dict[str, str | None] = {}
        self.notes: tuple[str, ...] = ()

    def check(self, keys: Sequence[str]) -> None:
        """As ``InstanceReference`` has it; of a list an image without an entry is one in which nothing was found."""
        lasts = [key.rpartition("/")[2] for key in keys]
        alone = len(set(lasts)) == len(lasts)
        self._partners = {key: self._partner(key, last if alone else key) for key, last in zip(keys, lasts)}
        known = [key for key in keys if self._partners[key] is not None]
        lacking = [key for key in keys if self._partners[key] is None]
        if not known or (lacking and self._complete):
            there = f"; it is of {short(_few(sorted(self._images)), 200)}" if self._images else ""
            raise UserError(
                self.name, got=f"nothing about {len(lacking)} of {len(keys)} samples ({_few(lacking)}){there}",
                expected="the samples' own images, by their names",
                remedy="export the images of these samples, and run the detector on them",
            )  # fmt: skip
        told = []
        if lacking:
            told.append(f"{self.name} has no entry for {len(lacking)} of {len(keys)} samples: nothing was found there.")
        if strangers := len(self._images) - len({self._partners[key] for key in known}):
            told.append(f"{self.name}: left out {strangers} images that are not among the samples.")
        self.notes = tuple(told)

    def find(self, image: np.ndarray, key: str) -> Found:
        """As ``InstanceReference`` has it; of the image its size alone is looked at.

        Raises:
            UserError: a mask is of another size, or none.
        """
        if key not in self._partners:
            self.check([key])
        name = self._partners[key]
        size = image.shape[:2]
        masks, scores, lesser, crowd = [], [], 0, False
        for entry in self._images[name] if name is not None else ():
            score = entry.get("score", 1.0)
            if score < self._score:
                lesser += score >= NOISE
                continue
            masks.append(self._mask(entry, size, key))
            scores.append(score)
            crowd = crowd or entry.get("iscrowd", 0) in (1, True)
        return Found(masks=distinct(masks, scores, size), lesser=lesser, crowd=crowd)

    def _mask(self, entry: Entry, size: tuple[int, int], key: str) -> np.ndarray:
        try:
            return of_coco.decode(entry["segmentation"], *size)
        except (KeyError, ValueError) as error:
            raise UserError(
                f"{self.name}: a detection in {key}", got=short(error, 200),
                expected=f"a mask of the sample's {size[1]}×{size[0]} pixels",
                remedy="run the detector on images of the samples' own size",
            ) from error  # fmt: skip

    def _partner(self, key: str, last: str) -> str | None:
        """The image that a sample is, by its whole name, else by the last part of it."""
        for form in (key, last):
            found = self._tails.get(form, ())
            if len(found) == 1:
                return next(iter(found))
        return None

    def _by_name(self, content: Any, entries: Sequence[Entry], numbering: str | None) -> dict[str, list[Entry]]:
        """The detections of classes that count by the names of their images, all images that are told among them."""
        names: dict[int, str] = {}
        if self._complete:
            names = _image_names(content, self.name)
        elif numbering is not None and numbering != INDEX:
            other = Path(numbering).expanduser()
            names, self._complete = _image_names(_load(other), str(other)), True
        found: dict[str, list[Entry]] = {name: [] for name in names.values()}
        for entry in entries:
            image = entry["image_id"]
            if type(image) is int:
                if numbering == INDEX and not self._complete:
                    image = f"{image:09d}"
                elif (named := names.get(image)) is None:
                    raise self._unknown(image, named=bool(names))
                else:
                    image = named
            counted = found.setdefault(image, [])
            if self._classes is None or entry["category_id"] in self._classes:
                counted.append(entry)
        return found

    def _unknown(self, image: int, *, named: bool) -> UserError:
        if named:
            return UserError(
                self.name, got=f"a detection of image {image}, which no entry of images has",
                expected="numbers of images that are listed", remedy="take the list that the detector was given",
            )  # fmt: skip
        return UserError(
            self.name, got=f"numbers of images, {image} say, and nothing that says which images they are",
            expected="names of images as image_id, or their numbering",
            remedy="give --reference-images FILE, the COCO file that the detector read, or index where they are "
            "indices of samples",
        )  # fmt: skip


def _load(path: Path) -> Any:
    """The value of a JSON file, as far as it is a list, or an object with lists of images and annotations.

    Raises:
        UserError: it is neither.
    """
    content = read_json(read_file(path, most=_MOST_BYTES), str(path), kind=(dict, list), most=_MOST_BYTES)
    lists = [content.get(name) for name in ("images", "annotations")] if isinstance(content, dict) else [content]
    if isinstance(content, dict):
        lists.append(content.setdefault("categories", []))
    wrong = [part for part in lists if not isinstance(part, list) or not all(isinstance(e, dict) for e in part)]
    if wrong:
        raise UserError(str(path), got="JSON of something else", expected=_EXPECTED, remedy="name another file")
    for category in content["categories"] if isinstance(content, dict) else ():
        if type(category.get("id")) is not int or not isinstance(category.get("name"), str):
            raise UserError(
                str(path), got=f"a category {short(category)}", expected="categories with id and name",
                remedy="mend the file",
            )  # fmt: skip
    return content


def _image_names(content: Any, name: str) -> dict[int, str]:
    """Names of images by number.

    Raises:
        UserError: the file lists none, or one has no name.
    """
    images = content.get("images", ()) if isinstance(content, dict) else ()
    names = {}
    for image in images:
        if type(image.get("id")) is not int or not isinstance(image.get("file_name"), str):
            raise UserError(
                name, got=f"an image {short(image)}", expected="images with id and file_name", remedy="mend the file"
            )
        names[image["id"]] = image["file_name"].replace("\\", "/")
    if not names:
        raise UserError(name, got="no images", expected="a COCO file that lists images", remedy="name another file")
    return names


def _check(entry: Entry, where: str, *, whole: bool) -> None:
    """Refuse an entry that is no detection with a mask.

    Raises:
        UserError: says what is wrong with it.
    """
    score = entry.get("score", 1.0 if whole else None)
    problem = None
    if type(entry.get("image_id")) not in (int, str):
        problem = f"image_id {short(entry.get('image_id'), quotes=True)}"
    elif type(entry.get("category_id")) is not int:
        problem = f"category_id {short(entry.get('category_id'), quotes=True)}"
    elif type(score) not in (int, float) or not 0 <= score <= 1:
        problem = f"the score {short(score, quotes=True)}, which is not in [0, 1]"
    elif not isinstance(entry.get("segmentation"), (dict, list)):
        problem = "a box without a mask (no segmentation)"
    if problem:
        raise UserError(where, got=problem, expected=_EXPECTED, remedy="let a detector with masks write the file")


def _without_extension(name: str) -> str:
    """a.jpg → a; another dot is part of the name."""
    stem, _, extension = name.rpartition(".")
    return stem if stem and extension.lower() in PICTURES else name


def _few(names: Sequence[str]) -> str:
    """The first few of some names, and how many more there are."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
