"""The network that a training of segmenters begins with: its architecture, and weights that others have trained."""

import logging
from collections.abc import Sequence
from pathlib import Path

from ...addresses import shown
from ...errors import UserError
from ...networks.segmenter import Segmenter
from ...networks.segmenters import architectures
from ...settings import TrainSegmenterSettings, fingerprint
from ...weights import imagenet, locate
from ...weights.families import family_of
from ...weights.source import file_sha256
from ..core.learner import seeded_weights

_OF_OURS = ("width", "depth", "stem")
"""Settings of networks that are made here, not of those that another library makes."""

logger = logging.getLogger(__name__)


def make_segmenter(settings: TrainSegmenterSettings, size: int) -> tuple[Segmenter, tuple[str, ...]]:
    """The network that the settings describe, and what was taken from files, one sentence each.

    What no file fills has torch's random weights.

    Args:
        size: side of the training crops in pixels.

    Raises:
        UserError: a file cannot be used.
    """
    notes: tuple[str, ...] = ()
    if found := family_of(settings.arch):
        family, what = found
        network, notes = family.begin(what, classes=settings.classes, size=size)
    else:
        kind = architectures()[settings.arch]
        keywords = {"width": settings.width, **kind.of_settings(settings, size)}
        network = kind(classes=settings.classes, size=size, **keywords)
    return network, (*notes, imagenet.begin(network, settings.encoder)) if settings.encoder else notes


def check(settings: TrainSegmenterSettings, size: int) -> None:
    """Make a network that may not be had once before anything is written, and tell what was taken from files.

    Raises:
        UserError: as ``make_segmenter``, or settings are of other networks.
    """
    found = family_of(settings.arch)
    if found and (given := [name for name in _OF_OURS if getattr(settings, name) != _default(name)]):
        raise UserError(
            ", ".join(f"--{name}" for name in given), got=f"a setting of other networks than {settings.arch}",
            expected="none of them: its name says how it is made", remedy="leave it out",
        )  # fmt: skip
    if found and settings.graphs:
        raise UserError(
            "graphs", got=f"a recording of {settings.arch}", expected="a network of this package, which draws nothing",
            remedy="leave --graphs out",
        )  # fmt: skip
    if found or settings.encoder:
        with seeded_weights(settings.seed):
            notes = make_segmenter(settings, size)[1]
        for note in notes:
            logger.warning("%s", note)


def identity(settings: TrainSegmenterSettings) -> dict[str, str]:
    """What the files are that a network begins with: by that, not by their names, a run is the same one.

    Raises:
        UserError: one is not there.
    """
    known = {"encoder": file_sha256(locate(settings.encoder))} if settings.encoder else {}
    if files := _files(settings):
        hashes = fingerprint({path.name: file_sha256(path) for path in files})
        known["arch"] = f"{settings.arch.partition(':')[0]}:{hashes}"
    return known


def begun(settings: TrainSegmenterSettings) -> str:
    """The end of the sentence that says where a trained network came from: whose weights it began with."""
    whose = [settings.arch] * bool(_files(settings)) + [settings.encoder] * bool(settings.encoder)
    return f", begun with the weights of {' and '.join(map(shown, whose))}" if whose else ""


def _files(settings: TrainSegmenterSettings) -> Sequence[Path]:
    found = family_of(settings.arch)
    return found[0].files(found[1]) if found else ()


def _default(name: str) -> object:
    return TrainSegmenterSettings.model_fields[name].default
