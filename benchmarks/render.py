"""Time of our renderer over a reference's: ``python -m benchmarks.render --reference PATH/vessels.py``.

The reference is a Python file with ``render(seed, index, size)``; without one, only our own time is told.
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
@click.option("--reference", type=click.Path(path_type=Path), default=_PLACE, help="a renderer to compare with")
def main(reference: Path) -> None:
    """Print one line per size: both walk through the same indices, in turn."""
    theirs = load_reference(reference) if reference.is_file() else None
    for size in SIZES:
        numbers = count(), count()
        alternatives = [lambda n=numbers[0], s=size: worlds.render("vessels", seed=0, index=next(n), size=s)]
        if theirs:
            alternatives.append(lambda n=numbers[1], s=size: theirs(0, next(n), s))
        ours, *other = medians(alternatives, rounds=200 if size < 128 else 25)
        compared = f", reference {other[0] * 1e3:.2f} ms (ratio {ours / other[0]:.2f})" if other else ""
        print(f"vessels {size} px: {ours * 1e3:.2f} ms{compared}", flush=True)


if __name__ == "__main__":
    main()
