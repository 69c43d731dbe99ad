"""The torch ``IterableDataset`` around a generator: nothing is stored."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import torch
from torch.utils.data import get_worker_info

from ..errors import UserError
from ..generation.by_index import SamplesByIndex
from ..overlap import ordered_map
from ..sample import Sample
from ..settings import GenerateSettings, fingerprint
from . import shares
from .continuing import ContinuedDataset, check_counts

MOST = 10**9
"""Indices of samples lie below it; epochs that would go beyond begin again with the first."""


class StreamDataset(ContinuedDataset):
    """The samples of ``stream`` for a ``DataLoader``, drawn as they are asked for: each once, over all processes and
    workers.

    Yields (image, mask) as ``TrainingDataset`` does: uint8 (3, H, W) and int64 (H, W), or what ``transform`` makes of a
    ``Sample``. An epoch has ``settings.n`` samples; epoch e has those from index e · n on, so that every epoch is new.
    A sample depends on settings and index alone; its pixels agree to rounding however many share the work. Epochs
    follow each other, and can be gone on with, as those of ``TrainingDataset``.

    Args:
        settings: what to draw. What they leave open is as the checkpoint's card recommends.
        rank, world_size, uneven, batch_size: as for ``TrainingDataset``.
        threads: of each worker that draw ahead; 1: none, samples are drawn when they are asked for.
        transform: sample → what is yielded.

    Raises:
        UserError: checkpoints or device are not usable, or an argument is out of range; or, when one iterates, worker
            processes were forked off a process that has a GPU's networks.
        WorkError: while one iterates: hardly any candidate passes the filters, or there is too little memory.
    """

    def __init__(
        self,
        settings: GenerateSettings,
        *,
        rank: int | None = None,
        world_size: int | None = None,
        uneven: shares.Uneven = "keep",
        batch_size: int = 1,
        threads: int = 1,
        transform: Callable[[Sample], Any] | None = None,
    ):
        check_counts(threads=threads)
        super().__init__(settings.n, batch_size=batch_size, uneven=uneven, rank=rank, world_size=world_size)
        self.settings, self.threads, self.transform = settings, threads, transform
        self._drawing: SamplesByIndex | None = SamplesByIndex(settings)
        self._fingerprint = fingerprint(self._drawing.identity)

    def __repr__(self) -> str:
        share = f", {len(self)} of them for rank {self.rank} of {self.world_size}" * (self.world_size > 1)
        return f"StreamDataset({self.settings.generator!r}, {self._samples} samples an epoch{share})"

    def __getstate__(self) -> dict[str, Any]:
        # A worker process that is not forked loads the networks itself, on its own device.
        return {**self.__dict__, "_drawing": None}

    def _identity(self) -> dict[str, int | bool | str]:
        return super()._identity() | {"settings": self._fingerprint}

    def _items(self, epoch: int, number: int, workers: int, skipped: int) -> Iterator[Any]:
        drawing = self._networks()
        first, last = shares.worker_share(self._share(), number, workers, self.batch_size)
        begin = first + skipped // drawing.block * drawing.block  # whole blocks, so that pixels are the same ones
        blocks = (
            [
                (epoch * self._samples + place % self._samples) % MOST
                for place in range(at, min(at + drawing.block, last))
            ]
            for at in range(begin, last, drawing.block)
        )
        drawn = ordered_map(
            drawing.draw, blocks, workers=self.threads if self.threads > 1 else 0, ahead=self.threads + 1
        )
        try:
            samples = (sample for block in drawn for sample in block)
            yield from map(self._given, islice(samples, skipped - (begin - first), None))
        finally:
            drawn.close()

    def _networks(self) -> SamplesByIndex:
        if self._drawing is None:
            self._drawing = SamplesByIndex(self.settings)
        elif get_worker_info() is not None and (device := self._drawing.models.device).type != "cpu":
            raise UserError(
                "num_workers of the loader", got=f"forked workers, and networks on {device}",
                expected="no workers, or spawned ones",
                remedy="use num_workers=0 and threads=2, or multiprocessing_context='spawn'",
            )  # fmt: skip
        return self._drawing

    def _given(self, sample: Sample) -> Any:
        if self.transform is not None:
            return self.transform(sample)
        image = torch.from_numpy(sample.image).permute(2, 0, 1).contiguous()
        return image, torch.from_numpy(sample.mask).long()
