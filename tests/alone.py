"""What a process has only once, and a test must leave as it found it: else another passes or fails by its place."""

import locale
import os
import random
import signal
import sys
from collections.abc import Callable

import numpy as np
import torch

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
OURS = (
    "L4F_", "RANK", "WORLD_SIZE", "LOCAL_", "MASTER_", "TORCHELASTIC_", "AWS_", "HF_", "HOME", "PATH", "PYTHONPATH",
    "TMPDIR", "XDG_", "LANG", "LC_", "TZ", "COLUMNS", "NO_COLOR", "FORCE_COLOR", "TERM", "CUDA_VISIBLE_DEVICES",
    "OMP_NUM_THREADS",
)  # fmt: skip
"""How the variables begin that the program reads; libraries set some of their own when they are first used."""


def _mask_of_new_files() -> int:
    found = os.umask(0o077)
    os.umask(found)
    return found


SETTINGS: dict[str, Callable[[], object]] = {
    "the environment": lambda: {name: os.environ[name] for name in os.environ if name.startswith(OURS)},
    "the working directory": os.getcwd,
    "rights of new files": _mask_of_new_files,
    "the locale": lambda: locale.setlocale(locale.LC_ALL),
    "handlers of signals": lambda: [signal.getsignal(number) for number in SIGNALS],
    "signals that are held back": lambda: signal.pthread_sigmask(signal.SIG_BLOCK, []),
    "where modules are looked for": lambda: list(sys.path),
    "torch's threads": torch.get_num_threads,
    "torch's kind of number": torch.get_default_dtype,
    "torch's determinism": torch.are_deterministic_algorithms_enabled,
    "torch's gradients": torch.is_grad_enabled,
    "NumPy's errors": np.geterr,
}


def settings() -> dict[str, object]:
    """All of them, as they are."""
    return {name: found() for name, found in SETTINGS.items()}


def changes(before: dict[str, object]) -> dict[str, tuple[object, object]]:
    """What is not as it was: before, and now. Of the environment only the names that differ."""
    now = settings()
    found = {name: (before[name], now[name]) for name in SETTINGS if before[name] != now[name]}
    for name, pair in found.items():
        if all(isinstance(one, dict) for one in pair):
            one, other = pair
            found[name] = (dict(one.items() - other.items()), dict(other.items() - one.items()))
    return found


def seed() -> None:
    """Draw the same numbers as any other test, whatever was drawn before, where a test names no seed."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
