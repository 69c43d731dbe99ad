"""Class-conditional generators: some classes of them are an unconditional generator, with which all that follows works.

The classes are said after the path of a checkpoint: ``imagenet.pkl#class=7``, ``#class=0-3,7``, ``#class=all``.
"""

import hashlib
import re
from dataclasses import replace
from pathlib import Path

from ...errors import UserError
from ...networks.stylegan2 import Generator
from ...settings.classes import ALL, numbers_of, one_spelling, spelled
from ..assembly.assemble import Shapes, fill
from ..source import Source

_SUFFIX = re.compile(r"#class=([0-9, -]+|all)\Z", re.ASCII)


def split_class(path: str | Path) -> tuple[str, str | None]:
    """A path or an address without its suffix ``#class=…``, and the classes in one spelling; None without a suffix.

    Raises:
        UserError: the suffix names no classes.
    """
    text = str(path)
    if found := _SUFFIX.search(text):
        try:
            return text[: found.start()], one_spelling(found[1])
        except ValueError:
            pass
    if "#class=" in text:
        raise UserError(
            text, got="a suffix that is no class",
            expected="#class= at the end, and a number, several such as 0-2,7 (each once), or all", remedy="correct it",
        )  # fmt: skip
    return text, None


def with_class(path: str, classes: int | str | None) -> str:
    """A path with the classes that a setting asks for; None: as it is.

    Raises:
        UserError: the path says others.
    """
    plain, said = split_class(path)
    if classes is None or one_spelling(str(classes)) == said:
        return path
    if said is not None:
        raise UserError(
            "class", got=f"{classes} beside {path}", expected="the same in both", remedy="leave one of them out"
        )
    return f"{plain}#class={classes}"


def chosen(
    generator: Generator, source: Source, classes: str | None, *, any_class: bool = False
) -> tuple[Generator, Source]:
    """The generator of some classes, and where it came from; an unconditional one as it is.

    The generator of one class takes codes as an unconditional one does. That of several takes codes of one number more,
    which says the class (``networks.stylegan2.class_bounds``). The hash is one of the file's hash and of the classes,
    so that what was made of others is told apart.

    Args:
        classes: in one spelling; None: none were said.
        any_class: whether a class-conditional generator is taken as a whole where none were said.

    Raises:
        UserError: a class-conditional generator and no class, no such class, or a class of an unconditional generator.
    """
    count = generator.architecture.classes
    if classes is None and (any_class or not count):
        return generator, source
    if not count:
        raise UserError(
            source.name, got=f"an unconditional generator and class {classes}", expected="a class-conditional one",
            remedy="leave the class out",
        )  # fmt: skip
    drawn = () if classes is None else numbers_of(classes, count)
    if not drawn or drawn[-1] >= count:
        got = "and no class" if classes is None else f"and class {classes}"
        raise UserError(
            source.name, got=f"a class-conditional generator of {count} classes {got}",
            expected=f"a class from 0 to {count - 1}, several such as 0,{count - 1}, or all",
            remedy=f"say it after the path ({source.name}#class=0), or with --class where a command has it",
        )  # fmt: skip
    text = str(drawn[0]) if len(drawn) == 1 else ALL if len(drawn) == count else spelled(drawn)
    sha256 = hashlib.sha256(f"{source.sha256}#class={text}".encode()).hexdigest()
    notes = (*source.notes, f"class {text} of {count}")
    return _of(generator, drawn), replace(source, name=f"{source.name}#class={text}", sha256=sha256, notes=notes)


def check_one_class(generator: Generator, source: Source, work: str) -> None:
    """Refuse a generator of several classes.

    Args:
        work: what needs one of them, or the whole file, in words: "a training", say.

    Raises:
        UserError: it draws several.
    """
    if generator.architecture.several:
        raise UserError(
            source.name, got=f"{len(generator.architecture.drawn)} classes", expected=f"what {work} takes",
            remedy="say one class after the path (#class=0)",
        )  # fmt: skip


def _of(generator: Generator, drawn: tuple[int, ...]) -> Generator:
    """The generator of some classes: their rows of the first layer's table of biases, and all else as it was."""
    a = generator.architecture
    several = len(drawn) > 1
    tensors = dict(generator.state_dict())
    table = tensors["mapping.biases.0"]
    rows = table[list(drawn)]
    tensors["mapping.biases.0"] = rows if several else rows[0].clone()
    asked = replace(a, classes=0, drawn=drawn, z_dim=a.z_dim + several)
    with Shapes():
        found = Generator(asked)
    fill(found, tensors)
    return found
