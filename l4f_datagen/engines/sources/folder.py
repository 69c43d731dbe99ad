"""A folder of images and a folder of masks with the same names."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from ...errors import UserError
from ...settings import ImportSettings
from . import images
from .source import Labelled, Problems, Source, listed
from .values import Found, read_values

LAYOUTS = (("images", "masks", "alphas"), ("data", "labels", None), ("JPEGImages", "SegmentationClass", None))
"""Folders of images, masks and soft masks, as they are often called; those that ``export`` writes are among them."""


class FolderSource(Source):
    """Images and masks matched by their paths without suffix, in the order of these."""

    KIND = "folder of images and masks"

    def __init__(self, settings: ImportSettings):
        root = Path(settings.source).expanduser()
        self.name = root.resolve().name
        image_folder, mask_folder, alpha_folder = _folders(root, settings)
        self._images, self._masks = _by_stem(image_folder), _by_stem(mask_folder)
        self._alphas = _by_stem(alpha_folder) if alpha_folder else None
        self.has_alphas = self._alphas is not None
        self._stems = self._matched(str(root), settings.skip_unmatched)
        found = self._look(str(root))
        self._meaning = found.meaning(str(mask_folder), settings.foreground_values)
        self.foreground = str(self._meaning)
        if settings.foreground_values is None:
            self.notes = (*self.notes, f"foreground is {self.foreground}")

    def __len__(self) -> int:
        return len(self._stems)

    def read(self, index: int) -> Labelled:
        """One image's labels."""
        stem = self._stems[index]
        try:
            mask = self._meaning.mask(read_values(self._masks[stem]))
            alpha = _read_alpha(self._alphas[stem]) if self._alphas else None
        except images.BROKEN as error:
            raise images.broken(self._masks[stem], error) from error
        return Labelled(path=self._images[stem], mask=mask, alpha=alpha)

    def _matched(self, subject: str, skip: bool) -> list[str]:
        """Stems that have all their files."""
        kinds = {"images": self._images, "masks": self._masks}
        if self._alphas is not None:
            kinds["soft masks"] = self._alphas
        common = set.intersection(*(set(files) for files in kinds.values()))
        lone = {kind: sorted(set(files) - common) for kind, files in kinds.items() if set(files) - common}
        if not common or (lone and not skip):
            alone = (
                f"{len(stems)} of {len(kinds[kind])} {kind} alone ({listed(stems)})" for kind, stems in lone.items()
            )
            raise UserError(
                subject, got="; ".join(alone) or "no images",
                expected="images and masks of the same names but for the suffix",
                remedy="mend the names, or leave them out with --skip-unmatched" if common else "mend the names",
            )  # fmt: skip
        self.notes = tuple(f"left out {len(stems)} {kind} without their like" for kind, stems in lone.items())
        return sorted(common)

    def _look(self, subject: str) -> Found:
        """Look at every mask and every image's head: what is wrong with them, and which values they hold."""
        found, problems, digest = Found(), Problems(subject), hashlib.sha256()
        for stem in self._stems:
            image_path, mask_path = self._images[stem], self._masks[stem]
            try:
                size = images.size(image_path)
            except images.BROKEN:
                problems.add("images that cannot be read", image_path.name)
                continue
            try:
                values = read_values(mask_path)
                alpha = _read_alpha(self._alphas[stem]) if self._alphas else None
            except images.BROKEN as error:
                problems.add("masks that cannot be read", f"{mask_path.name}: {error}")
                continue
            for labels in (values, alpha):
                if labels is not None and labels.shape != size[::-1]:
                    height, width = labels.shape
                    problems.add(
                        "masks of another size", f"{mask_path.name}: {width}×{height}, image {size[0]}×{size[1]}"
                    )
            found.add(values)
            digest.update(repr((stem, image_path.stat().st_size)).encode())
            digest.update(hashlib.sha256(np.ascontiguousarray(values)).digest())
            if alpha is not None:
                digest.update(hashlib.sha256(np.ascontiguousarray(alpha)).digest())
        problems.check("mend or remove these files")
        self.digest = digest.hexdigest()
        return found


def _folders(root: Path, settings: ImportSettings) -> tuple[Path, Path, Path | None]:
    """Folders of images, masks and, if there are any, soft masks."""
    if not root.is_dir():
        raise UserError("source", got=f"{root}, which is no folder", expected="a folder", remedy="check the path")
    if (settings.images is None) != (settings.masks is None):
        raise UserError(
            "import", got="one of --images and --masks", expected="both or neither", remedy="name both folders"
        )
    if settings.images is not None:
        folders = [_inside(root, name) for name in (settings.images, settings.masks)]
        alphas = None
    else:
        layout = next((names for names in LAYOUTS if all((root / name).is_dir() for name in names[:2])), None)
        if layout is None:
            raise UserError(
                "source", got=f"{root} with neither of " + ", ".join(f"{a}/ and {b}/" for a, b, _ in LAYOUTS),
                expected="a folder of images and one of masks", remedy="name them with --images and --masks",
            )  # fmt: skip
        folders = [root / name for name in layout[:2]]
        alphas = root / layout[2] if layout[2] and (root / layout[2]).is_dir() else None
    if settings.alphas is not None:
        alphas = _inside(root, settings.alphas)
    return folders[0], folders[1], alphas


def _inside(root: Path, name: str) -> Path:
    for folder in (root / name, Path(name).expanduser()):
        if folder.is_dir():
            return folder
    raise UserError("import", got=f"{name}, which is no folder", expected=f"a folder in {root} or anywhere",
                    remedy="check the path")  # fmt: skip


def _by_stem(folder: Path) -> Mapping[str, Path]:
    """Image files of a folder and those below, by path without suffix.

    Raises:
        UserError: two files differ in their suffix only.
    """
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.suffix.lower() not in images.SUFFIXES or any(part.startswith(".") for part in relative.parts):
            continue
        stem = relative.with_suffix("").as_posix()
        if stem in found:
            raise UserError(
                str(folder), got=f"{found[stem].name} and {path.name}", expected="one file of a name",
                remedy="remove one of them",
            )  # fmt: skip
        found[stem] = path
    return found


def _read_alpha(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        if image.mode not in ("L", "1"):
            raise ValueError(f"mode {image.mode} is no soft mask")
        return np.array(image.convert("L"))
