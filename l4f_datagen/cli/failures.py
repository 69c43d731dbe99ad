"""What a command says in one line when the machine fails it: too little memory, a disk, a device."""

import errno
import itertools
from collections.abc import Mapping, Sequence

from ..devices import TooLittleMemory, asked_for, machine_memory, too_little_memory
from ..storage.atomic import FULL
from .commands import options_of

_GENERATING = ("--batch-size", "--devices", "--workers")
_MEASURING = ("--batch-size", "--size", "--n")
MEMORY: Mapping[str, Sequence[str]] = {
    "generate": _GENERATING,
    "preview": ("--n", "--columns", "--tile"),
    "train-generator": ("--batch-size", "--accumulate", "--resolution", "--channels"),
    "train-alpha": ("--batch-size", "--accumulate", "--discriminator-width"),
    "train-segmenter": ("--batch-size", "--size", "--width", "--memory", "--workers"),
    "segment": ("--batch-size", "--size", "--tile"),
    "run": ("--devices", "--workers"),
    "render": ("--size",),
    "stats": ("--sample",),
    "export": (),
    "import": ("--size",),
    "analyze": ("--batch-size",),
    "evaluate masks": ("--resamples",),
    "evaluate alpha": ("--batch-size", "--resamples"),
    "evaluate segmenter": ("--batch-size", "--size", "--n", "--resamples"),
    "evaluate frechet": _MEASURING,
}
"""Settings that memory grows with, by command, the first the one that helps most."""
_ANY = ("--batch-size", "--accumulate", "--tile", "--workers")
"""The same of commands that are not named above, as far as they have them."""
_PATHS = ("Symlink loop", "Could not determine home directory", "embedded null byte")
"""How errors of Python's own begin that are of a path: of links to themselves, of ~NAME where nobody is called so."""
_MORE = {"--accumulate"}
"""Those of which more takes less memory."""


def told(error: Exception, words: Sequence[str]) -> tuple[str, int] | None:
    """The line and the exit code for an error of the machine's; None for any other, which is a mistake of ours.

    Args:
        words: of the command line.
    """
    line = _line(error, words)
    # Nobody but the user can mend a path.
    path = _is_of_path(error)
    path |= isinstance(error, OSError) and error.errno in (errno.ENAMETOOLONG, errno.ELOOP)
    return None if line is None else (f"{line}; choose another path" if path else line, 2 if path else 1)


def _line(error: Exception, words: Sequence[str]) -> str | None:
    if isinstance(error, TooLittleMemory):
        return str(error)
    if too_little_memory(error):
        return _told_memory(error, words)
    if isinstance(error, OSError):
        return _told_system(error)
    text = str(error)
    if _is_of_path(error):
        return text.rstrip(".")
    if type(error).__name__ == "AcceleratorError" or text.startswith(("CUDA error", "CUDA driver", "cuDNN error")):
        return (
            f"the device failed ({text.splitlines()[0]}): what was finished stays; look at it with nvidia-smi, use "
            "another --device, and run the same command again"
        )
    return None


def _is_of_path(error: Exception) -> bool:
    return isinstance(error, RuntimeError | ValueError) and str(error).startswith(_PATHS)


def _told_memory(error: Exception, words: Sequence[str]) -> str:
    asked = f"{asked} at once were asked for; " if (asked := asked_for(error)) else ""
    has = f"{asked}the machine has {machine_memory() / (1 << 30):.1f} GiB"
    flags = remedies(words)
    parts = [f"a {'larger' if flag in _MORE else 'smaller'} {flag}{_now(flag, words)}" for flag in flags]
    remedy = f"use {' or '.join(parts)}" if parts else "end other programs, or use a machine with more memory"
    return f"not enough memory ({has}): what was finished stays; {remedy}"


def remedies(words: Sequence[str]) -> Sequence[str]:
    """The settings to change for a command line that needs too much memory."""
    words = list(itertools.dropwhile(lambda word: word.startswith("-"), words))
    names = " ".join(words[:2]), " ".join(words[:1])
    for name in names:
        if name in MEMORY:
            return MEMORY[name]
    options = next((found for name in names if (found := options_of(name))), frozenset())
    return [flag for flag in _ANY if flag in options]


def _now(flag: str, words: Sequence[str]) -> str:
    """What was typed for a flag."""
    for place, word in enumerate(words):
        name, _, value = word.partition("=")
        if name == flag:
            value = value or " ".join(words[place + 1 : place + 2])
            return f" (now {value[:40]})"
    return ""


def _told_system(error: OSError) -> str:
    reason = error.strerror or " ".join(str(error).split())
    where = f"{error.filename}: " if error.filename else ""
    if error.errno in FULL:
        return f"{where}no room left ({reason}); what was finished stays; make room and run the same command again"
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return f"{where}{reason}: raise the limit of open files (ulimit -n) and run the same command again"
    return f"{reason}: {error.filename}" if error.filename else reason
