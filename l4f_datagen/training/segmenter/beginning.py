"""The network that a training of segmenters begins with: its architecture, and weights that others have trained."""

import logging

from ...addresses import shown
from ...networks.segmenter import Segmenter
from ...networks.segmenters import architectures
from ...settings import TrainSegmenterSettings
from ...weights import imagenet, locate
from ...weights.source import file_sha256
from ..core.learner import seeded_weights

logger = logging.getLogger(__name__)


def make_segmenter(settings: TrainSegmenterSettings, size: int) -> tuple[Segmenter, tuple[str, ...]]:
    """The network that the settings describe, and what was taken from files, one sentence each.

    What no file fills has torch's random weights.

    Args:
        size: side of the training crops in pixels.

    Raises:
        UserError: a file cannot be used.
    """
    kind = architectures()[settings.arch]
    network = kind(classes=settings.classes, size=size, **{"width": settings.width, **kind.of_settings(settings, size)})
    return network, (imagenet.begin(network, settings.encoder),) if settings.encoder else ()


def check(settings: TrainSegmenterSettings, size: int) -> None:
    """Make a network that begins with a file's weights once before anything is written, and tell what was taken.

    Raises:
        UserError: as ``make_segmenter``.
    """
    if settings.encoder:
        with seeded_weights(settings.seed):
            notes = make_segmenter(settings, size)[1]
        for note in notes:
            logger.warning("%s", note)


def identity(settings: TrainSegmenterSettings) -> dict[str, str]:
    """What the files are that a network begins with: by that, not by their names, a run is the same one.

    Raises:
        UserError: one is not there.
    """
    return {"encoder": file_sha256(locate(settings.encoder))} if settings.encoder else {}


def begun(settings: TrainSegmenterSettings) -> str:
    """The end of the sentence that says where a trained network came from: whose weights it began with."""
    return f", begun with the weights of {shown(settings.encoder)}" if settings.encoder else ""
