"""Bad shards of a data set are made again on this machine, from what its ``dataset.json`` says."""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..addresses import split_address
from ..errors import UserError
from ..generation.filters import Reference, with_reference
from ..generation.models import Models, load_models
from ..making import projected, render
from ..making.extending import told_settings
from ..progress.state import Progress
from ..settings import CodesSettings, GenerateSettings, RenderSettings, validate
from ..settings.recommended import as_given
from ..shards.format import layout
from ..shards.verify.repair import Maker, Repair, repair
from ..shards.verify.verification import Verification
from ..short import short
from ..storage.store import Store
from .description import arithmetic, describe
from .local import generate


def remake(
    place: str | Path | Store,
    *,
    generator: str | None = None,
    alpha: str | None = None,
    reference: Reference | str | Path | None = None,
    found: Verification | None = None,
    allow_mixed: bool = False,
    report: Callable[[Progress], None] = lambda progress: None,
) -> Repair:
    """Make the bad shards of a data set again, as ``shards.verify.repair`` does it, on this machine.

    Args:
        generator: where its generator is now; default: where it was. Another one is refused.
        alpha: where its alpha network is now; default: where it was.
        reference: the function that judged its samples, which no file holds; or where the detector that did is now.
        found: what ``verify`` just found.
        allow_mixed: make shards by another arithmetic than that of the others.
        report: called after every sample.

    Raises:
        UserError, WorkError: as ``repair``; nothing was changed.
    """
    function = reference if callable(reference) else None
    moved = {"generator": generator, "alpha": alpha, "reference": None if function else reference}
    changed = {name: str(path) for name, path in moved.items() if path is not None}
    maker = functools.partial(_maker, changed=changed, function=function, report=report, allow_mixed=allow_mixed)
    return repair(place, maker, found=found, allow_mixed=allow_mixed)


def _maker(
    store: Store,
    description: Mapping[str, Any],
    *,
    changed: Mapping[str, str],
    function: Reference | None,
    report: Callable[[Progress], None],
    allow_mixed: bool,
) -> Maker:
    """What makes the shards of a data set with this ``dataset.json``.

    Args:
        changed: where the files are now that settings name; those that are not named here are where they were.
        function: what judges its samples.

    Raises:
        UserError: nothing can make them, a checkpoint is not where it was, or a function judged the samples and none is
            given, or one is given and a detector did.
    """
    where, common = store.where(layout.DATASET), {"report": report, "allow_mixed": allow_mixed}
    if "world" in description:
        rendering = validate(RenderSettings, told_settings(description), where)
        return Maker(
            description=render.describe(rendering),
            make=lambda: render.render(rendering, store, **common),
            probe=lambda: render.arithmetic(rendering),
        )
    if "codes" in description:
        taking = validate(CodesSettings, told_settings(description), where)
        photographs = projected.open_photographs(taking)
        return Maker(
            description=projected.describe(photographs),
            make=lambda: projected.write(photographs, store, **common),
            probe=lambda: projected.arithmetic(photographs),
        )
    if not description["checkpoints"]:
        raise UserError(
            str(store), got="images that came from elsewhere, which nothing can make again",
            expected="a data set of generate or render", remedy="import them once more",
        )  # fmt: skip
    if isinstance(judged := description.get("reference"), str) and function is None:
        raise UserError(
            str(store), got=f"samples that a function of Python judged, {short(judged)}", expected="that function",
            remedy="make the bad shards again in Python: l4f_datagen.remake(folder, reference=the function)",
        )  # fmt: skip
    generating, models = _networks(told_settings(description), changed, where)
    with_reference(generating, function)  # two are refused before anything is removed
    return Maker(
        description=describe(generating, models, function),
        make=lambda: generate(generating, store, models=models, reference=function, **common),
        probe=lambda: arithmetic(generating, models),
    )


def _networks(settings: Mapping[str, Any], changed: Mapping[str, str], where: str) -> tuple[GenerateSettings, Models]:
    """The settings of a data set with these paths ``changed``, and what they name.

    Raises:
        UserError: a checkpoint cannot be read; where only its address without its keys is known, this is said.
    """
    if "generator" in changed and settings.get("alpha") == settings.get("generator"):
        changed = {"alpha": changed["generator"], **changed}
    # A description that does not tell the precision is one of float32, whatever "auto" would come to here.
    generating = as_given(validate(GenerateSettings, {"precision": "float32", **settings, **changed}, where))
    try:
        return generating, load_models(generating)
    except UserError as error:
        paths = {name: settings.get(name) or "" for name in ("generator", "alpha") if name not in changed}
        if stored := [name for name, path in paths.items() if split_address(path)]:
            raise UserError(
                error.subject, got=error.got, expected=error.expected,
                remedy="dataset.json holds addresses without their keys: name the whole one with "
                + " and ".join(f"--{name}" for name in stored),
            ) from error  # fmt: skip
        raise
