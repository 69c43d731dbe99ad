"""Fréchet and kernel distances between two sets of images (FID and KID; Table 5 of the paper)."""

import contextlib
import logging
import warnings
from collections.abc import Callable, Iterator
from typing import Protocol

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from ... import weights, worlds
from ...analysis.channels import find_channels
from ...devices import explaining_memory, resolve_device
from ...errors import UserError
from ...generation import latents
from ...generation.drawing import composite, draw_behind
from ...generation.models import load_models
from ...networks.inference import freeze
from ...networks.pixels import image_to_uint8
from ...networks.synthesis import SwitchedOff
from ...overlap import ordered_map
from ...photographs.opening import WorldImages, open_source
from ...photographs.source import Photographs
from ...settings import EvaluateFrechetSettings, GenerateSettings, validate
from ...settings.switching import share_of_channels, zeroes_channels
from ...shards.damage import Damaged
from ...short import short
from ...weights.switching import switched_off
from ..metrics import require_torchmetrics
from ..tables import Report, Row
from .features import Features, open_features

logger = logging.getLogger(__name__)

GENERATOR, BACKGROUNDS, LAYERED = "generator:", "backgrounds:", "layered:"
TRUE_BACKGROUNDS = f"{BACKGROUNDS}world:"
DRAWN = 10_000
"""Images of a generator or a world, which have no number of their own."""
_WORLD_SIZE = 64
_READERS = 2
"""Threads that read images while the network looks at those before them."""


class Images(Protocol):
    """A set of images in order."""

    name: str

    def __len__(self) -> int: ...

    def batches(self) -> Iterator[np.ndarray]:
        """RGB uint8 N×H×W×3, equal sizes within a batch."""
        ...


def evaluate_frechet(
    a: str,
    b: str,
    settings: EvaluateFrechetSettings,
    *,
    features: Features | None = None,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """FID and KID between two sets, by the features that ``settings`` name.

    Calls ``report`` with the images done and their number.

    Args:
        a, b: ``generator:PATH|NAME``, ``backgrounds:PATH|NAME`` of a generator, ``backgrounds:world:NAME`` of a world,
            or images as ``train-alpha`` takes them.
        features: a network that is loaded already.

    Raises:
        UserError: a set or the network cannot be used.
    """
    require_torchmetrics()
    device = resolve_device(settings.device)
    features = features or open_features(settings, device)
    sets = [open_images(name, settings, device) for name in (a, b)]
    total, found, sizes = sum(map(len, sets)), [], []
    for images in sets:
        done, parts, seen = sum(map(len, found)), [], set()
        for batch in images.batches():
            parts.append(features(torch.from_numpy(np.ascontiguousarray(batch.transpose(0, 3, 1, 2)))))
            seen.add(batch.shape[1:3])
            done += len(batch)
            report(done, total)
        found.append(torch.cat(parts))
        sizes.append(seen)
    values: dict[str, float | None] = {**distances(found[0], found[1], settings)}
    labels = {"A": sets[0].name, "B": sets[1].name, "features": features.name, "dimensions": found[0].shape[1]}
    row = Row(labels=labels | {"images of B": len(found[1])}, images=len(found[0]), values=values)
    return Report(
        title="Distance between sets of images (images: those of A)", rows=(row,),
        notes=tuple(_notes(found, sizes)), settings=settings.model_dump(mode="json"),
    )  # fmt: skip


def distances(a: Tensor, b: Tensor, settings: EvaluateFrechetSettings) -> dict[str, float]:
    """FID, and KID's mean and standard deviation over subsets, of features (N, D) and (M, D)."""
    from torchmetrics.image.fid import FrechetInceptionDistance
    from torchmetrics.image.kid import KernelInceptionDistance

    passed = _Passed(a.shape[1])
    # Of this process alone: the others of a training do not measure, and torchmetrics would wait for them for ever.
    fid = FrechetInceptionDistance(feature=passed, sync_on_compute=False)
    size = min(settings.kid_subset_size, len(a), len(b))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it keeps all features, as we do
        kid = KernelInceptionDistance(
            feature=passed, subsets=settings.kid_subsets, subset_size=size, sync_on_compute=False
        )  # fmt: skip
    for metric in (fid, kid):
        metric.update(a, real=True)
        metric.update(b, real=False)
    with torch.random.fork_rng(devices=[]):  # KID draws its subsets with torch's own numbers
        torch.manual_seed(settings.seed)
        mean, deviation = kid.compute()
    return {"fid": float(fid.compute()), "kid": float(mean), "kid_deviation": float(deviation)}


def open_images(name: str, settings: EvaluateFrechetSettings, device: torch.device) -> Images:
    """The set that a user's words name; at least two images.

    Raises:
        UserError: there is no such set, or it has too few images.
    """
    drawn = name.startswith((GENERATOR, BACKGROUNDS)) and not name.startswith(TRUE_BACKGROUNDS)
    images = _Drawn(name, settings, device) if drawn else _Stored(name, settings)
    if len(images) < 2:
        raise UserError(name, got=f"{len(images)} image", expected="at least two", remedy="name a larger set")
    return images


class _Passed(nn.Module):
    """Features are made once, for both distances: these pass through."""

    def __init__(self, dimensions: int):
        super().__init__()
        self.num_features = dimensions

    def forward(self, features: Tensor) -> Tensor:
        return features


class _Drawn:
    """Images or backgrounds of a generator, a layered one's composites, of the codes that ``generate`` draws."""

    def __init__(self, name: str, settings: EvaluateFrechetSettings, device: torch.device):
        self.name, self._settings, self._device = name, settings, device
        if name.startswith(BACKGROUNDS) and zeroes_channels(settings.switched_off):
            self.name += f" ({settings.switched_off})"
        self._stream = "background" if name.startswith(BACKGROUNDS) else "foreground"
        path = name.partition(":")[2]
        self._generator = freeze(weights.load_generator(path), device)
        self._switched_off: SwitchedOff = self._off(path) if self._stream == "background" else "first_convolution"
        self._layered = None
        if self._stream == "foreground" and weights.read_background(path) is not None:
            self.name = f"{LAYERED}{path}"
            self._layered = load_models(validate(GenerateSettings, {"generator": path, "device": str(device)}))

    def _off(self, path: str) -> SwitchedOff:
        """What is zeroed: a layer, the channels that the alpha network keeps, or such as are found without one.

        Raises:
            UserError: the alpha network keeps none, or those of another share.
        """
        s = self._settings
        share = share_of_channels(s.switched_off)
        if share is not None and s.alpha is None:
            return find_channels(self._generator, share, psi=s.psi, seed=s.seed)
        if s.alpha is None and zeroes_channels(s.switched_off):
            raise UserError(
                "switched_off", got=f"{s.switched_off} without --alpha", expected="an alpha network that keeps them",
                remedy="name one that analyze backgrounds --images made",
            )  # fmt: skip
        if s.alpha is None:
            return switched_off(s.switched_off, None, "")
        _, (alpha, source) = weights.read_pair(path, s.alpha)
        return switched_off(s.switched_off, alpha.zeroed_channels, source.name)

    def __len__(self) -> int:
        return self._settings.n or DRAWN

    def batches(self) -> Iterator[np.ndarray]:
        s = self._settings
        for start in range(0, len(self), s.batch_size):
            indices = range(start, min(start + s.batch_size, len(self)))
            common = {"seed": s.seed, "stream": self._stream, "indices": indices}
            with torch.inference_mode(), explaining_memory(self._device, s.batch_size):
                w = latents.draw_w(self._generator, psi=s.psi, **common)
                noise = latents.noise_generators(s.noise, **common)
                if self._layered is not None:
                    image = self._composites(w, noise, indices)
                elif self._stream == "background":
                    off = self._switched_off
                    image = self._generator.background(w, s.noise, noise_generators=noise, switched_off=off)
                else:
                    image = self._generator.synthesize(w, s.noise, noise_generators=noise).image
                batch = image_to_uint8(image).cpu().numpy()
            yield batch if s.size is None else np.stack([fit(picture, s.size) for picture in batch])

    def _composites(self, w: Tensor, noise: list[torch.Generator] | None, indices: range) -> Tensor:
        """Of a layered generator, foregrounds before backgrounds of other codes: (N, 3, H, W)."""
        s, models = self._settings, self._layered
        assert models is not None and models.behind is not None, "it is layered"
        foreground, features = models.generator.synthesize(w, s.noise, noise_generators=noise)
        _, behind = draw_behind(models.behind, {"seed": s.seed, "indices": indices}, psi=s.psi, noise=s.noise)
        return composite(models.alpha(features), foreground, behind)


class _TrueBackgrounds(WorldImages):
    """The pictures of a world without what stands in them."""

    def read(self, index: int, size: int, *, reduced: bool = False) -> np.ndarray:
        return worlds.render(self.world, seed=0, index=index, size=size).background


class _Stored:
    """Images of a folder, of shards or of a world, or a world's backgrounds."""

    def __init__(self, name: str, settings: EvaluateFrechetSettings):
        self.name, self._settings = name, settings
        if name.startswith(TRUE_BACKGROUNDS):
            self._source = _TrueBackgrounds(name.removeprefix(TRUE_BACKGROUNDS), settings.n or DRAWN)
        else:
            self._source = open_source(name, world_images=settings.n or DRAWN)

    def __len__(self) -> int:
        return min(len(self._source), self._settings.n or len(self._source))

    def batches(self) -> Iterator[np.ndarray]:
        most, batch = self._settings.batch_size, []
        read = ordered_map(self._read, range(len(self)), workers=_READERS, ahead=most + 1)
        with contextlib.closing(read) as pictures:
            for picture in pictures:
                if batch and (len(batch) == most or picture.shape != batch[0].shape):
                    yield np.stack(batch)
                    batch = []
                batch.append(picture)
        yield np.stack(batch)
        if isinstance(self._source, Photographs):
            for line in self._source.notices.all():
                logger.warning("%s: %s", self.name, line)

    def _read(self, index: int) -> np.ndarray:
        """One image, RGB uint8 H×W×3.

        Raises:
            UserError, Damaged: it is broken.
        """
        size = self._settings.size
        try:
            picture = self._source.read(index, size or _WORLD_SIZE, reduced=size is not None)
        except Damaged:
            raise
        except (OSError, ValueError) as error:
            raise UserError(
                self._source.name(index), got=f"a broken image ({short(error, 200)})",
                expected="whole ones", remedy="remove or restore it",
            ) from error  # fmt: skip
        return picture if size is None else fit(picture, size)


def fit(picture: np.ndarray, size: int) -> np.ndarray:
    """The largest centred square of RGB uint8 H×W×3, resized to size×size×3."""
    side = min(picture.shape[:2])
    top, left = ((s - side) // 2 for s in picture.shape[:2])
    picture = picture[top : top + side, left : left + side]
    if side == size:
        return picture
    return cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA if side > size else cv2.INTER_CUBIC)


def _notes(found: list[Tensor], sizes: list[set[tuple[int, int]]]) -> Iterator[str]:
    """What makes the numbers less than comparable."""
    yield f"{len(found[0])} images of A, {len(found[1])} of B."
    if (fewest := min(map(len, found))) <= (dimensions := found[0].shape[1]):
        yield f"Few images: with {fewest} for {dimensions} features FID comes out too high; compare equal numbers only."
    if len(sizes[0] | sizes[1]) > 1:
        several = ["one size" if len(s) == 1 else f"{len(s)} sizes" for s in sizes]
        yield f"A has images of {several[0]}, B of {several[1]}, not the same: --size makes them alike."
