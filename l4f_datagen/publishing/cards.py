"""The card with which a data set or a checkpoint goes to a hub: README.md in its folder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .. import weights
from ..addresses import shown
from ..errors import UserError
from ..shards.folder import read_description, replace_card
from ..shards.format import card as data_card
from ..shards.format import layout
from ..short import short
from ..storage.lock import writing
from ..storage.opening import open_store
from ..storage.store import Store
from ..weights import native, remote
from ..weights.inspection import inspect
from ..weights.source import UNKNOWN_LICENCE, file_sha256
from . import measures

MARK = "<!-- written by l4f-datagen card; it is written anew by the same command -->"
"""The end of every card of this file: what ends otherwise, somebody has written."""
_TASKS = {"segmenter": "image-segmentation", "generator": "unconditional-image-generation"}
_USE = {
    "generator": "l4f.load_generator(PATH)  # generator.map(z), generator.synthesize(w)",
    "alpha": "l4f.load_alpha(PATH)  # alpha_net(features) of its generator",
    "segmenter": "l4f.load_segmenter(PATH)  # l4f.segment(segmenter, images)",
}


@dataclass(frozen=True)
class Written:
    """A card that was written."""

    path: str
    kind: str
    """"dataset" or "model", as hubs call what the folder holds."""


def write(place: str, *, evaluations: Sequence[str] = (), overwrite: bool = False) -> Written:
    """Write README.md into the folder of a data set, of a native checkpoint, or of a finished run's ``final/``.

    Args:
        place: the folder; a data set's may be remote.
        evaluations: files that ``evaluate --json-file`` wrote; their tables join the card.
        overwrite: replace a README.md that somebody has written.

    Raises:
        UserError: it is no such folder, a file holds no result, or a README.md of somebody's own is there.
    """
    figures = [line for path in evaluations for line in measures.of_file(path)]
    store = open_store(place)
    if store.exists(layout.DATASET):
        description = read_description(store)
        plain = data_card.render(description)
        _check_place(store, (plain,), overwrite)
        with writing(store):
            replace_card(store, _of_data_set(description, plain, figures))
        return Written(store.where(layout.CARD), "dataset")
    folder = weights.result_of(Path(place).expanduser())
    if not native.is_native(folder):
        raise UserError(
            f"card {shown(place)}", got="a folder that is neither",
            expected="a data set, a checkpoint, or a finished run",
            remedy=f"name a folder with {layout.DATASET} or {native.CARD}",
        )  # fmt: skip
    store = open_store(folder)
    _check_place(store, (), overwrite)
    store.write_bytes(layout.CARD, _of_checkpoint(folder, figures).encode())
    return Written(store.where(layout.CARD), "model")


def _check_place(store: Store, known: tuple[str, ...], overwrite: bool) -> None:
    """Refuse to replace a card that is neither of this file nor ``known``.

    Raises:
        UserError: one is there.
    """
    if store.exists(layout.CARD) and not overwrite:
        there = store.read_bytes(layout.CARD).decode("utf-8", "replace")
        if there.strip() and there not in known and not there.rstrip().endswith(MARK):
            raise UserError(
                store.where(layout.CARD), got="a card that this command has not written", expected="none, or its own",
                remedy="--overwrite it, or keep it and copy into it what you want of the other",
            )  # fmt: skip


def _of_data_set(description: Mapping[str, Any], plain: str, figures: Sequence[str]) -> str:
    """The card that the folder has by itself, with figures and with what its networks learned from."""
    lines = [plain.rstrip(), ""]
    learned, quality = [], []
    for role in ("generator", "alpha"):
        if not (card := _card_of(description.get("checkpoints", {}).get(role), role)):
            continue
        said = card.get("training", {})
        images = said.get(role, {}).get("images") if isinstance(said, dict) else None
        learned += [f"- The {_spoken(role)} learned from `{_short(images)}`{_count(said, role)}."] if images else []
        if role == "alpha" and isinstance(card.get("quality"), dict):
            quality = measures.of_quality(card["quality"])
    lines += [*learned, ""] if learned else []
    if quality or figures:
        lines += ["## Figures", ""]
    lines += ["### The alpha network, as its checkpoint says", "", *quality] if quality else []
    return "\n".join([*lines, *figures, MARK, ""])


def _card_of(checkpoint: Mapping[str, Any] | None, role: str) -> dict[str, Any] | None:
    """The card of a checkpoint that a data set names, where that lies here and is the same one; nothing is fetched."""
    if not checkpoint or remote.is_remote(checkpoint["name"]):
        return None
    try:
        folder = weights.result_of(weights.locate(checkpoint["name"]))
    except UserError:  # it lies elsewhere by now
        return None
    file = (
        native.network_file(folder, "alpha" if role == "alpha" else "generator") if native.is_native(folder) else None
    )
    return native.read_card(folder) if file and file_sha256(file) == checkpoint["sha256"] else None


def _of_checkpoint(folder: Path, figures: Sequence[str]) -> str:
    card, found = native.read_card(folder), inspect(folder)
    name, licence = str(card.get("name", folder.name)), str(card.get("licence", UNKNOWN_LICENCE))
    kinds = [network.kind for network in found.networks]
    lines = [
        _head(card, kinds, licence, name),
        f"# {_short(name)}",
        "",
        f"{found.what[:1].upper()}{found.what[1:]}, made by l4f-datagen (Labels4Free, ICCV 2021). The weights are",
        "safetensors, `model.json` says all that is known of them, and loading them runs no code.",
        "",
        "```python",
        "import l4f_datagen as l4f",
        *(f"{'alpha_net' if kind == 'alpha' else kind} = {_USE[kind].replace('PATH', repr('PATH/OF/THIS/FOLDER'))}"
          for kind in kinds if kind in _USE),
        "```",
        "",
        "## Provenance",
        "",
        "| network | where it came from | SHA-256 | licence |",
        "|---|---|---|---|",
        *(_provenance(card, kind, found.sha256.get(f"{kind}.safetensors", "–"), licence) for kind in kinds),
        "",
    ]  # fmt: skip
    quality = card.get("quality")
    own = measures.of_quality(quality) if isinstance(quality, dict) else []
    lines += ["## Figures", ""] if own or figures else []
    lines += ["### As measured in training", "", *own] if own else []
    return "\n".join([*lines, *figures, MARK, ""])


def _head(card: Mapping[str, Any], kinds: Sequence[str], licence: str, name: str) -> str:
    """The YAML of a model card, with the figures of a segmenter as hubs index them."""
    head: dict[str, Any] = {"license": data_card.hub_licence(licence), "library_name": "l4f-datagen"}
    if head["license"] == "other":
        head["license_name"] = licence
    head["tags"] = ["foreground-segmentation", "stylegan2" if "generator" in kinds else "labels4free"]
    if task := next((_TASKS[kind] for kind in kinds if kind in _TASKS), None):
        head["pipeline_tag"] = task
    quality = card.get("quality")
    if "segmenter" in kinds and isinstance(quality, dict) and isinstance(quality.get("miou"), (int, float)):
        held_out = str(quality.get("validation", "validation"))
        if held_out.replace(".", "", 1).isdigit():
            held_out = f"a share of {held_out} of the training shards, held out"
        results = {
            "task": {"type": "image-segmentation"},
            "dataset": {"type": "validation", "name": _short(held_out)},
            "metrics": [
                {"type": key, "value": quality[key]} for key in ("miou", "iou_foreground", "accuracy") if key in quality
            ],
        }
        head["model-index"] = [{"name": _short(name), "results": [results]}]
    return f"---\n{yaml.safe_dump(head, sort_keys=False, allow_unicode=True).strip()}\n---\n"


def _provenance(card: Mapping[str, Any], kind: str, sha256: str, licence: str) -> str:
    source = card.get("source")
    said = source.get(kind) if isinstance(source, dict) else source
    if isinstance(said, dict):  # of a file that was converted
        said = f"{said.get('name', '')} ({said.get('format', '')}, SHA-256 {said.get('sha256', '')})"
    cells = (_spoken(kind), _short(said or "not known here", 400), f"`{sha256}`", _short(licence))
    return f"| {' | '.join(cells)} |"


def _spoken(kind: str) -> str:
    return "alpha network" if kind == "alpha" else kind


def _count(said: Mapping[str, Any], role: str) -> str:
    found = said.get(role, {}).get("images_found")
    return f" ({found} images)" if isinstance(found, int) else ""


def _short(text: object, most: int = 200) -> str:
    return short(shown(str(text)), most).replace("|", "\\|")
