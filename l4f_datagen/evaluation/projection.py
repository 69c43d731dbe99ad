"""Masks by projection against the truth, beside segmenters on the same photographs (Table 4 of the paper)."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..errors import UserError
from ..masks import HALF, IGNORED, make_mask
from ..photographs.square import fitted
from ..projection.codes import Codes, read_codes
from ..projection.results import IMAGES, MASKS, read_pictures
from ..samples.files import pairing
from ..samples.sample import Picture, Samples, broken, listed
from ..settings import EvaluateProjectionSettings
from ..short import short
from .differences.looks import of_segmenters
from .differences.sheets import Look
from .references import Masker
from .segmenter import evaluate_segmenters, open_truth
from .tables import Report, Row


def evaluate_projection(
    folders: Sequence[str],
    segmenters: Sequence[Masker],
    settings: EvaluateProjectionSettings,
    *,
    supervised: Masker | None = None,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """Measure the masks of folders of codes, and segmenters on the same photographs, a row each.

    All are looked at as they were projected: the middle squares, at the generator's size. A folder's row holds the
    median ``error`` of its reconstructions too, in grey levels of 0 to 255, and the median ``seconds`` a photograph.

    Raises:
        UserError: a folder holds no finished codes, has no masks, or photographs and truth do not belong together.
    """
    truth, projections = _opened(folders, settings)
    made = evaluate_segmenters(
        [*projections, *segmenters], settings, supervised=supervised, report=report, truth=truth,
        title="Masks by projection",
    )  # fmt: skip
    first = bool(supervised)
    rows = list(made.rows)
    for number, projection in enumerate(projections, first):
        rows[number] = projection.with_figures(rows[number], truth.keys)
    return replace(made, rows=tuple(rows))


def look_at(
    folders: Sequence[str],
    segmenters: Sequence[Masker],
    settings: EvaluateProjectionSettings,
    *,
    supervised: Masker | None = None,
) -> Look:
    """Shows samples of what ``evaluate_projection`` finds of the same arguments. Raises as it does."""
    truth, projections = _opened(folders, settings)
    return of_segmenters(truth, [*([supervised] if supervised else []), *projections, *segmenters])


class ProjectedTruth(Samples):
    """Photographs as they were projected, with their true masks brought to the same square and size."""

    KIND = "projected"

    def __init__(self, codes: Codes, truth: Samples):
        self._codes, self._truth = codes, truth
        self.name, self.foreground, self.digest = truth.name, truth.foreground, truth.digest
        self._partners = _partners([row.key for row in codes.rows], list(truth.keys))
        self.keys = [row.key for row in codes.rows if row.key in self._partners]
        if not self.keys:
            raise UserError(
                str(codes.folder), got=f"photographs whose names are those of no mask ({codes.rows[0].key}, …)",
                expected=f"such as {listed(list(truth.keys))}", remedy="check --images and --masks",
            )  # fmt: skip
        left_out = len(codes) - len(self.keys)
        self.notes = [*truth.notes, *([f"{left_out} photographs without a true mask are left out"] if left_out else [])]

    def picture(self, index: int) -> Picture:
        return Picture(image=_picture(self._codes, self.keys[index], IMAGES))

    def mask(self, index: int) -> np.ndarray:
        found = self._truth.mask(self._truth.number(self._partners[self.keys[index]]))
        size = _picture(self._codes, self.keys[index], IMAGES).shape[0]
        if found.shape == (size, size):
            return found
        share = fitted(255 * (found == 1).astype(np.uint8), size)
        ignored = fitted(255 * (found == IGNORED).astype(np.uint8), size)
        return np.where(ignored >= 128, IGNORED, make_mask(share, HALF)).astype(np.uint8)


class Projection:
    """The masks of a folder of codes, as those of a segmenter."""

    def __init__(self, codes: Codes):
        self.name, self._codes = f"{codes.rows[0].how} ({codes.rows[0].space}), {codes.folder}", codes
        self._rows = {row.key: row for row in codes.rows}

    def check(self, keys: Sequence[str]) -> None:
        """Refuse a folder without masks, or without some of these photographs.

        Raises:
            UserError: it is one.
        """
        if not (self._codes.folder / MASKS).is_dir():
            raise UserError(
                str(self._codes.folder), got="codes that were projected without an alpha network",
                expected="codes with masks", remedy="project the photographs again, with --alpha",
            )  # fmt: skip
        if missing := [key for key in keys if key not in self._rows]:
            raise UserError(
                str(self._codes.folder),
                got=f"no code of {len(missing)} of {len(keys)} photographs ({listed(missing)})",
                expected="the same photographs in all folders", remedy="project them there too",
            )  # fmt: skip

    def __call__(self, images: np.ndarray, keys: Sequence[str]) -> np.ndarray:
        return np.stack([_picture(self._codes, key, MASKS) for key in keys])

    def with_figures(self, row: Row, keys: Sequence[str]) -> Row:
        """A row of the table with the medians of what is known of these photographs."""
        found = {name: [getattr(self._rows[key], name) for key in keys] for name in ("error", "seconds")}
        return replace(row, values={**row.values, **{name: statistics.median(some) for name, some in found.items()}})


def _opened(folders: Sequence[str], settings: EvaluateProjectionSettings) -> tuple[ProjectedTruth, list[Projection]]:
    """The truth of the first folder's photographs, and all folders."""
    codes = [read_codes(folder) for folder in folders]
    if not codes:
        raise UserError("codes", got="none", expected="folders of l4f-datagen project", remedy="name at least one")
    truth = ProjectedTruth(codes[0], open_truth(settings, count=len(codes[0])))
    projections = [Projection(one) for one in codes]
    for projection in projections:
        projection.check(truth.keys)
    return truth, projections


def _partners(keys: Sequence[str], names: Sequence[str]) -> dict[str, str]:
    """Photograph → true mask, by their names; of those that are left, by the last parts of them."""
    found = pairing.pairs(keys, names)
    taken = set(found.values())
    left = {key: Path(key).name for key in keys if key not in found}
    others = {Path(name).name: name for name in names if name not in taken}
    if len(set(left.values())) == len(left) and len(others) == len(names) - len(taken):
        found |= {key: others[last] for key, last in left.items() if last in others}
    return found


def _picture(codes: Codes, key: str, kind: str) -> np.ndarray:
    try:
        return read_pictures(codes.folder, key)[kind]
    except (OSError, ValueError, KeyError) as error:
        raise broken(codes.folder / kind / f"{key}.png", short(error, 100)) from error
