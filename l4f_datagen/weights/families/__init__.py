"""Segmenters of other libraries, a family per file, called by its name: ``hf:segformer-b0`` is of ``hf.py``."""

from ...kinds import Kinds
from ..family import Family

FAMILIES = Kinds("weights.families")


def family_of(arch: object) -> tuple[Family, str] | None:
    """The family of an architecture, and what the network is called there; None where the name is of no family.

    Raises:
        UserError: another package's family cannot be imported.
    """
    name, colon, what = arch.partition(":") if isinstance(arch, str) else ("", "", "")
    return (FAMILIES.only(name, Family)(), what) if colon and name in FAMILIES.names else None
