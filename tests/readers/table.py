"""All readers: what docs/ecosystem.md calls them, what has to be installed, and a function that reads by them."""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from . import exports, folders
from .sets import Sets


@dataclass(frozen=True)
class Reader:
    """One row."""

    name: str
    """As the page has it, without backticks."""
    read: Callable[[Sets], None]
    """Raises AssertionError where it reads anything else than what is there."""
    module: str | None = None
    """What has to be installed; None for a rule that is written down here, of a program that reads by it."""
    package: str | None = None
    """The name under which that is installed, where it is another one."""
    of: Literal["folder", "export"] = "folder"
    """What it reads: data set folders as they are, or exports."""
    slow: bool = False
    """It takes seconds to be imported."""

    @property
    def installed(self) -> str | None:
        """The version; None if it is not installed."""
        if self.module is None:
            return "rule"
        try:
            return version(self.package or self.module) if importlib.util.find_spec(self.module) else None
        except PackageNotFoundError:
            return "?"


READERS = (
    Reader("Hugging Face datasets", folders.by_datasets, "datasets"),
    Reader("webdataset", folders.by_webdataset, "webdataset"),
    Reader("wids", folders.by_wids, "wids"),
    Reader("wids, its index", folders.by_the_rule_of_wids),
    Reader("NVIDIA DALI", folders.by_the_rule_of_dali),
    Reader("OpenCLIP", folders.by_the_rule_of_openclip),
    Reader("timm", folders.by_the_rule_of_timm),
    Reader("PIL", folders.by_decoders_of_masks("PIL"), "PIL", "pillow"),
    Reader("OpenCV", folders.by_decoders_of_masks("OpenCV"), "cv2", "opencv-python-headless"),
    Reader("imageio", folders.by_decoders_of_masks("imageio"), "imageio"),
    Reader("webdataset's decoders", folders.by_decoders_of_masks("webdataset"), "webdataset"),
    Reader("pandas", folders.by_pandas, "pandas"),
    Reader("Polars", folders.by_polars, "polars"),
    Reader("DuckDB", folders.by_duckdb, "duckdb"),
    Reader("torch", folders.by_our_loader, "torch"),
    Reader("torchdata", folders.by_torchdata, "torchdata"),
    Reader("Lightning", folders.by_lightning, "pytorch_lightning", "pytorch-lightning", slow=True),
    Reader("transformers", folders.by_transformers, "transformers", slow=True),
    Reader("pycocotools", exports.by_pycocotools, "pycocotools", of="export"),
    Reader("supervision", exports.by_supervision, "supervision", of="export", slow=True),
    Reader("Datumaro", exports.by_datumaro, "datumaro", of="export", slow=True),
    Reader("datasets without tars", exports.by_datasets, "datasets", of="export"),
    Reader("mosaicml-streaming", exports.by_streaming, "streaming", "mosaicml-streaming", of="export", slow=True),
)
