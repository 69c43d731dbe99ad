"""What people read, as tests look at it: README.md, CONTRIBUTING.md and docs/, their programs and their commands."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PATHS = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
PAGES = {str(path.relative_to(ROOT)): path.read_text() for path in PATHS}
_BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
_STARTERS = ("torchrun", "accelerate")
_MODULE = ["-m", "l4f_datagen"]


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language, in order."""
    return [body for _, found, body in _BLOCK.findall(text) if found == language]


def lines(text: str) -> Iterator[list[str]]:
    """The words of every line of the shell blocks; variables that a block sets are filled in."""
    for block in blocks(text, "sh"):
        variables: dict[str, str] = {}
        for line in block.replace("\\\n", " ").splitlines():
            if assigned := re.fullmatch(r'([A-Z]+)="(.*)"', line):
                variables[assigned[1]] = assigned[2]
                continue
            for name, value in variables.items():
                line = line.replace(f"${name} ", f"{value} ")
            line = re.sub(r"\$\(\(.*?\)\)", "0", line, count=1)  # arithmetic: any range will do
            line = re.sub(r"\$\(\(.*?\)\)", "1", line)
            if words := shlex.split(line, comments=True):
                yield words


def commands(text: str) -> Iterator[list[str]]:
    """What follows ``l4f-datagen`` in shell blocks and in inline code, where it is written out."""
    for words in lines(text):
        if words[0] in _STARTERS:
            words = words[words.index(_MODULE[0]) :]
            assert words[:2] == _MODULE, words
            yield words[2:]
        elif words[0] == "l4f-datagen":
            yield words[1:]
    for inline in re.findall(r"`l4f-datagen ([^`\n]+)`", re.sub(_BLOCK, "", text)):
        if "…" not in inline:
            yield shlex.split(inline)
