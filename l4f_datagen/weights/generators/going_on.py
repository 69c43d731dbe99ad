"""A checkpoint → all that a training of a generator goes on with."""

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from ...networks.stylegan2 import Generator
from ..assembly.assemble import first_not_finite
from ..layouts import reading
from ..layouts.layout import Beside
from ..load import locate, read_generator, result_of
from ..source import Source
from .classes import check_one_class, chosen, split_class
from .squares import check_square


@dataclass(frozen=True, kw_only=True)
class Begun:
    """A generator, where it came from, and what its file holds beside it."""

    generator: Generator
    source: Source
    beside: Beside


def read_begun(path: str | Path) -> Begun:
    """The generator of any checkpoint as ``read_generator`` gives it, and what its file holds beside it.

    Networks that are not finite, or are for images of another size or of other layers, count as not there; notes tell
    which.

    Raises:
        UserError: as ``load_generator``; or the generator is no square one that grows from 4×4 pixels, or of several
            classes.
    """
    generator, source = read_generator(path)
    check_square(generator.architecture, source.name, "a training of generators")
    check_one_class(generator, source, "a training of generators")
    found = result_of(locate(path))
    if not found.is_file():
        return Begun(generator=generator, source=source, beside=Beside())
    with reading.opened(found, str(path)) as content:
        beside = reading.beside(content.data, "generator")
    return Begun(generator=generator, source=source, beside=_fitting(beside, generator, source, split_class(path)[1]))


def _fitting(beside: Beside, generator: Generator, source: Source, classes: str | None) -> Beside:
    """The networks that go with the generator, of the same class, and are finite; notes tell why others do not."""
    raw, discriminator, notes = beside.raw, beside.discriminator, list(beside.notes)
    if raw and classes is not None:
        raw, _ = chosen(raw, source, classes)
    if raw:
        other = raw.architecture != generator.architecture
        if why := _not_finite(raw) or ("it is of another architecture than the averaged one" if other else ""):
            notes.append(f"its raw generator cannot be used: {why}")
            raw = None
    if discriminator:
        size, wanted = 4 << len(discriminator.blocks), generator.architecture.resolution
        if why := _not_finite(discriminator) or ("" if size == wanted else f"it is for {size} px, not for {wanted}"):
            notes.append(f"its discriminator cannot be used: {why}")
            discriminator = None
    return Beside(raw=raw, discriminator=discriminator, notes=tuple(notes))


def _not_finite(network: nn.Module) -> str:
    """What is told of a network with weights that are not finite; "" for others."""
    tensor = first_not_finite(network)
    return f"weights that are not finite (NaN or infinity in {tensor})" if tensor else ""
