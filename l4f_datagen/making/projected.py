"""Projected photographs become a data set folder: each photograph with the alpha of its code."""

from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .. import scores
from .. import settings as settings_module
from ..errors import UserError
from ..generation.cutouts import cut_out_array
from ..masks import MaskLaw, make_mask
from ..overlap import ordered_map
from ..progress.state import Progress
from ..projection.codes import CODES, Codes, read_codes
from ..projection.results import ALPHAS, IMAGES, RECONSTRUCTIONS, read_pictures
from ..sample import Sample
from ..settings import CodesSettings
from ..shards.damage import Damaged
from ..shards.format.arithmetic import Arithmetic
from ..shards.format.schema import SCHEMA
from ..short import short
from ..storage.store import Store
from ..versions import versions
from ..weights.source import UNKNOWN_LICENCE, file_sha256
from .arithmetic_probe import of_picture
from .extending import with_begun
from .trunk import write_dataset

_PACKAGES = ("l4f-datagen", "numpy", "opencv-python-headless", "pillow", "pyarrow")
_READERS, _AHEAD = 2, 8


@dataclass(frozen=True)
class Photographs:
    """The photographs of a folder of codes that become samples."""

    settings: CodesSettings
    """With nothing left open: what was not said is as in the projection."""
    codes: Codes
    numbers: tuple[int, ...]
    """Their rows in the folder, in order; the first ``n`` are taken."""
    sha256: str
    """Of the file of codes."""


def open_photographs(settings: CodesSettings) -> Photographs:
    """The photographs that settings name.

    Raises:
        UserError: there is no finished folder of codes, it has no alphas, or fewer photographs than wanted.
    """
    codes = read_codes(settings.codes)
    projected = codes.description.get("settings", {})
    if not codes.description.get("alpha"):
        raise UserError(
            f"codes {codes.folder}", got="codes that were projected without an alpha network, which give no masks",
            expected="codes with alphas", remedy="project the photographs again, with --alpha",
        )  # fmt: skip
    most = settings.max_error
    numbers = tuple(i for i, row in enumerate(codes.rows) if most is None or row.error <= most)
    if not numbers:
        raise UserError(
            "max_error", got=f"{most}, which leaves no photograph",
            expected=f"at least {min(row.error for row in codes.rows):.1f}, the smallest error there is",
            remedy="raise --max-error",
        )  # fmt: skip
    if (settings.n or 0) > len(numbers):
        raise UserError("n", got=settings.n, expected=f"at most the {len(numbers)} photographs", remedy="change --n")
    told = {name: getattr(settings, name) for name in ("threshold", "largest_component", "fill_holes")}
    left_open = {name: projected.get(name) for name, value in told.items() if value is None}
    values = {**settings.model_dump(exclude_unset=True), **left_open, "n": settings.n or len(numbers)}
    resolved = settings_module.validate(CodesSettings, values, str(codes.folder))
    return Photographs(resolved, codes, numbers, file_sha256(codes.folder / CODES))


def write(
    photographs: Photographs,
    out: str | Path | Store,
    *,
    overwrite: bool = False,
    report: Callable[[Progress], None] = lambda progress: None,
    shards: range | None = None,
    allow_mixed: bool = False,
) -> Progress:
    """Write a data set of projected photographs into the folder ``out``, or continue it.

    Calls ``report`` after every sample. Shards that are finished stay as they are.

    Raises:
        UserError: the folder is not usable; nothing was written.
        WorkError: the disk is full; finished shards stay, and the same call continues.
    """
    photographs = replace(photographs, settings=with_begun(photographs.settings, out, overwrite=overwrite))
    return write_dataset(
        photographs.settings, out, describe(photographs), lambda pending: stream(photographs, shards=pending),
        overwrite=overwrite, report=report, shards=shards, probe=lambda: arithmetic(photographs),
        allow_mixed=allow_mixed,
    )  # fmt: skip


def arithmetic(photographs: Photographs) -> Arithmetic:
    """The arithmetic by which this process makes samples of these photographs: versions, processor, and a probe."""
    settings, size = photographs.settings, int(photographs.codes.description["generator"].get("resolution", 64))
    return of_picture(size, settings, packages=_PACKAGES)


def stream(photographs: Photographs, *, shards: Iterable[int]) -> Generator[Sample]:
    """The samples of some shards in order.

    Their ``foreground_code`` and ``background_code`` are the photograph's row among the codes, and both psi are 1.
    """
    settings = photographs.settings
    places = ((shard, index) for shard in shards for index in settings.shard_indices(shard))
    return ordered_map(lambda place: _sample(photographs, *place), places, workers=_READERS, ahead=_AHEAD)


def describe(photographs: Photographs) -> dict[str, Any]:
    """What ``dataset.json`` says: a folder of codes in place of checkpoints."""
    settings, codes = photographs.settings, photographs.codes
    identity = settings.identity(without=("n", "codes")) | {"codes_sha256": photographs.sha256}
    return {
        "settings": settings.model_dump(mode="json"),
        "identity": identity,
        "fingerprint": settings_module.fingerprint(identity),
        "checkpoints": {},
        "codes": {
            "name": str(codes.folder),
            "sha256": photographs.sha256,
            "generator": short(codes.description["generator"].get("name"), 200),
            "alpha": short(codes.description["alpha"].get("name"), 200),
            "licence": UNKNOWN_LICENCE,
            "networks": {name: _origin(codes.description[name]) for name in ("generator", "alpha")},
        },
        "versions": versions(_PACKAGES),
        "counts": {"samples": settings.n, "shards": settings.shards},
    }


def _origin(network: Mapping[str, object]) -> dict[str, str]:
    """Hash and licence of a network, as far as ``codes.json`` says them."""
    return {name: short(network[name], 200) for name in ("sha256", "licence") if isinstance(network.get(name), str)}


def _sample(photographs: Photographs, shard: int, index: int) -> Sample:
    settings, number = photographs.settings, photographs.numbers[index]
    row = photographs.codes.rows[number]
    image, alpha, again = _pictures(photographs.codes, row.key)
    threshold = settings.threshold
    assert threshold is not None, "what was left open is as the projection had it"
    law = MaskLaw(
        threshold=threshold, largest_component=bool(settings.largest_component), fill_holes=bool(settings.fill_holes)
    )
    mask = make_mask(alpha, law)
    values = {
        "key": f"{index:09d}",
        "shard": shard,
        "index": index,
        "seed": 0,
        "foreground_code": number,
        "background_code": number,
        "candidate": 0,
        "background_source": row.key,
        "psi": 1.0,
        "background_psi": 1.0,
        "threshold": threshold,
        "height": mask.shape[0],
        "width": mask.shape[1],
        **scores.score(alpha, mask, threshold),
    }
    return Sample(
        image=image, alpha=alpha, mask=mask, metadata={name: values[name] for name in SCHEMA.names},
        foreground=again if "foreground" in settings.save else None,
        cutout=cut_out_array(image, alpha) if "cutout" in settings.save else None,
    )  # fmt: skip


def _pictures(codes: Codes, key: str) -> tuple[Any, Any, Any]:
    """Photograph, alpha and reconstruction of one row.

    Raises:
        Damaged: one is missing or damaged.
    """
    place = codes.folder / IMAGES / f"{key}.png"
    try:
        found = read_pictures(codes.folder, key)
        image, alpha, again = found[IMAGES], found[ALPHAS], found[RECONSTRUCTIONS]
        if not image.shape[:2] == alpha.shape == again.shape[:2]:
            raise ValueError("its pictures are of several sizes")
    except (OSError, ValueError, KeyError) as error:
        raise Damaged(
            str(place), f"pictures of this photograph that cannot be read ({short(error, 100)})",
            remedy="copy the folder of codes again, or project the photographs again with --overwrite",
        ) from error  # fmt: skip
    return image, alpha, again
