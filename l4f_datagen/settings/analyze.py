"""Settings of ``analyze``."""

from pydantic import Field

from ..devices import NAMES
from .base import Device, Psi, StageSettings


class AnalyzeSettings(StageSettings):
    """Settings of ``analyze``."""

    generator: str = Field("vessels", description="generator checkpoint: a path or an embedded name")
    n: int = Field(64, gt=0, le=10**6, description="samples that numbers are means over")
    psi: Psi = Field(1.0, description="truncation, in [0, 1.5]")
    seed: int = Field(0, ge=0, lt=2**63, description="seed of all random numbers")
    batch_size: int = Field(8, gt=0, le=4096, description="samples per forward pass")
    device: Device = Field("auto", description=NAMES)
