"""Batches of labelled images: drawn by weight, augmented, cut into targets; each follows from its position alone."""

import logging
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ... import worlds
from ...addresses import shown
from ...errors import UserError, WorkError
from ...masks import IGNORED, MaskLaw, make_mask
from ...networks import ops
from ...networks.pixels import to_range
from ...overlap import ordered_map
from ...samples.generator import LEARNED, GeneratorSamples
from ...samples.opening import GENERATOR, open_samples
from ...samples.reading import Reading
from ...samples.sample import Labelled, Samples
from ...samples.shards import ShardSamples
from ...seeding import generator_for
from ...settings import TrainSegmenterSettings
from ...settings.reject_list import NothingLeft, RejectList
from ...shards.damage import Damaged
from . import augmentation, weighting

logger = logging.getLogger(__name__)

_WORLD_SIZE = 64
_PLAIN_SHARE = 0.5
"""Share of plain foregrounds where the settings leave it open."""


@dataclass(frozen=True)
class Batch:
    """``images`` (N, 3, H, W) float32 in [-1, 1]; ``masks`` (N, H, W) int64, 255 ignored; ``alphas`` float32 [0, 1]."""

    images: Tensor
    masks: Tensor
    alphas: Tensor
    weights: Tensor | None = None
    """What each sample's loss is multiplied with, float32 (N,); None: all of them weigh the same."""

    def to(self, device: torch.device) -> "Batch":
        """On a device, images in the layout that its convolutions want."""
        images = self.images.to(device, memory_format=ops.layout(device))
        weights = None if self.weights is None else self.weights.to(device)
        return Batch(images, self.masks.to(device), self.alphas.to(device), weights)


class Part:
    """The images of a source that a run uses, finished ones kept in memory while there is room.

    ``law``: what makes the masks of alphas that are scaled, or of all where it is not the source's own; None takes
    the masks as they are stored.
    """

    def __init__(self, source: Samples, indices: Sequence[int], weight: float, size: int, law: MaskLaw | None):
        self.source, self.indices, self.weight, self.size, self.law = source, indices, weight, size, law
        self.keeps, self._kept = False, {}

    def read(self, index: int) -> Labelled:
        """Image ``index`` of this part with the size's shorter side.

        Raises:
            WorkError: it is damaged.
        """
        return self.read_all([(index, False)])[0]

    def read_all(self, wanted: Sequence[tuple[int, bool]]) -> list[Labelled]:
        """As ``read`` of each: its index, and whether its plain foreground is wanted."""
        kept = {key: self._kept[key] for key in wanted if key in self._kept}
        missing = [key for key in wanted if key not in kept]
        try:
            found = self.source.read_all([(self.indices[index], foreground) for index, foreground in missing])
        except Damaged:
            raise
        except (OSError, ValueError) as error:
            raise WorkError(f"{error}; check the data set, or make the shard again") from error
        read = dict(zip(missing, map(self._fitted, found), strict=True))
        if self.keeps:
            self._kept.update(read)
        return [kept[key] if key in kept else read[key] for key in wanted]

    def place(self, position: int, seed: int, number: int) -> int:
        """The image that stands at a position of the stream: all in turn, in each epoch in another order."""
        count = len(self.indices)
        if self.source.endless:  # its samples are in no order
            return position % count
        epoch, place = divmod(position, count)
        return int(_permutation(count, seed, epoch, number)[place])

    def _fitted(self, found: Labelled) -> Labelled:
        if self.law != found.law:
            mask = found.mask if self.law is None else make_mask(found.alpha, self.law)
            found = replace(found, mask=mask, law=self.law)
        return augmentation.with_shorter_side(found, self.size)


class _Chosen(NamedTuple):
    """What stands at a position of the stream."""

    part: int
    index: int
    foreground: bool
    rng: np.random.Generator
    """Goes on with the augmentation."""


class LabelledBatches:
    """What a segmenter learns from and is validated on; ``device``: where generators draw, by default the settings'."""

    def __init__(self, settings: TrainSegmenterSettings, *, device: str | None = None):
        self.settings, self._device = settings, device or settings.device
        if not settings.shards:
            raise UserError(
                "shards", got="none", expected="at least one data set folder, world:NAME or generator:NAME",
                remedy="name what to learn from with --shards",
            )  # fmt: skip
        opened = [
            self._open(place, len(LEARNED) if place.startswith(GENERATOR) else settings.world_images, "train")
            for place, _ in settings.sources
        ]
        self.sources: Sequence[Samples] = opened
        first = opened[0].read(0)
        self.size = settings.size or min(first.mask.shape)
        self.licence = " and ".join(sorted({source.licence for source in opened}))
        self._kept = self._without(opened)
        counts = [len(kept) for kept in self._kept]
        if settings.held_out is not None:
            held_out = [
                0 if source.endless else min(n - 1, round(n * settings.held_out))
                for source, n in zip(opened, counts, strict=True)
            ]
        else:
            held_out = [0] * len(opened)
        self.parts = [
            Part(source, kept[: len(kept) - out], weighted.weight, self.size, self._law(source))
            for source, weighted, kept, out in zip(opened, settings.sources, self._kept, held_out, strict=True)
        ]
        self.validation = self._validation_parts(held_out)
        self.foregrounds = [self._foreground_share(part.source) for part in self.parts]
        self._keep_what_fits()
        self._weights = weighting.read(settings.sample_weights) if settings.sample_weights else {}
        total = sum(part.weight for part in self.parts)
        self._bounds = np.cumsum([part.weight / total for part in self.parts])

    @property
    def validated(self) -> int:
        """How many images validation looks at."""
        count = sum(len(part.indices) for part in self.validation)
        return min(count, self.settings.validation_images)

    def batches(self, plan: Iterator[Sequence[int]], *, workers: int) -> Generator[Batch]:
        """The images at every element's positions of the endless stream, in order, made ahead if there are workers."""
        if self._device == "mps" and any(source.endless for source in self.sources):
            workers = 0  # they would draw beside the training, and Apple's GPUs take orders of one thread alone
        return ordered_map(self.batch, plan, workers=workers, ahead=2 * workers)

    def batch(self, positions: Sequence[int]) -> Batch:
        """The images at positions of the endless stream, as they depend on (seed, position) alone."""
        chosen = list(map(self._at, positions))
        read = _read([(self.parts[one.part], (one.index, one.foreground)) for one in chosen])
        rows = [augmentation.augment(found, self.size, self.settings, one.rng) for found, one in zip(read, chosen)]
        return self._stack(rows, torch.tensor(list(map(self._weight, chosen))) if self._weights else None)

    def validation_batches(self, batch_size: int) -> Iterator[Batch]:
        """The validation images, never augmented, spread evenly over their parts."""
        where = [(part, index) for part in self.validation for index in range(len(part.indices))]
        chosen = [where[i * len(where) // self.validated] for i in range(self.validated)]
        for start in range(0, len(chosen), batch_size):
            some = _read([(part, (index, False)) for part, index in chosen[start : start + batch_size]])
            yield self._stack([augmentation.centre_crop(found, self.size) for found in some])

    def _open(self, place: str, count: int, split: worlds.Split, size: int | None = None) -> Samples:
        """Open the labelled images that a place names; a world gives ``count`` pictures of a split."""
        reading = Reading(
            flag="import --foreground-values", insist="import --allow-empty", stored=self.settings.classes > 2
        )
        samples = open_samples(
            place, reading, size=size or self.settings.size or _WORLD_SIZE, count=count, split=split,
            device=self._device,
        )  # fmt: skip
        for note in samples.notes:
            logger.warning("%s: %s", shown(place), note)
        return samples

    def _without(self, opened: Sequence[Samples]) -> list[Sequence[int]]:
        """The samples of each source that the settings do not leave out."""
        kept: list[Sequence[int]] = [range(len(source)) for source in opened]
        if self.settings.without is None:
            return kept
        listed = [number for number, source in enumerate(opened) if isinstance(source, ShardSamples)]
        if len(listed) != 1:
            raise UserError(
                "without", got=f"a list for {len(listed)} data sets", expected="one data set folder among --shards",
                remedy="export or import those that are left, each with a list of its own",
            )  # fmt: skip
        (number,) = listed
        source = opened[number]
        assert isinstance(source, ShardSamples)
        kept[number] = source.kept(RejectList(self.settings.without))
        if not kept[number]:
            raise NothingLeft("without", len(source))
        logger.warning("%s: left out %d samples, which a list names", source.name, len(source) - len(kept[number]))
        return kept

    def _law(self, source: Samples) -> MaskLaw | None:
        """The source's own law, at the threshold that the settings ask for of what was generated."""
        law, threshold = source.law, self.settings.threshold
        if law is None or self.settings.classes > 2:
            return None
        if not source.generated or threshold in (None, law.threshold):
            return law
        if source.blended == "mask":
            logger.warning(
                "threshold %g: composites that were blended with their masks show those of %g; expect worse masks",
                threshold, law.threshold,
            )  # fmt: skip
        return replace(law, threshold=threshold)

    def _at(self, position: int) -> _Chosen:
        s = self.settings
        rng = np.random.default_rng((s.seed, position))
        choice, plain = rng.random(2)
        number = min(int(np.searchsorted(self._bounds, choice, side="right")), len(self.parts) - 1)
        index = self.parts[number].place(position, s.seed, number)
        return _Chosen(number, index, bool(plain < self.foregrounds[number]), rng)

    def _weight(self, chosen: _Chosen) -> float:
        part = self.parts[chosen.part]
        return self._weights.get(part.source.keys[part.indices[chosen.index]], 1.0)

    def _stack(self, rows: Sequence[Labelled], weights: Tensor | None = None) -> Batch:
        masks = np.stack([row.mask for row in rows])
        valid = masks[masks != IGNORED]
        if valid.size and valid.max() >= self.settings.classes:
            raise UserError(
                "classes", got=f"masks with class {valid.max()}", expected=f"classes below {self.settings.classes}",
                remedy="raise --classes",
            )  # fmt: skip
        images = torch.from_numpy(np.stack([row.image for row in rows])).permute(0, 3, 1, 2)
        alphas = torch.from_numpy(np.stack([row.soft for row in rows])).float().div_(255)
        return Batch(to_range(images), torch.from_numpy(masks).long(), alphas, weights)

    def _validation_parts(self, held_out: Sequence[int]) -> list[Part]:
        if self.settings.held_out is not None:
            parts = [
                Part(source, kept[len(kept) - out :], 1.0, self.size, self._law(source))
                for source, kept, out in zip(self.sources, self._kept, held_out, strict=True)
                if out
            ]
            drawn = [source for source in self.sources if isinstance(source, GeneratorSamples)]
            tests = [one.held_out(self.settings.validation_images) for one in drawn if self.settings.held_out]
            return parts + [Part(test, range(len(test)), 1.0, self.size, self._law(test)) for test in tests]
        source = self._open(self.settings.validation, self.settings.validation_images, "test", size=self.size)
        return [Part(source, range(len(source)), 1.0, self.size, self._law(source))]

    def _foreground_share(self, source: Samples) -> float:
        wanted = self.settings.foregrounds
        if wanted and source.generated and not source.has_foregrounds:
            raise UserError(
                "foregrounds", got=f"{wanted} with shards that hold none", expected="shards with KEY.foreground.jpg",
                remedy="generate them with --save foreground, or leave --foregrounds out",
            )  # fmt: skip
        if not source.has_foregrounds:
            return 0.0
        return _PLAIN_SHARE if wanted is None else wanted

    def _keep_what_fits(self) -> None:
        """Let parts keep their images, the first ones first, within the memory that the settings grant."""
        left = self.settings.memory * 2**30
        for part, plain in [*zip(self.parts, self.foregrounds), *((part, 0.0) for part in self.validation)]:
            if not len(part.indices):
                continue
            pixels = part.read(0).mask.size
            size = len(part.indices) * pixels * 5 * (2 if 0 < plain < 1 else 1)
            part.keeps = size <= left
            left -= size if part.keeps else 0


def _read(wanted: Sequence[tuple[Part, tuple[int, bool]]]) -> list[Labelled]:
    """Images of several parts, those of one part together."""
    found: dict[int, Labelled] = {}
    for part in dict.fromkeys(part for part, _ in wanted):
        places = [place for place, (of, _) in enumerate(wanted) if of is part]
        found.update(zip(places, part.read_all([wanted[place][1] for place in places]), strict=True))
    return [found[place] for place in range(len(wanted))]


@lru_cache(maxsize=16)
def _permutation(count: int, seed: int, epoch: int, number: int) -> np.ndarray:
    return torch.randperm(count, generator=generator_for(seed, f"labelled-{number}", epoch)).numpy()
