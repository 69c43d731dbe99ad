"""Where a training of segmenters begins: once on the shards, or in rounds where there are photographs."""

from collections.abc import Callable
from pathlib import Path

from ...settings import TrainSegmenterSettings
from ..core.loop import Count, Report
from .rounds.train import train_in_rounds
from .train import SegmenterResult, train_segmenter


def train(
    settings: TrainSegmenterSettings,
    out: str | Path,
    *,
    overwrite: bool = False,
    report: Report = lambda progress: None,
    tell: Callable[[str], None] = lambda line: None,
    count: Count = lambda progress: None,
) -> SegmenterResult:
    """Train as the settings say, into the run folder ``out``, or continue what is there.

    Raises:
        UserError, WorkError: as ``train_segmenter`` and ``train_in_rounds``.
    """
    if settings.photographs:
        return train_in_rounds(settings, out, overwrite=overwrite, report=report, tell=tell, count=count)
    return train_segmenter(settings, out, overwrite=overwrite, report=report)
