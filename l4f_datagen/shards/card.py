"""The data set card, README.md of a data set folder: for people, and for ``datasets.load_dataset``."""

from collections.abc import Mapping
from typing import Any

import yaml

from .schema import COLUMNS

_LICENCES = {"unknown": "unknown", "apache-2.0": "apache-2.0", "mit": "mit", "cc0-1.0": "cc0-1.0"}


def render(description: Mapping[str, Any]) -> str:
    """The card of a data set with this ``dataset.json``.

    The ``configs`` block makes ``load_dataset(folder)`` read the tars; without it, it would take the
    Parquet files and give no image.
    """
    settings, counts = description["settings"], description["counts"]
    generator, alpha = description["checkpoints"]["generator"], description["checkpoints"]["alpha"]
    licence = generator["licence"]
    head = {
        "license": _LICENCES.get(licence.lower(), "other"),
        "task_categories": ["image-segmentation"],
        "tags": ["synthetic", "webdataset", "foreground-segmentation"],
        "configs": [{"config_name": "default", "data_files": [{"split": "train", "path": "*.tar"}]}],
    }
    if head["license"] == "other":
        head["license_name"] = licence
    image = settings["image_format"]
    extras = [
        f"| `KEY.{name}.{image}` | {name} alone, RGB |"
        for name in ("foreground", "background")
        if name in settings["save"]
    ]
    if "w" in settings["save"]:
        extras.append("| `KEY.w.npy` | mapped, truncated codes of foreground and background, float32 (2, w_dim) |")
    lines = [
        "---",
        yaml.safe_dump(head, sort_keys=False).strip(),
        "---",
        "",
        "# Generated images with foreground masks",
        "",
        f"{counts['samples']} samples in {counts['shards']} shards, made by l4f-datagen: foregrounds of a StyleGAN2 on",
        "independent backgrounds of the same network, with the masks of an alpha network that was trained without",
        "labels (Labels4Free, ICCV 2021). The images are synthetic; the masks are predictions, not annotations.",
        "",
        "| member | content |",
        "|---|---|",
        f"| `KEY.{image}` | composite, RGB |",
        "| `KEY.alpha.png` | soft mask, 0 to 255 |",
        "| `KEY.mask.png` | class indices: 0 background, 1 foreground; shown black and white |",
        "| `KEY.json` | metadata, as in the Parquet files |",
        *extras,
        "",
        "```python",
        "import datasets",
        'train = datasets.load_dataset("PATH/OF/THIS/FOLDER", split="train")',
        "```",
        "",
        "| column | type | meaning |",
        "|---|---|---|",
        *(f"| `{column.name}` | {column.type} | {column.meaning} |" for column in COLUMNS),
        "",
        "## Source",
        "",
        f"Generator `{generator['name']}` ({generator['format']}, SHA-256 `{generator['sha256']}`), "
        f"licence of the model: {licence}.",
        f"Alpha network `{alpha['name']}` ({alpha['format']}, SHA-256 `{alpha['sha256']}`), "
        f"licence: {alpha['licence']}.",
        "What is generated inherits the licence of the source model. All settings are in `dataset.json`.",
        "",
    ]
    return "\n".join(lines)
