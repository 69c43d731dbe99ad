"""Where the pipeline files and embedded checkpoints lie, in a checkout and in an installed wheel."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def folder(name: str) -> Path:
    """The folder "pipelines" or "checkpoints": inside an installed package, beside it in a checkout."""
    inside, beside = _PACKAGE / name, _PACKAGE.parent / name
    return inside if inside.is_dir() else beside


def embedded(name: str, suffix: str = "") -> list[str]:
    """Names of what lies in the folder ``name``, without ``suffix``."""
    return sorted(
        p.name.removesuffix(suffix) for p in folder(name).iterdir() if p.name.endswith(suffix) and p.name[0] not in "._"
    )
