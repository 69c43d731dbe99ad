"""Masks, and images with masks, by key: folders of files, data set folders, worlds."""

import io
import tarfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from PIL import Image

from .. import worlds
from ..errors import UserError
from ..masks import HALF, make_mask
from ..shards import encoding, layout
from ..shards.reader import open_dataset
from . import masks
from .masks import Reading

_SHOWN = 5
WORLD_IMAGES = 1000


class Masks(Protocol):
    """True or predicted masks. ``keys`` are in order and each there once."""

    name: str
    keys: Sequence[str]

    def mask(self, key: str) -> np.ndarray:
        """uint8 H×W: 0 background, 1 foreground, 255 ignored."""


class LabelledImages(Masks, Protocol):
    """Images with true masks."""

    def image(self, key: str) -> np.ndarray:
        """RGB uint8 H×W×3."""


def open_masks(path: str, reading: Reading) -> Masks:
    """The masks of a data set folder or of a folder of files.

    Raises:
        UserError: there is none.
    """
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise UserError(
            path, got="a file" if folder.exists() else "no such folder", expected="a folder of masks or a data set",
            remedy="check the path",
        )  # fmt: skip
    if (folder / layout.DATASET).is_file():
        return DatasetImages(folder, reading)
    return FolderMasks(folder, reading)


def open_labelled(images: str, masks_path: str | None, reading: Reading, *, size: int, n: int | None) -> LabelledImages:
    """Labelled images: ``world:NAME``'s test split, a data set folder, or folders of images and of masks.

    Raises:
        UserError: there are none, or an image has no mask or a mask no image.
    """
    if images.startswith("world:"):
        if masks_path is not None:
            raise UserError(
                f"masks {masks_path}", got=f"masks for {images}", expected="none: a world has masks of its own",
                remedy="leave --masks out",
            )  # fmt: skip
        return WorldImages(images.removeprefix("world:"), size=size, n=n or WORLD_IMAGES)
    folder = Path(images).expanduser()
    if (folder / layout.DATASET).is_file() and masks_path is None:
        return DatasetImages(folder, reading)
    if masks_path is None:
        raise UserError(
            f"images {images}", got="no data set folder, and no masks", expected="true masks of the images",
            remedy="name their folder with --masks, or a data set folder, or world:vessels",
        )  # fmt: skip
    return FolderPair(folder, open_masks(masks_path, reading))


def match(predictions: Masks, truth: Masks, *, allow_missing: bool) -> tuple[list[str], tuple[str, ...]]:
    """Keys that both have, and notes on those that are left out.

    Raises:
        UserError: a mask has no partner and ``allow_missing`` is not set, or none has one.
    """
    there, wanted = set(predictions.keys), set(truth.keys)
    common = [key for key in truth.keys if key in there]
    problems = [
        f"{len(lacking)} of {side.name} without a {partner} ({few(lacking)})"
        for side, others, partner in ((truth, there, "prediction"), (predictions, wanted, "truth"))
        if (lacking := [key for key in side.keys if key not in others])
    ]
    if problems and not (allow_missing and common):
        raise UserError(
            "masks", got=f"{len(common)} pairs and {', '.join(problems)}",
            expected="the same names in both" if common else "names that both have",
            remedy="add what is missing, or leave it out with --allow-missing" if common else "check both folders",
        )  # fmt: skip
    return common, tuple(f"Left out: {problem}." for problem in problems)


def few(names: Sequence[str]) -> str:
    """The first names, for a message."""
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def files_by_key(folder: Path, extensions: Sequence[str], *, member: str | None = None) -> dict[str, Path]:
    """Files below a folder by their path in it without the extension, in order.

    ``member``: where samples lie as KEY.member.png, as in a shard, these alone are taken, by KEY.

    Raises:
        UserError: there is none, or two have one key.
    """
    if not folder.is_dir():
        raise UserError(str(folder), got="no such folder", expected="a folder of pictures", remedy="check the path")
    paths = [p for p in folder.rglob("*") if p.suffix.lower() in extensions and not p.name.startswith(".")]
    if member and any(p.stem.endswith(f".{member}") for p in paths):
        paths = [p for p in paths if p.stem.endswith(f".{member}")]
    found: dict[str, Path] = {}
    for path in sorted(p for p in paths if p.is_file()):
        key = path.relative_to(folder).with_suffix("").as_posix()
        key = key.removesuffix(f".{member}") if member else key
        if key in found:
            raise UserError(
                str(folder), got=f"two files of one name, {found[key].name} and {path.name}", expected="one per image",
                remedy="remove one of them",
            )  # fmt: skip
        found[key] = path
    if not found:
        raise UserError(
            str(folder), got="a folder without pictures", expected=f"files such as {', '.join(extensions[:3])}",
            remedy="check the path",
        )  # fmt: skip
    return found


class FolderMasks:
    """Mask files by their names without extension."""

    def __init__(self, folder: Path, reading: Reading):
        self.name = str(folder)
        self._paths = files_by_key(folder, masks.EXTENSIONS, member="mask")
        self.keys = list(self._paths)
        self._reading = replace(reading, values=masks.folder_values(list(self._paths.values()), reading))

    def mask(self, key: str) -> np.ndarray:
        return masks.read_mask(self._paths[key], self._reading)


class FolderPair:
    """Image files with the masks of another folder."""

    def __init__(self, folder: Path, truth: Masks):
        self.name = str(folder)
        self._truth = truth
        self._paths = files_by_key(folder, (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"))
        unlabelled = [key for key in self._paths if key not in set(truth.keys)]
        unseen = [key for key in truth.keys if key not in self._paths]
        if unlabelled or unseen:
            raise UserError(
                f"images {folder}",
                got=f"{len(unlabelled)} images without a mask ({few(unlabelled) or '–'}) and "
                f"{len(unseen)} masks without an image ({few(unseen) or '–'})",
                expected="the same names in both folders", remedy=f"check {folder} and {truth.name}",
            )  # fmt: skip
        self.keys = list(self._paths)

    def mask(self, key: str) -> np.ndarray:
        return self._truth.mask(key)

    def image(self, key: str) -> np.ndarray:
        # The mask's pixels are the file's: no turning as EXIF says.
        picture = cv2.imread(str(self._paths[key]), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
        if picture is None:
            raise UserError(
                str(self._paths[key]), got="no readable picture", expected="an image", remedy="restore the file"
            )
        return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


class DatasetImages:
    """The samples of a data set folder, each read when it is asked for."""

    def __init__(self, folder: Path, reading: Reading):
        self.name, self._reading = str(folder), reading
        self._members: dict[str, dict[str, tuple[Path, int, int]]] = {}
        description = open_dataset(folder).description
        for shard in range(description["counts"]["shards"]):
            self._index(folder / layout.tar(shard))
        self.keys = list(self._members)

    def mask(self, key: str) -> np.ndarray:
        with Image.open(io.BytesIO(self._read(key, ("mask.png",)))) as image:
            return masks.to_two_classes(np.asarray(image), self._reading, f"{self.name}: {key}.mask.png")

    def image(self, key: str) -> np.ndarray:
        return encoding.decode_image(self._read(key, encoding.IMAGE_FORMATS))

    def _index(self, tar: Path) -> None:
        with tarfile.open(tar, "r:") as archive:
            for entry in archive:
                key, _, extension = entry.name.partition(".")
                self._members.setdefault(key, {})[extension] = (tar, entry.offset_data, entry.size)

    def _read(self, key: str, extensions: Iterable[str]) -> bytes:
        members = self._members[key]
        path, offset, size = next(members[extension] for extension in extensions if extension in members)
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(size)


class WorldImages:
    """The test split of a world, seed 0, cut at half coverage."""

    def __init__(self, world: str, *, size: int, n: int):
        self.name, self._world, self._size = f"world:{world}", worlds.check_name(world), size
        self._indices = {f"{index:09d}": index for index in worlds.split("test", n)}
        self.keys = list(self._indices)
        self._last: tuple[str, worlds.Rendering] | None = None

    def mask(self, key: str) -> np.ndarray:
        return make_mask(self._render(key).alpha, HALF)

    def image(self, key: str) -> np.ndarray:
        return self._render(key).image

    def _render(self, key: str) -> worlds.Rendering:
        # Image and mask are asked for one after the other.
        if self._last is None or self._last[0] != key:
            picture = worlds.render(self._world, seed=0, index=self._indices[key], size=self._size)
            self._last = (key, picture)
        return self._last[1]
