"""What samples become along directions of w that were found without labels."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ..editing import directions
from ..editing.paths import layers_of
from ..errors import UserError
from ..generation import latents
from ..networks.inference import freeze
from ..networks.pixels import image_to_uint8
from ..networks.stylegan2 import Generator
from ..settings import AnalyzeDirectionsSettings
from ..sheet import picture_grid, save_png
from ..storage import atomic
from .report import SHEET, TABLE, TILE


@dataclass(frozen=True)
class DirectionAnalysis:
    """Numbers and pictures per direction, in order."""

    names: tuple[str, ...]
    """As ``edit --direction`` takes them: "sefa:0", …"""
    deviations: tuple[float, ...]
    """Standard deviation of w along each."""
    changes: tuple[float, ...]
    """Mean absolute difference to the samples, over both sides, in levels of 255."""
    strength: float
    pictures: np.ndarray
    """RGB uint8 (directions, samples, 3, H, W, 3): each sample on one side, as it is, and on the other."""


@torch.inference_mode()
def analyze_directions(generator: Generator, settings: AnalyzeDirectionsSettings) -> DirectionAnalysis:
    """Draw samples before, at and behind their place along each direction.

    Raises:
        UserError: the generator has no such layers, or fewer directions.
    """
    w_dim, num_ws = generator.architecture.w_dim, generator.architecture.num_ws
    layers = layers_of(settings.layers, generator)
    if settings.count > w_dim:
        raise UserError("count", got=settings.count, expected=f"at most {w_dim}", remedy="change --count")
    found = directions.sefa(generator, layers) if settings.how == "sefa" else directions.pca(generator)
    frozen = freeze(generator)
    w = latents.draw_w(frozen, seed=settings.seed, stream="foreground", indices=range(settings.n), psi=settings.psi)
    chosen = torch.zeros(num_ws, 1)
    chosen[list(layers)] = 1
    pictures, changes = [], []
    for vector, deviation in zip(found.vectors[: settings.count], found.deviations, strict=False):
        step = (settings.strength * deviation * vector * chosen).to(frozen.device)
        codes = torch.stack([w[:, None] + side * step for side in (-1, 0, 1)], 1).flatten(0, 1)
        parts = [image_to_uint8(frozen.synthesize(part).image).cpu() for part in codes.split(settings.batch_size)]
        drawn = torch.cat(parts).unflatten(0, (settings.n, 3)).numpy()
        differences = np.abs(drawn[:, ::2].astype(np.int16) - drawn[:, 1:2])
        pictures.append(drawn)
        changes.append(float(differences.mean()))
    return DirectionAnalysis(
        names=tuple(f"{settings.how}:{number}" for number in range(settings.count)),
        deviations=tuple(found.deviations[: settings.count].tolist()),
        changes=tuple(changes),
        strength=settings.strength,
        pictures=np.stack(pictures),
    )


def write_directions(analysis: DirectionAnalysis, out: Path) -> None:
    """Write table and sheet of ``analyze_directions``; a row of the sheet per direction."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("direction", "deviation", "change"))
    for row in zip(analysis.names, analysis.deviations, analysis.changes, strict=True):
        writer.writerow((row[0], f"{row[1]:.6g}", f"{row[2]:.6g}"))
    atomic.write_bytes(out / TABLE, text.getvalue().encode())
    rows = {name: list(drawn.reshape(-1, *drawn.shape[2:])) for name, drawn in zip(analysis.names, analysis.pictures)}
    titles = [f"-{analysis.strength:g}", "0", f"+{analysis.strength:g}"] * analysis.pictures.shape[1]
    save_png(out / SHEET, picture_grid(rows, tile=TILE, titles=titles))
