"""Images and masks that are files, in folders or archives, matched by their names."""

import hashlib

import numpy as np

from ...errors import UserError
from ...masks import HALF
from ...photographs.picture import decoding
from ...photographs.picture.decoding import Head
from ...photographs.source import Notices
from ..masks.file import MaskFile, read_mask_file, strips
from ..masks.found import Found
from ..pictures import picture_of
from ..reading import Reading
from ..sample import Picture, Problems, Samples, broken, check_fit, listed
from . import pairing
from .file import File
from .layouts import Layout

_NUMBERS = ("I", "F")
"""Modes of pictures whose head does not say whether they are photographs."""


class FileSamples(Samples):
    """Images and masks matched by their paths without suffix, in the order of these."""

    KIND = "folder of images and masks"

    def __init__(self, name: str, subject: str, layout: Layout, reading: Reading):
        """``name`` of the set, ``subject`` of messages."""
        self.name, self._layout, self._notices = name, layout, Notices()
        self.has_alphas = layout.alphas is not None
        self.notes = ()
        self._masks, self._alphas = self._matched(subject, reading.skip_unmatched)
        self.keys = list(self._masks)
        found = self._look(subject)
        self._meaning, told = found.meaning(layout.where, reading)
        self.foreground, self.ignores = str(self._meaning), self._meaning.ignores
        self.has_alphas |= self._meaning.soft
        if self._meaning.soft and layout.alphas is None:
            self.law = HALF
        self.notes = (*self.notes, *told)
        if layout.left_out:
            self.notes = (*self.notes, f"left out {layout.left_out.text()}")

    def picture(self, index: int) -> Picture:
        """One image."""
        file = self._layout.images[self.keys[index]]
        return picture_of(file.content(), file.label, self._notices)

    def mask(self, index: int) -> np.ndarray:
        """One mask."""
        file = self._masks[self.keys[index]]
        return self._read(file, lambda found: self._meaning.mask(found))

    def alpha(self, index: int) -> np.ndarray | None:
        """One soft mask: a file of its own, or the mask where that is soft."""
        key = self.keys[index]
        if self._alphas is not None:
            return self._read(self._alphas[key], MaskFile.soft)
        return self._read(self._masks[key], self._meaning.alpha) if self._meaning.soft else None

    def where(self, index: int) -> str:
        """What messages call one of them."""
        return self._layout.images[self.keys[index]].label

    def _read(self, file: File, take):
        try:
            return take(read_mask_file(file.content()))
        except (OSError, ValueError) as error:
            raise broken(file.label, error) from error

    def _matched(self, subject: str, skip: bool) -> tuple[dict[str, File], dict[str, File] | None]:
        """Files of masks and soft masks by the names of images that have all their files."""
        images, alone = self._layout.images, []
        kinds = {"masks": self._layout.masks, "soft masks": self._layout.alphas}
        kinds = {kind: files for kind, files in kinds.items() if files is not None}
        partners = {kind: pairing.pairs(list(images), list(files)) for kind, files in kinds.items()}
        common = sorted(name for name in images if all(name in found for found in partners.values()))
        lone = {"images": sorted(set(images) - set(common))}
        lone |= {kind: sorted(set(files) - {partners[kind][n] for n in common}) for kind, files in kinds.items()}
        counts = {"images": len(images)} | {kind: len(files) for kind, files in kinds.items()}
        alone = [
            f"{len(names)} of {counts[kind]} {kind} alone ({listed(names)})" for kind, names in lone.items() if names
        ]
        if not common or (alone and not skip):
            raise UserError(
                subject, got="; ".join(alone) or "no images",
                expected="images and masks of the same names but for the suffix",
                remedy="mend the names, or leave them out with --skip-unmatched" if common else "mend the names",
            )  # fmt: skip
        self.notes = tuple(f"left out {len(names)} {kind} without their like" for kind, names in lone.items() if names)
        files = {kind: {name: kinds[kind][found[name]] for name in common} for kind, found in partners.items()}
        return files["masks"], files.get("soft masks")

    def _look(self, subject: str) -> Found:
        """Look at every mask and every image's head: what is wrong with them, and which values they hold."""
        found, problems, digest, turned, alone = Found(), Problems(subject), hashlib.sha256(), 0, None
        for key in self.keys:
            image, mask = self._layout.images[key], self._masks[key]
            try:
                head = decoding.head(image.content())
                if head.mode in _NUMBERS or head.signed:  # which are photographs in some files, and none in others
                    decoding.decode(image.content())
            except (OSError, ValueError) as error:
                problems.add("images that cannot be read", image.name, error)
                continue
            try:
                file = read_mask_file(mask.content())
                alpha = None if self._alphas is None else read_mask_file(self._alphas[key].content()).soft()
            except (OSError, ValueError) as error:
                problems.add("masks that cannot be read", mask.name, error)
                continue
            for labels in (file.values, alpha):
                if labels is not None and labels.shape != head.size[::-1]:
                    problems.add(*_another_size(mask.name, labels, head))
                    alone = None if labels.shape == head.stored[::-1] else (key, labels, (head.size[1], head.size[0]))
            turned += head.turned and head.size == head.stored
            found.add(file, mask.label)
            digest.update(repr((key, image.size)).encode())
            digest.update(_hash_of(file.values))
            for more in (file.transparency, alpha):
                if more is not None:
                    digest.update(hashlib.sha256(np.ascontiguousarray(more).data).digest())
        if len(problems) == 1 and alone is not None:
            check_fit(f"{self.name}: {alone[0]}", alone[1], alone[2])
        problems.check("mend or remove these files")
        self.digest = digest.hexdigest()
        if turned:
            self.notes = (*self.notes, f"{turned} images are turned by their EXIF; masks are taken to fit them upright")
        return found


def _another_size(name: str, labels: np.ndarray, head: Head) -> tuple[str, str]:
    """What is wrong with a mask of another size than its image."""
    height, width = labels.shape
    if (width, height) == head.stored:
        return "masks that fit the image only before its EXIF turns it: turn the masks, or remove that tag", name
    return "masks of another size", f"{name}: {width}×{height}, image {head.size[0]}×{head.size[1]}"


def _hash_of(values: np.ndarray) -> bytes:
    """SHA-256 of values as 32-bit numbers."""
    made = hashlib.sha256()
    for strip in strips(values):
        made.update(np.ascontiguousarray(strip, np.int32).data)
    return made.digest()


class MaskFiles:
    """Masks without images, by name."""

    def __init__(self, name: str, masks: dict[str, File], reading: Reading, notes: tuple[str, ...] = ()):
        self.name, self._masks, self.keys = name, masks, list(masks)
        self._numbers = {key: number for number, key in enumerate(self.keys)}
        found = Found()
        for file in masks.values():
            try:
                found.add(read_mask_file(file.content()), file.label)
            except (OSError, ValueError) as error:
                raise broken(file.label, error) from error
        self._meaning, told = found.meaning(name, reading)
        self.notes = (*notes, *(f"{name}: {note}" for note in told))
        self.foreground = str(self._meaning)

    def number(self, key: str) -> int:
        """Which of them has this key."""
        return self._numbers[key]

    def mask(self, index: int) -> np.ndarray:
        """One mask, uint8 H×W: 0 background, 1 foreground, 255 ignored."""
        file = self._masks[self.keys[index]]
        try:
            return self._meaning.mask(read_mask_file(file.content()))
        except (OSError, ValueError) as error:
            raise broken(file.label, error) from error
