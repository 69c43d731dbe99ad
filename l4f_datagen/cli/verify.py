"""``l4f-datagen verify``."""

import json
import sys
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table

from ..console.output import check_file, print_json, wants_json, write_file
from ..errors import WorkError
from ..settings.needing import idle
from ..shards.verify.verification import Finding, Verification, verify

if TYPE_CHECKING:
    from ..shards.verify.repair import Repair

_WIDE = 1000
"""Columns of a table that no terminal has to show."""
_SHOWN = 100
"""Findings in the table; the JSON file has all."""


@click.command("verify", short_help="Check every byte of a data set, and repair it.")
@click.argument("folder")
@click.option(
    "--quick", is_flag=True, help="checksums, structure and rows only: images are decoded of shards made again only"
)
@click.option("--repair", "mend", is_flag=True, help="make bad shards again, write the indexes and the card anew")
@click.option("--generator", metavar="PATH|NAME", help="with --repair: where the generator is now")
@click.option("--alpha", metavar="PATH|NAME", help="with --repair: where the alpha network is now")
@click.option("--reference", metavar="FILE.onnx", help="with --repair: where the detector is now that judged samples")
@click.option("--allow-mixed", is_flag=True, help="with --repair: beside shards of other versions or processors, too")
@click.option("--json-file", metavar="FILE", help="write all findings into a JSON file")
def command(
    folder: str,
    quick: bool,
    mend: bool,
    generator: str | None,
    alpha: str | None,
    reference: str | None,
    allow_mixed: bool,
    json_file: str | None,
) -> None:
    """Check every byte of a data set FOLDER: tars, images, masks, metadata, checksums, indexes, card.

    Exits with 1 and a list by shard when something is wrong. --repair makes bad shards again from dataset.json, and
    says so if their bytes are not the ones from before.
    """
    told = {"generator": generator, "alpha": alpha, "reference": reference, "allow_mixed": allow_mixed}
    for name, value in told.items():
        if value and not mend:
            raise idle(f"--{name.replace('_', '-')}", value, "--repair")
    if json_file:
        check_file(json_file, "json-file")
    found = verify(folder, decode=not quick, report=_progress)
    result = _as_json(found)
    if mend and found.findings:
        if not wants_json():
            _print(found.findings)
        done = _repair(found, **told)
        if not wants_json():
            _tell(done)
        result |= {"repaired": done.made, "different": done.different, "left": [f._asdict() for f in done.left]}
        result |= {"decoded": done.decoded, "notes": done.found.notes}
        found.findings[:], found.decoded = done.left, done.decoded
    if json_file:
        write_file(json_file, json.dumps(result, indent=2, ensure_ascii=False).encode() + b"\n", "json-file")
    if wants_json():
        print_json(result)
    else:
        for line in found.notes:
            click.echo(f"note: {line}")
    if found.findings:
        if not wants_json():
            _print(found.findings)
        raise WorkError(
            f"{folder}: {len(found.findings)} findings"
            + (f" in {len(found.bad_shards)} of {found.shards} shards" if found.bad_shards else "")
            + ("" if mend else "; --repair makes bad shards again")
        )
    if not wants_json():
        click.echo(f"{folder}: {found.samples} samples in {found.shards} shards, nothing wrong{_restriction(found)}")


def _restriction(found: Verification) -> str:
    """What was left out, where nothing was found wrong in a part only."""
    if found.decoded >= found.shards:
        return ""
    which = f"only images of the {found.decoded} shards made again were" if found.decoded else "no image was"
    return f" with checksums, structure and rows; {which} decoded (--quick)"


def _repair(found: Verification, **options: Any) -> "Repair":
    # Imported here: torch takes seconds, and a sound data set needs none.
    from ..engines.remaking import remake
    from ..process.tuning import tune_for_shards
    from ..progress.samples import ProgressReporter

    tune_for_shards()
    with ProgressReporter() as reporter:
        return remake(found.place, found=found, report=reporter, **options)


def _tell(done: "Repair") -> None:
    """What the repair did, a line each."""
    if done.made:
        click.echo(f"made again: {len(done.made)} shards ({', '.join(map(str, done.made[:20]))})")
    compared = len(done.made) - len(done.unknown)
    if compared and not done.different:
        click.echo(f"the bytes of {compared} of them are the ones from before, by the SHA-256 in their stats")
    if done.unknown:
        click.echo(f"not told by their stats, which were damaged: {len(done.unknown)} of them")
    if done.different:
        changed = ", ".join(f"{name} {then} → {now}" for name, (then, now) in done.versions.items())
        click.echo(
            f"other bytes than before: {', '.join(done.different[:20])} "
            f"({f'versions: {changed}' if changed else 'the same versions, another machine?'})"
        )


def _as_json(found: Verification) -> dict[str, object]:
    return {
        "folder": found.place, "shards": found.shards, "samples": found.samples, "decoded": found.decoded,
        "findings": [finding._asdict() for finding in found.findings], "notes": found.notes,
    }  # fmt: skip


def _print(findings: list[Finding]) -> None:
    table = Table(box=None, pad_edge=False)
    for name in ("shard", "file", "problem"):
        table.add_column(name, overflow="fold")
    for shard, file, problem in findings[:_SHOWN]:
        file, problem = ("".join(c if c.isprintable() else "?" for c in text) for text in (file, problem))
        table.add_row("–" if shard is None else str(shard), file.replace("[", "\\["), problem.replace("[", "\\["))
    # Where there is no terminal programs read, and look for whole lines.
    terminal = sys.stdout is not None and sys.stdout.isatty()
    Console(width=None if terminal else _WIDE).print(table)
    if len(findings) > _SHOWN:
        click.echo(f"… and {len(findings) - _SHOWN} more; --json-file FILE has all")


def _progress(done: int, shards: int) -> None:
    if sys.stderr.isatty():
        print(f"\rshard {done + 1} of {shards}", end="\r", file=sys.stderr, flush=True)
