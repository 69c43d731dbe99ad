"""Class-conditional generators: one class of them is an unconditional generator, with which all that follows works.

The class is said after the path of a checkpoint: ``imagenet.pkl#class=7``.
"""

import hashlib
import re
from dataclasses import replace
from pathlib import Path

from ...errors import UserError
from ...networks.stylegan2 import Generator
from ..assembly.assemble import build_generator
from ..source import Source

_SUFFIX = re.compile(r"#class=([0-9]{1,6})\Z")


def split_class(path: str | Path) -> tuple[str, int | None]:
    """A path or an address without its suffix ``#class=N``, and N; None without such a suffix.

    Raises:
        UserError: the suffix holds no number.
    """
    text = str(path)
    if found := _SUFFIX.search(text):
        return text[: found.start()], int(found[1])
    if "#class=" in text:
        raise UserError(
            text, got="a suffix that is no class", expected="#class= and a number at the end", remedy="correct it"
        )
    return text, None


def with_class(path: str, number: int | None) -> str:
    """A path with the class that a setting asks for; None: as it is.

    Raises:
        UserError: the path says another one.
    """
    plain, said = split_class(path)
    if number is None or number == said:
        return path
    if said is not None:
        raise UserError(
            "class", got=f"{number} beside {path}", expected="the same class in both", remedy="leave one of them out"
        )
    return f"{plain}#class={number}"


def chosen(
    generator: Generator, source: Source, number: int | None, *, any_class: bool = False
) -> tuple[Generator, Source]:
    """The generator of one class, and where it came from; an unconditional one as it is.

    The hash of a class is one of the file's hash and the number, so that what was made of two classes is told apart.

    Args:
        number: the class; None: none was said.
        any_class: whether a class-conditional generator is taken as a whole where none was said.

    Raises:
        UserError: a class-conditional generator and no class, no such class, or a class of an unconditional generator.
    """
    classes = generator.architecture.classes
    if number is None and (any_class or not classes):
        return generator, source
    if not classes:
        raise UserError(
            source.name, got=f"an unconditional generator and class {number}", expected="a class-conditional one",
            remedy="leave the class out",
        )  # fmt: skip
    if number is None or number >= classes:
        got = "and no class" if number is None else f"and class {number}"
        raise UserError(
            source.name, got=f"a class-conditional generator of {classes} classes {got}",
            expected=f"a class from 0 to {classes - 1}",
            remedy=f"say it after the path ({source.name}#class=0), or with --class where a command has it",
        )  # fmt: skip
    tensors = dict(generator.state_dict())
    tensors["mapping.biases.0"] = tensors["mapping.biases.0"][number].clone()
    one = build_generator(tensors, conv_clamp=generator.architecture.conv_clamp)
    sha256 = hashlib.sha256(f"{source.sha256}#class={number}".encode()).hexdigest()
    notes = (*source.notes, f"class {number} of {classes}")
    return one, replace(source, name=f"{source.name}#class={number}", sha256=sha256, notes=notes)
