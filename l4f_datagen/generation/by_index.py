"""Samples by their indices, in the thread that asks for them: for whoever learns from samples that nobody stores."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

from .. import settings as settings_module
from ..devices import explaining_memory
from ..process.cores import cores
from ..sample import Sample
from ..settings import GenerateSettings
from .batch import finish, run_networks
from .filters import BLOCK, CandidateTally, Filters, first_accepted
from .latents import Candidate
from .models import Models, asked_for, load_models
from .recommended import with_recommended

_READERS = min(8, cores())
"""Threads that read images for backgrounds."""
_OF_FILES = ("samples_per_shard", "image_format", "quality", "mask_values", "save", "device", "precision")
"""Settings on which no sample depends, or only to rounding."""


class SamplesByIndex:
    """Draws the samples of settings; how many these ask for, and in which files, does not matter here.

    Sample ``i`` is the one that ``stream`` gives at its place ``i``; its pixels agree to rounding, and to the bit where
    the same indices are asked for together. Several threads may ask.

    Args:
        settings: what they leave open is as the checkpoint's card recommends, else their defaults.
        models: what ``load_models`` gave for them; default: they are loaded.

    Raises:
        UserError: checkpoints, device, reference or images for backgrounds are not usable.
    """

    def __init__(self, settings: GenerateSettings, models: Models | None = None):
        self.models = asked_for(models, settings) if models else load_models(settings)
        self.settings = with_recommended(settings, self.models.recommended)
        self._filters = Filters(self.settings, self.models.reference)
        self._tally = CandidateTally(self._filters.bounds)
        self._readers = ThreadPoolExecutor(_READERS)  # no thread begins before the first image is read

    @property
    def block(self) -> int:
        """How many samples are best asked for together."""
        return self.settings.batch_size * (BLOCK if self._filters else 1)

    @property
    def identity(self) -> dict[str, Any]:
        """What the samples depend on: settings, hashes of checkpoints and reference, and the images for backgrounds."""
        hashes = {name: source.sha256 for name, source in self.models.sources.items()}
        values = settings_module.identity(self.settings, hashes, self.models.device.type)
        found = {name: value for name, value in values.items() if name not in _OF_FILES}
        if self.models.backgrounds:
            found["background_images"] = dict(self.models.backgrounds.identity)
        if self.models.reference:
            found["reference_sha256"] = self.models.reference.sha256
        return found

    def draw(self, indices: Sequence[int]) -> list[Sample]:
        """The samples of some indices, each of which is named once, in their order.

        Raises:
            WorkError: there is too little memory, or hardly any candidate passes the filters.
        """
        size = self.settings.batch_size
        with explaining_memory(self.models.device, size):
            if self._filters:
                return first_accepted(
                    indices, self._drawn, self._filters, batch_size=size, tally=self._tally, stopped=Event()
                )
            parts = (indices[start : start + size] for start in range(0, len(indices), size))
            return [sample for part in parts for sample in self._drawn([Candidate(index) for index in part])]

    def _drawn(self, candidates: Sequence[Candidate]) -> list[Sample]:
        return finish(self.settings, run_networks(self.settings, self.models, 0, candidates, self._readers))
