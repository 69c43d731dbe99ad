"""The data set card, README.md of a data set folder: for people, and for ``datasets.load_dataset``."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import yaml

from ...mask_files.values import of_description
from ...settings.generate import is_set, told
from . import arithmetic, provenance
from .schema import CLASS, CLASSES, COLUMNS

_LICENCES = {"unknown": "unknown", "apache-2.0": "apache-2.0", "mit": "mit", "cc0-1.0": "cc0-1.0"}


def render(description: Mapping[str, Any]) -> str:
    """The card of a data set with this ``dataset.json``.

    The ``configs`` block makes ``load_dataset(folder)`` read the tars; without it, it would take the
    Parquet files and give no image.
    """
    settings = description["settings"]
    origin = _origin(description)
    image = settings["image_format"]
    lines = [
        front_matter(description, {"train": "*.tar"}, tags=("webdataset",)),
        *origin.introduction,
        "",
        "| member | content |",
        "|---|---|",
        f"| `KEY.{image}` | {origin.image}, RGB |",
        f"| `KEY.alpha.png` | {origin.alpha}, 0 to 255 |",
        f"| `KEY.mask.png` | {_mask(description)} |",
        "| `KEY.json` | metadata, as in the Parquet files |",
        *_extras(settings, image),
        "",
        "```python",
        "import datasets",
        'train = datasets.load_dataset("PATH/OF/THIS/FOLDER", split="train")',
        "```",
        "",
        "| column | type | meaning |",
        "|---|---|---|",
        *(
            f"| `{column.name}` | {column.type} | {column.meaning} |"
            for column in (*COLUMNS, *((CLASS,) if CLASSES in description else ()))
        ),
        "",
        "## Source",
        "",
        *origin.source,
        *_sameness(description),
        "",
        "## Provenance",
        "",
        *provenance.table(description),
        "",
    ]
    return "\n".join(lines)


def _sameness(description: Mapping[str, Any]) -> list[str]:
    """What it takes to make the same files again. Older data sets do not know, and their cards say nothing."""
    if arithmetic.KEY not in description:
        return []
    return [
        "",
        "The same settings give the same files with the same versions, on the same kind of processor; each shard's",
        "stats name both. Elsewhere some samples may differ by a few levels.",
    ]


def licence(description: Mapping[str, Any]) -> str:
    """Licence of the samples of a data set with this ``dataset.json``."""
    return _origin(description).licence


def hub_licence(licence: str) -> str:
    """A licence as the Hugging Face hub calls it; "other" for those that it has no name for."""
    return _LICENCES.get(licence.lower(), "other")


def front_matter(description: Mapping[str, Any], files: Mapping[str, str], *, tags: Sequence[str] = ()) -> str:
    """The YAML that a card begins with, for ``datasets.load_dataset`` and for the Hugging Face hub.

    Args:
        files: pattern of the files of each split, by the split's name.
    """
    origin = _origin(description)
    head = {
        "license": hub_licence(origin.licence),
        "task_categories": ["image-segmentation"],
        "tags": [*(["synthetic"] if origin.synthetic else []), *tags, "foreground-segmentation"],
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": split, "path": pattern} for split, pattern in files.items()],
            }
        ],
    }
    if head["license"] == "other":
        head["license_name"] = origin.licence
    return f"---\n{yaml.safe_dump(head, sort_keys=False, allow_unicode=True).strip()}\n---\n"


class _Origin(NamedTuple):
    """What differs between cards: where the samples came from."""

    licence: str
    introduction: Sequence[str]
    image: str
    alpha: str
    source: Sequence[str]
    synthetic: bool = True


def _origin(description: Mapping[str, Any]) -> _Origin:
    """Where samples came from: a world, a labelled source, projected photographs, or checkpoints."""
    if "world" in description:
        return _rendered(description)
    if "codes" in description:
        return _projected(description)
    return _imported(description) if "source" in description else _generated(description)


def _generated(description: Mapping[str, Any]) -> _Origin:
    counts, images = description["counts"], description.get("backgrounds")
    generator, alpha = description["checkpoints"]["generator"], description["checkpoints"]["alpha"]
    return _Origin(
        # Of other people's images nothing is known.
        licence="unknown" if images else generator["licence"],
        introduction=[
            "# Generated images with foreground masks",
            "",
            f"{counts['samples']} samples in {counts['shards']} shards, made by l4f-datagen: foregrounds of a "
            "StyleGAN2 on",
            f"{'images from elsewhere' if images else 'independent backgrounds of the same network'},",
            "with the masks of an alpha network that was trained without labels (Labels4Free, ICCV 2021).",
            "The images are synthetic; the masks are predictions, not annotations.",
            *_selection(description),
        ],
        image="composite",
        alpha="soft mask",
        source=[
            f"Generator `{generator['name']}` ({generator['format']}, SHA-256 `{generator['sha256']}`), "
            f"licence of the model: {generator['licence']}.",
            f"Alpha network `{alpha['name']}` ({alpha['format']}, SHA-256 `{alpha['sha256']}`), "
            f"licence: {alpha['licence']}.",
            *_images(images),
            *selected_by(description),
            "What is generated inherits the licence of the source model. All settings are in `dataset.json`.",
        ],
    )


def _rendered(description: Mapping[str, Any]) -> _Origin:
    settings, counts, world = (description[name] for name in ("settings", "counts", "world"))
    empty = settings.get("backgrounds_only", False)
    return _Origin(
        licence=world["licence"],
        introduction=[
            "# Rendered backgrounds" if empty else "# Rendered images with exact foreground masks",
            "",
            f"{counts['samples']} samples in {counts['shards']} shards, rendered by l4f-datagen: pictures of the world",
            f"`{world['name']}`, a procedural image class, {settings['split']} split"
            + (", without their" if empty else ". The masks are exact: alpha is"),
            "foreground, so that all masks are empty. No network was involved."
            if empty
            else "the share of each pixel that the foreground covers. No network was involved.",
        ],
        image="rendering",
        alpha="exact coverage",
        source=[
            f"World `{world['name']}`, seed {settings['seed']}, licence: {world['licence']}. All settings are in "
            "`dataset.json`.",
            "`foreground_code` and `background_code` are the picture's index in its world; `psi` and `background_psi` "
            "are 1,",
            "since nothing is truncated.",
        ],
    )


def _imported(description: Mapping[str, Any]) -> _Origin:
    counts, source = description["counts"], description["source"]
    return _Origin(
        licence=source["licence"],
        introduction=[
            "# Labelled images",
            "",
            f"{counts['samples']} samples in {counts['shards']} shards, imported by l4f-datagen from",
            f"`{source['name']}` ({source['kind']}). The masks are the source's annotations; no network was involved.",
        ],
        image="image",
        alpha="the source's soft mask" if source["alphas"] else "255 where the mask is foreground",
        source=[
            f"`{source['name']}`, {source['kind']}; foreground: {source['foreground']}. "
            f"Licence: {source['licence']}. All settings are in `dataset.json`.",
            "`foreground_code` and `background_code` are the image's place among the source's; `psi` and",
            "`background_psi` are 1, since nothing is truncated.",
        ],
        synthetic=False,
    )


def _projected(description: Mapping[str, Any]) -> _Origin:
    counts, codes = description["counts"], description["codes"]
    return _Origin(
        licence=codes["licence"],
        introduction=[
            "# Photographs with foreground masks",
            "",
            f"{counts['samples']} samples in {counts['shards']} shards, made by l4f-datagen from photographs.",
            "For each a code was found from which a StyleGAN2 draws it again, and its mask is that of the code, by an",
            "alpha network that was trained without labels (Labels4Free, ICCV 2021). The masks are predictions, not",
            "annotations.",
        ],
        image="photograph",
        alpha="soft mask",
        source=[
            f"Folder of codes `{codes['name']}` (SHA-256 of its codes `{codes['sha256']}`), of the generator "
            f"`{codes['generator']}` and the alpha network `{codes['alpha']}`.",
            "`background_source` names the photographs. Their licence is not known here. All settings are in "
            "`dataset.json`.",
            "`foreground_code` and `background_code` are the photograph's row in the folder of codes.",
        ],
        synthetic=False,
    )


def _selection(description: Mapping[str, Any]) -> list[str]:
    """Which filters candidates had to pass, and what was done to the masks."""
    settings = description["settings"]
    values = {name: settings.get(name) for name in told()} | {"refine": settings.get("refine") or None}
    values["reject_list"] = len(settings.get("reject_list") or ()) or None
    lines = [f"- {said.format(values[name])}" for name, said in told().items() if is_set(values[name])]
    if isinstance(reference := description.get("reference"), str):
        lines.append(f"- the reference `{reference}` agrees with every sample")
    elif reference:
        classes = ", ".join(settings["reference_classes"])
        lines.append(
            f"- the detector `{reference['name']}` finds exactly one object in every sample: of "
            f"{f'the classes {classes}' if classes else 'any class'}, score {settings['reference_score']} or more, at "
            f"least {settings['object_area']:.2%} of the image"
        )
    return ["", "Candidates were rejected, and masks changed, so that", "", *lines] if lines else []


def _images(images: Mapping[str, Any] | None) -> list[str]:
    """Where backgrounds from elsewhere came from."""
    if not images:
        return []
    return [
        f"Backgrounds: parts of {images['images']} images (SHA-256 of names and sizes `{images['sha256']}`);",
        "`background_source` names them. Their licences apply as well; they are not known here.",
    ]


def selected_by(description: Mapping[str, Any]) -> list[str]:
    """Lines that name a network of somebody else's that selected the samples, if one did."""
    reference = description.get("reference")
    if not isinstance(reference, Mapping):
        return []
    return [
        f"Samples were selected by the detector `{reference['name']}` (SHA-256 `{reference['sha256']}`). No pixel and",
        "no mask is its own; whether its licence, or that of the images it learned from, bears on a selection is not",
        "known here.",
    ]


def _mask(description: Mapping[str, Any]) -> str:
    values, ignored = of_description(description), description["settings"].get("ignore_band") is not None
    if values == "0255":
        return "mask, grey of 8 bits: 0 background, 255 foreground"
    indices = f"0 background, 1 foreground{', 255 ignored' * ignored}"
    if values == "01":
        # Of imported images nobody has looked at all masks when the card is written.
        indices += ", 255 ignored where there is such" * ("source" in description)
        return f"class indices, grey of 8 bits: {indices}; all but black to the eye"
    return f"class indices: {indices}; shown black{', white and grey' if ignored else ' and white'}"


def _extras(settings: Mapping[str, Any], image_format: str) -> list[str]:
    """Rows of the table for members that are kept on request."""
    saved = settings.get("save", ())
    rows = [
        f"| `KEY.{name}.{image_format}` | {name} alone, RGB |" for name in ("foreground", "background") if name in saved
    ]
    if "cutout" in saved:
        rows.append(
            "| `KEY.cutout.png` | the foreground alone, RGBA, not premultiplied; its transparency is the alpha |"
        )
    if "w" in saved:
        own = settings["backgrounds"] == "generator"
        of = "foreground and background, float32 (2, w_dim)" if own else "the foreground, float32 (1, w_dim)"
        rows.append(f"| `KEY.w.npy` | mapped, truncated codes of {of} |")
    return rows
