"""Settings of ``analyze``."""

from pydantic import Field

from .base import Device, Generator, Psi, Seed, StageSettings


class AnalyzeSettings(StageSettings):
    """Settings of ``analyze``."""

    generator: Generator = "vessels"
    n: int = Field(64, gt=0, le=10**6, description="samples that numbers are means over")
    psi: Psi = Field(1.0, description="truncation, in [0, 1.5]")
    seed: Seed = 0
    batch_size: int = Field(8, gt=0, le=4096, description="samples per forward pass")
    device: Device = "auto"
