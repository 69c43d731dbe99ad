"""An alpha network's masks of generated images against a reference (Tables 1 and 2 of the paper)."""

import contextlib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from ..devices import explaining_memory
from ..errors import UserError, WorkError
from ..generation import latents
from ..generation.drawing import alpha_to_uint8, composite, draw_behind
from ..generation.models import Models, load_models
from ..generation.recommended import with_recommended
from ..generation.refinement import refine
from ..generation.side_by_side import side_by_side, workers_for
from ..masks import MaskLaw, make_mask
from ..networks.pixels import image_to_uint8
from ..settings import EvaluateAlphaSettings, GenerateSettings, validate
from ..sheet import save_png
from ..storage import atomic
from .baselines.generated import Drawn, Look, Masks, opened
from .criteria import Judged
from .metrics import Tally, compared, miou, require_torchmetrics
from .references import FolderMasker, InstanceMasker, Masker, check_flags, notes_of
from .rejection import KINDS, asked, in_words
from .tables import Report, Row

_KEPT, _ALL = "not rejected", "all"
"""Which samples count in a row, where a reference gives instances."""
_MEASURED, _BASELINE, _UNREJECTED, _LAYERED = "measured", "baseline", "unrejected", "layered"
"""What a row is: the alpha network's, a baseline's, the alpha network's with the rejected samples counted too, or that
of a layered generator, whose images are its own."""


def load(settings: EvaluateAlphaSettings) -> Models:
    """The networks that are measured; as ``generation.stream.load_models``."""
    named = {"generator": settings.generator, "alpha": settings.alpha, "device": settings.device}
    return load_models(validate(GenerateSettings, named))


def evaluate_alpha(
    settings: EvaluateAlphaSettings,
    reference: Masker,
    *,
    models: Models | None = None,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """Measure the masks of the samples that ``generate`` draws, and the baselines' if asked for.

    Settings that were not given are as the checkpoint's card recommends, else their defaults.

    Calls ``report`` with the samples done and their number.

    Raises:
        UserError: the networks or the reference cannot be used.
        WorkError: the reference rejects all samples.
    """
    require_torchmetrics()
    check_flags([reference], settings)
    if isinstance(reference, (FolderMasker, InstanceMasker)):
        reference.check([key(psi, i) for psi in settings.psi for i in range(settings.n)])
    models = models or load(settings)
    settings = with_recommended(settings, models.recommended)
    if models.behind is not None and settings.baselines:
        raise UserError(
            "baselines", got="a layered generator", expected="one that draws objects and backgrounds in one image",
            remedy="leave --baselines out",
        )  # fmt: skip
    rows, notes, total = [], [], settings.n * len(settings.psi)
    judged: list[Judged] = []
    unreferenced: list[Row] = []
    with explaining_memory(models.device, settings.batch_size):
        looks = opened(settings, models)
    for number, psi in enumerate(settings.psi):
        name = models.alpha_source.name + f", refined {settings.refine} px" * bool(settings.refine)
        role = _MEASURED if models.behind is None else _LAYERED
        trial = _Trial(settings, name, role, isinstance(reference, InstanceMasker))
        judged.append(Judged())

        def counted(batch: Batch, before: int = number * settings.n) -> None:
            judged[-1].add(batch.images, batch.alphas)
            report(before + batch.indices.stop, total)

        trial.count(draw(settings, models, psi, looks=looks), reference, counted)
        rows += trial.rows(psi)
        unreferenced += judged[-1].rows(trial.name, settings.threshold, psi, judged[0] if number else None)
        notes += trial.notes(psi)
    notes = [
        f"Reference: {reference.name}. Foreground is the object; counts are pooled over all pixels.",
        *notes_of([reference]),
        *notes,
    ]
    values = settings.model_dump(mode="json") | {"reference": reference.name, "alpha": models.alpha_source.name}
    return Report(
        title="Alpha masks against a reference", rows=tuple(rows), notes=tuple(notes), settings=values,
        unreferenced=tuple(unreferenced),
    )  # fmt: skip


def export_images(
    settings: EvaluateAlphaSettings,
    folder: Path,
    *,
    models: Models | None = None,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> int:
    """Write the images that ``evaluate_alpha`` shows its reference as psi0.7/000000000.png; returns how many.

    Masks of the same names in another folder are then a reference.
    """
    atomic.check_folder(folder, f"export_images {folder}")
    models, written = models or load(settings), 0
    settings = with_recommended(settings, models.recommended)
    for psi in settings.psi:
        for batch in draw(settings, models, psi):
            for name, image in zip(batch.keys, batch.images):
                save_png(folder / f"{name}.png", image)
                written += 1
            report(written, settings.n * len(settings.psi))
    return written


def key(psi: float, index: int) -> str:
    """The name of a sample: a path without its extension."""
    return f"psi{psi:g}/{index:09d}"


def index_of(key: str) -> int:
    """The index of a sample that ``key`` named."""
    return int(key.rpartition("/")[2])


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Samples and what the networks gave for them."""

    indices: range
    keys: list[str]
    images: np.ndarray
    """G(z) without another background, RGB uint8 N×H×W×3."""
    alphas: np.ndarray
    """uint8 N×H×W."""
    baselines: Mapping[str, Masks] = field(default_factory=dict)
    """Masks of the baselines that were to look, by name."""


def draw(
    settings: EvaluateAlphaSettings,
    models: Models,
    psi: float,
    ranges: Iterable[range] | None = None,
    looks: Mapping[str, Look] | None = None,
) -> Generator[Batch]:
    """The foregrounds and alphas of the codes that ``generate`` draws with the same seed; a layered one's composites.

    Args:
        ranges: which samples, a batch each; None: all of ``settings``.
        looks: baselines that look at every batch, by name.
    """
    if ranges is None:
        starts = range(0, settings.n, settings.batch_size)
        ranges = (range(start, min(start + settings.batch_size, settings.n)) for start in starts)
    # Another device than a CPU is asked by one thread, for one batch after the other.
    workers = workers_for(models, settings.batch_size) if models.device.type == "cpu" else 0
    return side_by_side(partial(_batch, settings, models, psi, looks or {}), ranges, workers=workers)


def _batch(
    settings: EvaluateAlphaSettings, models: Models, psi: float, looks: Mapping[str, Look], indices: range
) -> Batch:
    generator, common = models.generator, {"seed": settings.seed, "stream": "foreground", "indices": indices}
    with torch.inference_mode(), explaining_memory(models.device, settings.batch_size):
        w = latents.draw_w(generator, psi=psi, **common)
        noise = latents.noise_generators(settings.noise, **common)
        image, features = generator.synthesize(w, settings.noise, noise_generators=noise)
        alpha = refine(models.alpha(features), image, settings)
        if models.behind is not None:
            codes = {"seed": settings.seed, "indices": indices}
            image = composite(alpha, image, draw_behind(models.behind, codes, psi=psi, noise=settings.noise)[1])
        images, alphas = image_to_uint8(image).cpu().numpy(), alpha_to_uint8(alpha).cpu().numpy()
        drawn = Drawn(settings, models, indices, w, image, features, images)
        masks = {name: look(drawn) for name, look in looks.items()}
    return Batch(indices=indices, keys=[key(psi, i) for i in indices], images=images, alphas=alphas, baselines=masks)


class _Kept(NamedTuple):
    """A sample that counts, and the baselines of its batch."""

    key: str
    position: int
    """Within its batch."""
    truth: np.ndarray
    """The reference's mask, uint8 H×W."""
    baselines: Mapping[str, Masks]

    def masked(self) -> "tuple[_Kept, dict[str, np.ndarray]]":
        """Itself, and its masks, uint8 H×W by baseline."""
        return self, {name: masks(self.position) for name, masks in self.baselines.items()}


@dataclass
class _Trial:
    """The counts of all masks at one ψ."""

    settings: EvaluateAlphaSettings
    name: str
    role: str = _MEASURED
    by_instances: bool = False
    """Whether the reference gives instances: then the rejected samples are counted too, in rows of their own."""
    tallies: dict[tuple[str, float | str], Tally] = field(default_factory=dict)
    everything: dict[tuple[str, float | str], Tally] = field(default_factory=dict)
    """The alpha network's counts of all samples, where they are asked for."""
    rejected: dict[str, list[str]] = field(default_factory=dict)
    """Names of rejected samples by reason."""

    def count(self, batches: Generator[Batch], reference: Masker, counted: Callable[[Batch], None]) -> None:
        """Add batches; ``counted`` is told of each. While baselines mask its samples, the next ones are drawn."""

        def kept() -> Iterator[_Kept]:
            for batch in batches:
                yield from self._count(batch, reference)
                counted(batch)

        with contextlib.closing(side_by_side(_Kept.masked, kept())) as masked, contextlib.closing(batches):
            for sample, masks in masked:
                for name, mask in masks.items():
                    self.tallies.setdefault((name, ""), Tally()).add(sample.key, mask, sample.truth)

    def _count(self, batch: Batch, reference: Masker) -> list[_Kept]:
        """Add the alpha network's masks of a batch. Returns the samples that are not rejected."""
        truths, reasons = asked(reference, batch.images, batch.keys, self.settings.object_area)
        kept = []
        for position, reason in enumerate(reasons):
            if reason is not None and KINDS[reason] in self.settings.reject:
                self.rejected.setdefault(reason, []).append(batch.keys[position])
            else:
                kept.append(position)
        unrejected = self.by_instances and bool(self.settings.reject)
        for position in range(len(truths)) if unrejected else kept:
            for threshold in self.settings.threshold:
                mask = make_mask(batch.alphas[position], MaskLaw(threshold=threshold))
                what, counted = (self.name, threshold), (batch.keys[position], mask, truths[position])
                if position in kept:
                    self.tallies.setdefault(what, Tally()).add(*counted)
                if unrejected:
                    self.everything.setdefault(what, Tally()).add(*counted)
        return [_Kept(batch.keys[p], p, truths[p], batch.baselines) for p in kept]

    def rows(self, psi: float) -> list[Row]:
        """The alpha network's, then the baselines', then the alpha network's over all samples."""
        if not self.tallies:
            counts = in_words(self.rejected, names=False)
            raise WorkError(f"psi {psi:g}: the reference rejected all {self.settings.n} samples ({counts})")
        s = self.settings
        rows = []
        for (name, threshold), tally in self.tallies.items():
            role = _BASELINE if threshold == "" else self.role
            labels = {"masks": name, "role": role, "threshold": threshold, "psi": psi, **self._samples(kept=True)}
            rows.append(tally.row(labels, resamples=s.resamples, seed=s.seed))
        for (name, threshold), tally in self.everything.items():
            told = self._samples(kept=False)
            labels = {"masks": name, "role": _UNREJECTED, "threshold": threshold, "psi": psi, **told}
            # Its images stand in the rows before, as far as they count.
            rows.append(replace(tally.row(labels, resamples=s.resamples, seed=s.seed), per_image=()))
        return rows

    def _samples(self, *, kept: bool) -> dict[str, str]:
        """A label that says which samples count, where instances decide that."""
        return {"samples": _KEPT if kept and self.settings.reject else _ALL} if self.by_instances else {}

    def notes(self, psi: float) -> list[str]:
        """How many samples count, and why others do not."""
        parts = in_words(self.rejected)
        rejected = sum(map(len, self.rejected.values()))
        text = f"psi {psi:g}: {self.settings.n - rejected} of {self.settings.n} samples counted, {rejected} rejected"
        told = [text + (f": {parts}." if parts else ".")]
        told += [f"At psi {psi:g}: {note}" for note in next(iter(self.tallies.values())).notes()]
        return told + ([self._comparison(psi)] if self.settings.baselines else [])

    def _comparison(self, psi: float) -> str:
        """Whether the alpha network, at its best threshold, is better than the best baseline."""
        sides: dict[bool, list[tuple[float, tuple[str, float | str], Tally]]] = {False: [], True: []}
        for what, tally in self.tallies.items():
            sides[what[1] == ""].append((miou(tally) or 0.0, what, tally))
        ours, best = (max(side, key=lambda one: one[0]) for side in (sides[False], sides[True]))
        s = self.settings
        interval = compared(ours[2], best[2], torch.sub, resamples=s.resamples, seed=s.seed)
        bounds = ""
        if interval:
            low, high = interval
            bounds = f" (difference {ours[0] - best[0]:+.3f}, 95 %: {low:+.3f} to {high:+.3f})"
        return (
            f"psi {psi:g}: the alpha network {'beats' if ours[0] > best[0] else 'does NOT beat'} the best baseline "
            f"({best[1][0]}) in mIoU, {ours[0]:.3f} (threshold {ours[1][1]}) against {best[0]:.3f}{bounds}."
        )
