"""l4f-datagen: segmentation data sets from a StyleGAN2 that nobody labelled (Labels4Free, ICCV 2021)."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .editing.run import edit
    from .engines.local import generate
    from .engines.remaking import remake
    from .errors import UserError, WorkError
    from .generation.stream import stream
    from .loading.dataset import TrainingDataset
    from .loading.drawn import StreamDataset
    from .sample import Sample
    from .segmentation import segment
    from .settings import EditSettings, GenerateSettings, TrainLayeredSettings
    from .shards.reader import open_dataset
    from .training.layered.train import train_layered
    from .weights import load_alpha, load_generator, load_segmenter

__version__ = "0.1.0"

_HOMES = {
    "EditSettings": "settings",
    "GenerateSettings": "settings",
    "Sample": "sample",
    "StreamDataset": "loading.drawn",
    "TrainLayeredSettings": "settings",
    "TrainingDataset": "loading.dataset",
    "UserError": "errors",
    "WorkError": "errors",
    "edit": "editing.run",
    "generate": "engines.local",
    "load_alpha": "weights",
    "load_generator": "weights",
    "load_segmenter": "weights",
    "open_dataset": "shards.reader",
    "remake": "engines.remaking",
    "segment": "segmentation",
    "stream": "generation.stream",
    "train_layered": "training.layered.train",
}
__all__ = ["EditSettings", "GenerateSettings", "Sample", "StreamDataset", "TrainLayeredSettings",
           "TrainingDataset", "UserError", "WorkError", "edit", "generate", "load_alpha", "load_generator",
           "load_segmenter", "open_dataset", "remake", "segment", "stream", "train_layered"]  # fmt: skip


def __getattr__(name: str) -> object:
    # On first use: reading a data set must not wait for torch.
    if name in _HOMES:
        return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    # Those that were not asked for yet, too; what is here for this file's own use is left out.
    return sorted({*(name for name in globals() if name.startswith("__")), *__all__})
