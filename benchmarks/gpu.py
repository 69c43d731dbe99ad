"""All that a GPU is for, measured in one run: ``python -m benchmarks.gpu``, or ``make gpu``.

Networks, generate and trainings, each with what its bare convolutions take. One table, and JSON with ``--json``.
With ``--device cpu --quick`` tiny networks run through every line of it.
"""

import json
import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import torch

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
@click.option("--quick", is_flag=True, help="tiny networks, one round: shows that it works")
def main(
    device: str, sizes: str, parts: str, checkouts: Path | None, out: Path | None, seconds: float, quick: bool
) -> None:
    """Print the table; exits with 1 where a part failed, and says why in its row."""
    plan = Plan(resolve_device(device), quick, 0.0 if quick else seconds)
    pixels = [16, 32] if quick else [int(size) for size in sizes.split(",")]
    works: dict[str, Callable[[], Iterator[Row]]] = {
        "networks": lambda: networks.rows(plan, pixels),
        "generate": lambda: making.rows(plan, pixels),
        "training": lambda: training.rows(plan),
    }
    works = {name: works[name] for name in parts.split(",")}
    if checkouts is not None:
        works["upstream"] = lambda: upstream.rows(plan, checkouts, pixels)
    rows, failed, begun = [], False, time.perf_counter()
    for name, work in works.items():
        try:
            for row in work():
                click.echo("  ".join(cell for cell in row.cells() if cell), err=True)
                rows.append(row)
        except Exception as error:  # what else there is to measure is worth as much
            failed = True
            text = f"FAILED: {type(error).__name__}: {' '.join(str(error).split())[:300]}"
            rows.append(Row(name, 0, "", None, note=text))
            click.echo(text, err=True)
    about = machine(plan.device) | {"seconds": round(time.perf_counter() - begun)}
    click.echo("  ".join(f"{key}: {value}" for key, value in about.items()))
    click.echo(table(rows))
    if out is not None:
        out.write_text(json.dumps({"machine": about, "rows": [row.values() for row in rows]}, indent=1) + "\n")
    if failed:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
