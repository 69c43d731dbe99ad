"""Time of our worlds, and of vessels over a reference's: ``python -m benchmarks.render --reference PATH/vessels.py``.

The reference is a Python file with ``render(seed, index, size)``; without one, only our own times are told.
"""

import importlib.util
from collections.abc import Callable
from itertools import count
from pathlib import Path

import click

from benchmarks.timing import medians
from l4f_datagen import worlds

SIZES = (64, 256)
_PLACE = Path(__file__).resolve().parents[2] / "shared" / "tools" / "vessels.py"


def load_reference(path: Path) -> Callable[[int, int, int], object]:
    """The function ``render`` of a Python file."""
    spec = importlib.util.spec_from_file_location("reference_renderer", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.render


@click.command()
@click.option(
    "--reference", type=click.Path(path_type=Path), default=_PLACE, help="a renderer of vessels to compare with"
)
def main(reference: Path) -> None:
    """Print one line per world and size: all walk through the same indices, in turn."""
    theirs = load_reference(reference) if reference.is_file() else None
    for size in SIZES:
        alternatives = [
            walk(lambda index, n=name, s=size: worlds.render(n, seed=0, index=index, size=s)) for name in worlds.NAMES
        ]
        if theirs:
            alternatives.append(walk(lambda index, s=size: theirs(0, index, s)))
        seconds = dict(zip([*worlds.NAMES, "reference"], medians(alternatives, rounds=200 if size < 128 else 25)))
        for name, ours in seconds.items():
            ratio = f", {ours / seconds['vessels']:.2f} times vessels" if name != "vessels" else ""
            print(f"{name} {size} px: {ours * 1e3:.2f} ms{ratio}", flush=True)


def walk(draw: Callable[[int], object]) -> Callable[[], object]:
    """A function that draws the next picture whenever it is called."""
    indices = count()
    return lambda: draw(next(indices))


if __name__ == "__main__":
    main()
