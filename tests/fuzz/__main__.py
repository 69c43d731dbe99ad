"""``python -m tests.fuzz [KIND …] --count N --seed S``; ``--case I`` reads one case again, with its traceback."""

import argparse
import importlib
import os
import sys
import tempfile
import time

from .cases import content_of, read
from .run import kinds, run


def main() -> int:
    """Read many changed files; 1 when one did not end as it may."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"default: all of {', '.join(kinds())}")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--case", type=int)
    parser.add_argument("--keep", help="with --case: write its file here")
    options = parser.parse_args()
    if options.case is not None:
        return _one(options)
    failures = 0
    for name in options.kinds or kinds():
        started = time.monotonic()
        result = run(name, options.count, seed=options.seed)
        print(f"{result}; {time.monotonic() - started:.0f} s", flush=True)
        for failure in result.failures:
            print(f"  {failure}", flush=True)
        failures += len(result.failures)
    return int(failures > 0)


def _one(options: argparse.Namespace) -> int:
    kind = importlib.import_module(f"tests.fuzz.{options.kinds[0]}")
    here = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        name, content = content_of(kind, options.case, options.seed, kind.seeds())
        os.chdir(here)
        print(f"made of {name}: {len(content)} bytes, {content[:200]!r}", flush=True)
        if options.keep:
            with open(options.keep, "wb") as file:
                file.write(content)
        os.chdir(folder)
        print(read(kind, content))
        os.chdir(here)
    return 0


if __name__ == "__main__":
    sys.exit(main())
