"""The card of an export: what is where, where it came from, and what the format could not say."""

from collections.abc import Mapping
from typing import Any

from ..shards.format.card import selected_by
from .target import Plan, Target

_MASKS = {
    "palette": "Masks hold class indices with a palette: 0 background, 1 foreground, 255 ignored.",
    "01": "Masks hold class indices: 0 background, 1 foreground, 255 ignored.",
    "0255": "Masks hold 0 for background and 255 for foreground.",
}


def render(plan: Plan, target: Target, counts: Mapping[str, int], *, left_out: int) -> str:
    """README.md of an export."""
    settings, description = plan.settings, plan.description
    sets = ", ".join(f"{name} {count}" for name, count in counts.items())
    lines = [
        f"{target.header()}# Images with foreground masks ({settings.format})",
        "",
        f"{sum(counts.values())} samples ({sets}), exported by l4f-datagen. Licence: {plan.licence}.",
        "",
        "| where | what |",
        "|---|---|",
        *(f"| `{path}` | {meaning} |" for path, meaning in target.contents().items()),
        "",
        *([_MASKS[plan.mask_values], ""] if plan.mask_values else []),
    ]
    if settings.split:
        shares = "/".join(f"{share:g}" for share in settings.split)
        lines += [
            f"Image sets {'/'.join(plan.image_sets)} have the shares {shares}, on average: the SHA-256 of a sample's",
            "key decides, so that a sample stays in its set when the data set grows.",
            "",
        ]
    if left_out:
        lines += [f"{left_out} samples of the data set, which a list named, were left out.", ""]
    lines += [f"{note}." for note in target.notes()] + ([""] if target.notes() else [])
    lines.append(f"Source: {_source(description)}; fingerprint of its settings `{description['fingerprint']}`.")
    lines += selected_by(description)
    return "\n".join(lines) + "\n"


def _source(description: Mapping[str, Any]) -> str:
    if "world" in description:
        return f"world `{description['world']['name']}`"
    if "source" in description:
        return f"`{description['source']['name']}` ({description['source']['kind']})"
    if "codes" in description:
        return f"photographs of the folder of codes `{description['codes']['name']}`"
    return " and ".join(
        f"{kind} `{checkpoint['name']}` (SHA-256 `{checkpoint['sha256']}`)"
        for kind, checkpoint in description["checkpoints"].items()
    )
