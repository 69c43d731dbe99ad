"""Photographs → a folder of their codes, masks, alphas, cut-outs and reconstructions, batch by batch."""

import contextlib
import logging
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..devices import explaining_memory
from ..generation.recommended import with_recommended
from ..mask_files import values as mask_values
from ..networks.pixels import image_from_uint8
from ..overlap import ordered_map
from ..settings import ProjectSettings, same
from ..sheet import save_png
from ..storage.opening import local_place
from ..versions import versions
from ..weights.features import FeatureNetwork, read_features
from . import results, unusual
from .codes import Codes, Row
from .distances import Distance
from .encoding import Guess, load_guess
from .folder import SHEET, CodesFolder
from .models import Models, load_models
from .optimise import Found, mean_code, search
from .pictures import Broken, Item, Picture, find_items, notices_of, read_picture

logger = logging.getLogger(__name__)

_READERS = 2
_PACKAGES = ("l4f-datagen", "torch", "numpy", "opencv-python-headless")


@dataclass(frozen=True)
class Projected:
    """What became of the photographs."""

    codes: Codes
    made: int
    """Photographs that this call projected."""
    broken: tuple[str, ...]
    """Names of the photographs that could not be read, in order."""
    unusual: tuple[str, ...]
    """Keys of those that the generator cannot draw: their errors are far above the usual."""


@dataclass(frozen=True)
class Networks:
    """All that a projection computes with."""

    models: Models
    guess: Guess | None
    """The encoder; None where the search begins with the mean code."""
    features: FeatureNetwork | None


def project(
    settings: ProjectSettings,
    out: str | Path,
    *,
    overwrite: bool = False,
    report: Callable[[int, int], None] = lambda done, count: None,
    tell: Callable[[str], None] | None = None,
) -> Projected:
    """Write the codes of photographs into the folder ``out``, or continue what is there.

    A photograph that is there already, with the same pixels, stays. Calls ``report`` with the photographs that are
    done and with how many there are; ``tell`` gets a line that says what the checkpoint recommended.

    Raises:
        UserError: the photographs, a network or ``out`` is not usable; nothing was written.
        WorkError: the disk is full; what was finished stays, and the same call continues.
    """
    settings = with_recommended(settings, tell=tell)
    items = find_items(settings)
    networks = _load(settings)
    folder = CodesFolder(local_place(out))
    broken: list[str] = []
    made, done = 0, 0
    with (
        folder.opened(_describe(settings, networks), overwrite=overwrite, results=results.FOLDERS),
        explaining_memory(networks.models.device, settings.batch_size),
    ):
        for batch in _batches(settings, networks.models.size, items, folder, broken):
            pictures = [picture for picture in batch if not _is_done(folder, picture)]
            if pictures:
                _project(settings, networks, folder, pictures)
                made += len(pictures)
            done += len(batch)
            report(done + len(broken), len(items))
        keys = [item.key for item in items]
        codes = folder.finish(keys)
        shown = [results.read_pictures(folder.path, key) for key in keys if key in folder.done][: results.SHOWN]
        save_png(folder.path / SHEET, results.sheet([one for one in shown if results.IMAGES in one]))
    for line in notices_of(items):
        logger.warning("images: %s", line)
    return Projected(codes, made, tuple(broken), unusual.keys_of(codes))


def _load(settings: ProjectSettings) -> Networks:
    models = load_models(settings.generator, settings.alpha, settings.device)
    guess = load_guess(settings.encoder, models, settings.generator) if settings.encoder else None
    features = None
    if settings.features:
        features = read_features(settings.features, size=models.size, device=models.device)
    return Networks(models, guess, features)


def _describe(settings: ProjectSettings, networks: Networks) -> dict[str, Any]:
    """What ``codes.json`` says; names of networks do not make codes others, their hashes do."""
    models, architecture = networks.models, networks.models.generator.architecture
    hashes = {
        "generator": models.source.sha256,
        "alpha": models.alpha_source.sha256 if models.alpha_source else None,
        "encoder": networks.guess.source.sha256 if networks.guess else None,
        "features": networks.features.sha256 if networks.features else None,
    }
    generator = {
        "name": models.source.name, "sha256": models.source.sha256, "resolution": architecture.resolution,
        "num_ws": architecture.num_ws, "w_dim": architecture.w_dim, "licence": models.source.licence,
    }  # fmt: skip
    alpha = models.alpha_source
    return {
        "generator": generator,
        "alpha": {"name": alpha.name, "sha256": alpha.sha256, "licence": alpha.licence} if alpha else None,
        **same.describe(settings, hashes, settings.FREE),
        mask_values.SETTING: "01",
        "versions": dict(versions(_PACKAGES)),
    }


def _batches(
    settings: ProjectSettings, size: int, items: Sequence[Item], folder: CodesFolder, broken: list[str]
) -> Generator[list[Picture]]:
    """Whole photographs, as many as are projected at once; broken ones are told and left out."""
    batch: list[Picture] = []
    pictures = ordered_map(lambda item: read_picture(item, size), items, workers=_READERS, ahead=4 * _READERS)
    with contextlib.closing(pictures):
        for picture in pictures:
            if isinstance(picture, Broken):
                logger.warning("%s: left out (%s)", picture.item.name, picture.reason)
                broken.append(picture.item.name)
                continue
            if _is_done(folder, picture):
                yield [picture]
                continue
            batch.append(picture)
            if len(batch) == settings.batch_size:
                yield batch
                batch = []
    if batch:
        yield batch


def _is_done(folder: CodesFolder, picture: Picture) -> bool:
    place = folder.done.get(picture.item.key)
    return place is not None and place.row.sha256 == picture.sha256


def _project(settings: ProjectSettings, networks: Networks, folder: CodesFolder, pictures: Sequence[Picture]) -> None:
    """Find the codes of a batch, write its pictures, then its codes, which say that it is finished."""
    start, models = time.monotonic(), networks.models
    photographs = image_from_uint8(torch.from_numpy(np.stack([picture.image for picture in pictures])))
    photographs = photographs.to(models.device)
    found, doubts = _found(settings, networks, photographs)
    drawn = results.draw(models, found, photographs, settings)
    made = results.pictures_of([picture.image for picture in pictures], drawn, settings)
    errors, undrawn = results.errors(drawn.image, photographs), results.undrawn(drawn.image, photographs)
    figures = zip(errors, undrawn, models.distance(found.w).tolist(), doubts, strict=True)
    seconds = (time.monotonic() - start) / len(pictures)
    rows = []
    for picture, shown, (error, left, distance, doubt) in zip(pictures, made, figures, strict=True):
        results.write_pictures(folder.path, picture.item.key, shown, mask_values.of_pictures(folder.description))
        rows.append(
            Row(
                key=picture.item.key, file=picture.item.name, sha256=picture.sha256, space=settings.space,
                how=_how(settings), error=round(error, 4), psnr=round(results.psnr(error), 4),
                undrawn=round(left, 4), distance=round(distance, 4), seconds=round(seconds, 4),
                warnings="; ".join([*picture.warnings, *unusual.far(distance, models.farthest), *doubt]),
            )
        )  # fmt: skip
    folder.add(found.w, rows, found.noise)


def _found(settings: ProjectSettings, networks: Networks, photographs: Tensor) -> tuple[Found, list[list[str]]]:
    """The codes, and what to tell of each photograph that was hard to find before its layers had codes of their own."""
    models, features = networks.models, networks.features
    distance = Distance(photographs, features.features if features else None, settings.feature_weight)
    if networks.guess is None:
        stages = list(_stages(settings))
        found = search(models, distance, mean_code(models, len(photographs)), stages, settings)
        if found.shared is None:
            return found, [[]] * len(photographs)
        return found, [unusual.elsewhere(one, models.far) for one in models.distance(found.shared).tolist()]
    start = networks.guess(photographs)
    if settings.space == "w":
        start = start.mean(1, keepdim=True)
    found = search(models, distance, start, [(settings.space, settings.refine_steps)], settings)
    if not settings.refine_steps:
        return found, [[]] * len(photographs)  # what its answer leaves undrawn is in the rows
    layers = models.generator.architecture.num_ws
    answer = results.draw(models, Found(start.expand(-1, layers, -1), None), photographs, settings, masks=False)
    return found, [unusual.unknown(one) for one in results.undrawn(answer.image, photographs)]


def _stages(settings: ProjectSettings) -> Iterator[tuple[str, int]]:
    if settings.space == "w":
        yield "w", settings.w_steps + settings.steps
    else:
        yield "w", settings.w_steps
        yield "w+", settings.steps


def _how(settings: ProjectSettings) -> str:
    if settings.how == "optimise":
        return "optimise"
    return "encoder+optimise" if settings.refine_steps else "encoder"
