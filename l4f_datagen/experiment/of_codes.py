"""``generate --codes``: a data set of projected photographs, by the command that makes data sets."""

from collections.abc import Mapping

from ..console.output import print_json, result
from ..errors import UserError
from ..making.extending import stored_settings
from ..settings import CodesSettings, EngineSettings, resolve
from ..settings.needing import idle

ONLY_THEIRS = ("codes", "max_error")
"""Settings that no generated data set has."""


def wanted(flags: Mapping[str, object], out: str, *, overwrite: bool) -> CodesSettings | None:
    """The settings of a data set of codes if flags or the data set in ``out`` ask for one; else None.

    Raises:
        UserError: flags that mean nothing to photographs, or that mean something to them alone.
    """
    stored = {} if overwrite else stored_settings(CodesSettings, out)
    given = {name: value for name, value in flags.items() if value is not None}
    if "codes" not in {**stored, **given}:
        if lonely := [name for name in ONLY_THEIRS if name in given]:
            raise idle(_flag(lonely[0]), given[lonely[0]], "--codes")
        return None
    if strange := [name for name in given if name not in CodesSettings.by_outer_name()]:
        raise UserError(
            ", ".join(map(_flag, strange)), got="--codes beside it, whose photographs and alphas are there already",
            expected=f"of {', '.join(map(_flag, CodesSettings.by_outer_name()))} alone", remedy="leave it out",
        )  # fmt: skip
    return resolve(CodesSettings, stored, given)


def make(
    settings: CodesSettings, out: str, engine: EngineSettings, *, allow_mixed: bool, overwrite: bool, dry_run: bool
) -> None:
    """Write the data set with progress and a closing line.

    Raises:
        UserError: the codes cannot be read, or another engine than this process is asked for.
    """
    if engine.engine != "local":
        raise UserError(
            "--engine", got=f"{engine.engine} with --codes", expected="local: nothing has to be computed",
            remedy="leave it out",
        )  # fmt: skip
    # Imported here: torch takes seconds, and a wrong flag is told at once.
    from ..making import projected
    from ..progress.samples import ProgressReporter, closing_line, closing_values

    photographs = projected.open_photographs(settings)
    shards = engine.shards(photographs.settings.shards)
    if dry_run:
        print_json(projected.describe(photographs)["settings"] | {"out": out})
        return
    with ProgressReporter() as reporter:
        progress = projected.write(
            photographs, out, overwrite=overwrite, report=reporter, shards=shards, allow_mixed=allow_mixed
        )
    result(closing_line(out, progress, reporter.seconds, shards), closing_values(out, progress, reporter.seconds))


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
