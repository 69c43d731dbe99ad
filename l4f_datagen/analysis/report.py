"""Analyses as files for people: a table (CSV), a plot (PNG) and a sheet of samples (PNG)."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..networks.pixels import image_to_uint8
from ..networks.stylegan2 import Generator
from ..networks.synthesis import SwitchedOff
from ..settings.switching import zeroes_channels
from ..sheet import picture_grid, save_png
from ..storage import atomic
from . import backgrounds, layers
from .backgrounds import BackgroundAnalysis
from .crops import open_crops
from .layers import LayerAnalysis
from .plotting import require_matplotlib
from .trials import Trial

TABLE, PLOT, SHEET = "table.csv", "plot.png", "sheet.png"
TRIALS = "trials.csv"
"""Of the ways to switch off for backgrounds."""
COLUMNS, TILE = 8, 128
"""Samples on a sheet, and pixels of a picture there."""


def write_layers(
    analysis: LayerAnalysis, generator: Generator, out: Path, *, psi: float, seed: int, batch_size: int = 8
) -> None:
    """Write table, plot and sheet of ``analyze_layers``; a row of the sheet per resolution that is noise."""
    rows = zip(analysis.resolutions, analysis.similarity, analysis.deviation)
    _write_table(out / TABLE, ("resolution", "ssim", "deviation"), rows)
    kept = [resolution >= analysis.first_resolution for resolution in analysis.resolutions]
    _write_plot(
        out / PLOT,
        list(map(str, analysis.resolutions)),
        {"mean SSIM with noise for this resolution's ToRGB": analysis.similarity},
        emphasised=kept,
        title=f"ToRGB-noise analysis: keep {analysis.first_resolution}×{analysis.first_resolution} and later",
        xlabel="resolution",
    )
    names = ("sample", *(f"noise {resolution}" for resolution in analysis.resolutions))
    rows = {name: [] for name in names}
    for indices in _batches(batch_size):
        for name, images in zip(names, layers.images_with_noise(generator, indices, psi=psi, seed=seed)):
            rows[name] += _pictures(images)
    save_png(out / SHEET, picture_grid(rows, tile=TILE))


def write_backgrounds(
    analysis: BackgroundAnalysis,
    trials: Sequence[Trial],
    generator: Generator,
    out: Path,
    *,
    psi: float,
    seed: int,
    batch_size: int = 8,
    crops: str = "auto",
) -> None:
    """Write tables, plot and sheet of ``analyze_backgrounds``; a row of the sheet per layer or share switched off."""
    rows = zip(analysis.layers, analysis.gradient, analysis.effect, analysis.distance)
    _write_table(out / TABLE, ("layer", "gradient", "effect", "distance"), rows)
    found = [(one.setting, one.zeroed, one.distance, one.foreground) for one in trials]
    _write_table(out / TRIALS, ("switched_off", "zeroed", "distance", "foreground"), found)
    scaled = {
        "gradient": analysis.gradient,
        "gradient × activation": analysis.effect,
        "distance to the background when off": analysis.distance,
    }
    _write_plot(
        out / PLOT,
        [_short(layer) for layer in analysis.layers],
        {name: np.array(values) / max(values) for name, values in scaled.items()},
        emphasised=[layer == analysis.switched_off for layer in analysis.layers],
        title=f"Gradient analysis: switch off {analysis.switched_off}",
        xlabel="layer; largest value of each measure = 1",
    )
    rows = {name: [] for name in ("sample", "target", *(f"- {_short(layer)}" for layer in analysis.layers))}
    shares: dict[str, SwitchedOff] = {one.setting: one.switched_off for one in trials if zeroes_channels(one.setting)}
    rows |= {name: [] for name in shares}
    given = open_crops(crops, generator.architecture.size)
    for indices in _batches(batch_size):
        w, image, target = backgrounds.samples_and_targets(generator, indices, psi=psi, seed=seed, crops=given)
        rows["sample"] += _pictures(image)
        rows["target"] += _pictures(target)
        for layer in analysis.layers:
            rows[f"- {_short(layer)}"] += _pictures(backgrounds.without(generator, w, layer))
        for name, channels in shares.items():
            with torch.no_grad():
                rows[name] += _pictures(generator.background(w, switched_off=channels))
    save_png(out / SHEET, picture_grid(rows, tile=TILE))


def _write_table(path: Path, names: Sequence[str], rows: Any) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([f"{value:.6g}" if isinstance(value, float) else value for value in row] for row in rows)
    atomic.write_bytes(path, text.getvalue().encode())


def _write_plot(
    path: Path,
    labels: Sequence[str],
    series: Mapping[str, Sequence[float] | np.ndarray],
    *,
    emphasised: Sequence[bool],
    title: str,
    xlabel: str,
) -> None:
    """Grouped bars, one group per label; what is emphasised is opaque."""
    figure = require_matplotlib().figure.Figure(figsize=(8, 4), layout="constrained")
    axes = figure.add_subplot(title=title, xlabel=xlabel)
    places, width = np.arange(len(labels)), 0.8 / len(series)
    for number, (name, values) in enumerate(series.items()):
        bars = axes.bar(places + (number - (len(series) - 1) / 2) * width, values, width, label=name)
        for bar, is_emphasised in zip(bars, emphasised):
            bar.set_alpha(1 if is_emphasised else 0.4)
    axes.set_xticks(places, labels)
    figure.legend(loc="outside lower center", ncols=len(series))
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=120, metadata={"Software": None})
    atomic.write_bytes(path, content.getvalue())


def _batches(batch_size: int) -> Iterator[range]:
    """Indices of the samples on a sheet."""
    for start in range(0, COLUMNS, batch_size):
        yield range(start, min(start + batch_size, COLUMNS))


def _pictures(images: Tensor) -> list[np.ndarray]:
    """Images (N, 3, H, W) in [-1, 1] as RGB uint8 arrays no larger than they are shown: a sheet has many."""
    longer = max(images.shape[2:])
    if longer > TILE:
        size = [max(1, round(side * TILE / longer)) for side in images.shape[2:]]
        images = F.interpolate(images, size=size, mode="area")
    return list(image_to_uint8(images).cpu().numpy())


def _short(layer: str) -> str:
    return {"first_convolution": "first conv"}.get(layer, layer.replace("_", " "))
