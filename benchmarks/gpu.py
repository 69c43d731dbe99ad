"""All that a GPU is for, measured in one run: ``python -m benchmarks.gpu``, or ``make gpu``.

Networks, generate and trainings, each with what its bare convolutions take. One table, and JSON with ``--json``. On a
GPU the jobs run in a process of their own: one that fails, hangs or ends its process does not end the others.
With ``--device cpu --quick`` tiny networks run through every line of it.
"""

import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import torch

from benchmarks.on_device import apart as isolation
from benchmarks.on_device import making, networks, training, upstream
from benchmarks.on_device.rows import HEADER, Plan, Row
from l4f_datagen.devices import resolve_device


def machine(device: torch.device) -> dict[str, Any]:
    """What the figures are of."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
    return {"device": name, "cores": os.cpu_count(), "torch": torch.__version__, "python": platform.python_version()}


def table(rows: Sequence[Row]) -> str:
    """Rows below their header, columns aligned."""
    cells = [HEADER, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADER))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in cells)


@click.command()
@click.option("--device", default="cuda", show_default=True)
@click.option("--sizes", default="256,512,1024", show_default=True, help="heights and widths in pixels")
@click.option("--parts", default="networks,generate,training", show_default=True)
@click.option(
    "--upstream",
    "checkouts",
    type=click.Path(path_type=Path, file_okay=False),
    help=(f"folder with checkouts of NVIDIA's {upstream.NVIDIA} and rosinality's {upstream.ROSINALITY}, measured too"),
)
@click.option("--json", "out", type=click.Path(path_type=Path, dir_okay=False), help="write the rows as JSON")
@click.option("--seconds", default=1.0, show_default=True, help="for each timing")
@click.option("--minutes", default=5.0, show_default=True, help="for all of it; what has not begun by then is left out")
@click.option("--quick", is_flag=True, help="tiny networks, one round: shows that it works")
@click.option("--apart/--together", default=None, help="jobs in a process of their own; default: on a GPU")
@click.option("--worker", hidden=True, help="do jobs of these names, for a process that waits")
def main(
    device: str, sizes: str, parts: str, checkouts: Path | None, out: Path | None, seconds: float, minutes: float,
    quick: bool, apart: bool | None, worker: str | None,
) -> None:  # fmt: skip
    """Print the table; exits with 1 where a part failed, and says why in its row."""
    plan = Plan(resolve_device(device), quick, 0.0 if quick else seconds)
    jobs = _jobs(plan, [16, 32] if quick else [int(size) for size in sizes.split(",")], parts.split(","), checkouts)
    if worker is not None:
        raise SystemExit(isolation.worker({name: jobs[name] for name in worker.split(",")}, plan.device))
    begun, rows = time.monotonic(), []
    deadline = begun + 60 * minutes
    if apart if apart is not None else plan.device.type == "cuda":
        words = [word for name, value in (("--device", device), ("--sizes", sizes), ("--parts", parts),
                                          ("--seconds", seconds), ("--upstream", checkouts))
                 if value is not None for word in (name, str(value))]  # fmt: skip
        command = [sys.executable, "-m", "benchmarks.gpu", *words, *["--quick"] * quick, "--worker"]
        made = isolation.apart(list(jobs), command, deadline)
    else:
        made = isolation.here(jobs, deadline)
    for row in made:
        click.echo("  ".join(cell for cell in row.cells() if cell), err=True)
        rows.append(row)
        if out is not None:  # after each: whoever ends this in the middle keeps what there is
            _write(out, plan, rows, begun)
    about = machine(plan.device) | {"seconds": round(time.monotonic() - begun)}
    click.echo("  ".join(f"{key}: {value}" for key, value in about.items()))
    click.echo(table(rows))
    if any(row.note.startswith(("FAILED", "LEFT OUT")) for row in rows):
        raise SystemExit(1)


def _jobs(
    plan: Plan, pixels: Sequence[int], parts: Sequence[str], checkouts: Path | None
) -> dict[str, Callable[[], Iterator[Row]]]:
    """What is measured, by name, the most wanted first."""
    works = {
        "networks": lambda: networks.jobs(plan, pixels),
        "generate": lambda: making.jobs(plan, pixels),
        "training": lambda: training.jobs(plan),
    }
    jobs = {_name(name): job for part in parts for name, job in works[part]().items()}
    return jobs | (upstream.jobs(plan, checkouts, pixels) if checkouts is not None else {})


def _name(name: str) -> str:
    """A job's name as it stands between commas."""
    return name.replace(",", "")


def _write(out: Path, plan: Plan, rows: Sequence[Row], begun: float) -> None:
    about = machine(plan.device) | {"seconds": round(time.monotonic() - begun)}
    out.write_text(json.dumps({"machine": about, "rows": [row.values() for row in rows]}, indent=1) + "\n")


if __name__ == "__main__":
    main()
