"""What the samples of a data set were made of, and what had a say in them: a table of the card."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

UNKNOWN, NONE = "not known here", "–"


class Part(NamedTuple):
    """Something that samples were made of, or were selected by."""

    role: str
    what: str
    sha256: str = NONE
    licence: str = NONE


def table(description: Mapping[str, Any]) -> list[str]:
    """The lines of the table for a data set with this ``dataset.json``, and of the sentence on its masks."""
    return [
        "| part | what | SHA-256 | licence |",
        "|---|---|---|---|",
        *(f"| {' | '.join((part.role, part.what, _code(part.sha256), part.licence))} |" for part in parts(description)),
        "",
        masks(description),
    ]


def parts(description: Mapping[str, Any]) -> Iterator[Part]:
    """The parts of a data set with this ``dataset.json``."""
    if world := description.get("world"):
        yield Part("images and masks", f"the procedural world `{world['name']}`", licence=world["licence"])
    elif codes := description.get("codes"):
        yield Part("photographs", "named in `background_source`", licence=UNKNOWN)
        for role, title in (("generator", "generator"), ("alpha", "alpha network")):
            of = codes.get("networks", {}).get(role, {})  # older data sets say their names alone
            yield Part(title, f"`{codes[role]}`", of.get("sha256", NONE), of.get("licence", codes["licence"]))
        yield Part("codes", f"`{codes['name']}`", codes["sha256"])
    elif source := description.get("source"):
        yield Part("images and masks", f"`{source['name']}` ({source['kind']})", licence=source["licence"])
    else:
        for role, title in (("generator", "generator"), ("alpha", "alpha network")):
            of = description["checkpoints"][role]
            yield Part(title, f"`{of['name']}` ({of['format']})", of["sha256"], of["licence"])
        images = description.get("backgrounds")
        if images:
            yield Part("backgrounds", f"{images['images']} images from elsewhere", images["sha256"], UNKNOWN)
        else:
            yield Part("backgrounds", "the generator's own", licence=description["checkpoints"]["generator"]["licence"])
    reference = description.get("reference")
    if isinstance(reference, Mapping):
        yield Part("selection", f"the detector `{reference['name']}`", reference["sha256"], UNKNOWN)
    elif reference:
        yield Part("selection", f"the reference `{reference}`", licence=UNKNOWN)


def masks(description: Mapping[str, Any]) -> str:
    """Who made the masks, and which other network had a say."""
    if "world" in description:
        return "No network made these masks: they are exact."
    if "source" in description and "codes" not in description:
        return "No network of this program made these masks: they are the source's annotations."
    made = "The masks are those of the alpha network above, which learned without labels"
    reference = description.get("reference")
    if not reference:
        return f"{made}. No mask network of a third party made, corrected or selected them."
    name = reference["name"] if isinstance(reference, Mapping) else reference
    return f"{made}; `{name}`, of a third party, selected samples by what it finds, and made none of the masks."


def _code(sha256: str) -> str:
    return sha256 if sha256 == NONE else f"`{sha256}`"
