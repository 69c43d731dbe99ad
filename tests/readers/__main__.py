"""``python -m tests.readers``: all readers read one data set; those that cannot are named, and it fails."""

import sys
import tempfile
import time
import traceback
from pathlib import Path

from .sets import Sets
from .table import READERS


def main(missing: Path) -> int:
    """Exit code: 1 unless every reader of the table ran and read what is there.

    Args:
        missing: lines PACKAGE: REASON, written by whoever tried to install them.
    """
    reasons = (
        dict(line.split(": ", 1) for line in missing.read_text().splitlines() if ": " in line)
        if missing.is_file()
        else {}
    )
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        sets = Sets(Path(folder))
        for reader in READERS:
            begin, found, why = time.perf_counter(), reader.installed, ""
            if found is None:
                package = reader.package or reader.module
                why = f"not installed: {reasons.get(str(package), 'no such package is there')}"
            else:
                try:
                    reader.read(sets)
                except Exception as error:  # one reader's failure must not keep the others from running
                    traceback.print_exc()
                    why = f"failed: {type(error).__name__}: {str(error).strip().splitlines()[0] if str(error) else ''}"
            if why:
                failed.append(f"{reader.name} {why}")
            seconds = time.perf_counter() - begin
            print(f"{reader.name:24} {found or '-':>10} {seconds:6.1f} s  {why or 'reads it'}", flush=True)
    for line in failed:
        print(f"FAILED {line}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "missing")))
