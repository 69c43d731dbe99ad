"""Probes of the arithmetic: samples made by the very code that makes a data set's, as one checksum.

The checksum is the same on one machine whatever the batch size, and however many threads, workers and devices of one
kind there are. On a CPU it covers every bit that the networks give, on which the rounding to bytes depends in some
sample or other; on a GPU, where these may change from run to run, the bytes, and the kind of GPU.
"""

import hashlib
import platform
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Protocol

import cv2
import numpy as np
import torch

from ..generation.backgrounds import Backgrounds
from ..generation.batch import finish, run_networks
from ..generation.latents import Candidate
from ..generation.models import Models
from ..mask_files.values import MaskValues
from ..photographs.picture.decoding import decode
from ..sample import Sample
from ..scores import score
from ..settings import GenerateSettings
from ..shards.format import encoding
from ..shards.format.arithmetic import Arithmetic
from ..versions import versions

_CANDIDATES = (Candidate(0), Candidate(1))
"""Two candidates, since a batch of several is computed by other code than a single one."""


class Encoded(Protocol):
    """What encoding samples depends on: the settings of all that makes data sets have it."""

    @property
    def image_format(self) -> str:
        """Of ``encoding.IMAGE_FORMATS``."""
        ...

    @property
    def quality(self) -> int:
        """1 to 100."""
        ...

    @property
    def mask_values(self) -> MaskValues:
        """What mask files hold."""
        ...


def of_generation(settings: GenerateSettings, models: Models, packages: Sequence[str]) -> Arithmetic:
    """The arithmetic by which this process makes samples of these settings with these networks.

    Takes as long as two samples.

    Raises:
        WorkError: there is too little memory.
    """
    if models.backgrounds:
        models = replace(models, backgrounds=Backgrounds(_Picture(max(models.generator.architecture.size))))
    # Cut-outs as far as they are wanted: data sets from before there were any go on with their probe.
    wanted = tuple(sorted({"background", "foreground", "w", *settings.save}))
    probing = settings.model_copy(update={"save": wanted})
    on_cpu, kind = models.device.type == "cpu", processor(models.device)
    threads = torch.get_num_threads()
    # As in a run: every batch is computed by one thread, and threads to come must not inherit that.
    with ThreadPoolExecutor(2, initializer=lambda: torch.set_num_threads(1) if on_cpu else None) as executor:
        try:
            probe = executor.submit(_generated, probing, models, exact=on_cpu).result()
            if not on_cpu:
                again = executor.submit(_generated, probing, models, exact=False).result()
                # What changes from run to run tells nothing.
                probe = hashlib.sha256(f"{kind} {probe if probe == again else ''}".encode()).hexdigest()
        finally:
            torch.set_num_threads(threads)
    return Arithmetic(probe, kind, versions(packages))


def of_samples(samples: Sequence[Sample], settings: Encoded, *, packages: Sequence[str]) -> Arithmetic:
    """The arithmetic that made these samples without a network, and encodes them; the same samples every time."""
    digest = hashlib.sha256()
    _add_samples(digest, samples, settings)
    return Arithmetic(digest.hexdigest(), platform.machine(), versions(packages))


def of_picture(size: int, settings: Encoded, *, packages: Sequence[str]) -> Arithmetic:
    """The arithmetic by which a picture is decoded, shrunk to ``size``, measured and encoded here."""
    large = decode(encoding.encode_image(picture(size + size // 2), "jpg", 90)).image
    image = cv2.resize(large, (size, size), interpolation=cv2.INTER_AREA)
    alpha, threshold = image[..., 1].copy(), 0.5
    mask = (alpha >= 128).astype(np.uint8)
    sample = Sample(image=image, alpha=alpha, mask=mask, metadata={"key": "0", **score(alpha, mask, threshold)})
    return of_samples([sample], settings, packages=packages)


def processor(device: torch.device) -> str:
    """The kind of processor that a device is, in words."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "cpu":
        return f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}"
    return device.type


def picture(size: int) -> np.ndarray:
    """A picture that is the same everywhere: RGB uint8 size×size×3, with edges and slopes."""
    down, across = np.mgrid[:size, :size]
    planes = (down * 7 + across * 3, down * across // 5, (down // 9 + across // 7) % 2 * 180 + down)
    return np.stack([plane % 256 for plane in planes], -1).astype(np.uint8)


def _generated(settings: GenerateSettings, models: Models, *, exact: bool) -> str:
    digest = hashlib.sha256()

    def look(tensor: torch.Tensor) -> None:
        digest.update(tensor.cpu().contiguous().numpy().tobytes())

    with ThreadPoolExecutor(1) as readers:
        batch = run_networks(settings, models, 0, _CANDIDATES, readers, look if exact else None)
    _add_samples(digest, finish(settings, batch), settings)
    return digest.hexdigest()


def _add_samples(digest: "hashlib._Hash", samples: Sequence[Sample], settings: Encoded) -> None:
    for sample in samples:
        members = encoding.encode(
            sample, image_format=settings.image_format, quality=settings.quality, mask_values=settings.mask_values
        )
        for name, content in sorted(members.items()):
            digest.update(f"{name} {len(content)}\n".encode() + content)


class _Picture:
    """One picture in place of images for backgrounds: a ``Source`` that has to be decoded and cut like any other."""

    def __init__(self, size: int):
        self._content = encoding.encode_image(picture(size + size // 2), "jpg", 90)

    def __len__(self) -> int:
        return 1

    def name(self, index: int) -> str:
        return "probe"

    relative_name = name

    def digest(self) -> str:
        return hashlib.sha256(self._content).hexdigest()

    def read(self, index: int, size: int, *, reduced: bool = False) -> np.ndarray:
        return decode(self._content).image
