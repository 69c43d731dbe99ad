"""Settings of the engines: who makes which shard. No data set depends on them."""

from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from ..errors import UserError
from .base import StageSettings


class EngineSettings(StageSettings):
    """Where and by whom shards are made; the same bytes result from all of them."""

    engine: Literal["local", "ray"] = Field("local", description="who makes the shards: this machine, or a Ray cluster")
    devices: tuple[str, ...] | None = Field(
        None,
        description="local: one process per device, such as 0,1 or cpu,cpu; default: all GPUs that --device allows",
    )
    ray_address: str | None = Field(
        None,
        description="ray: the cluster, as host:port, auto or ray://host:port; default: $RAY_ADDRESS, "
        "else one that is started on this machine",
    )
    workers: int | None = Field(None, gt=0, description="ray: number of workers; default: as many as the cluster holds")
    devices_per_worker: float | None = Field(
        None,
        gt=0,
        description="ray: GPUs of a worker, 0.5 to share one; on CPU its cores; default: one GPU, or a node's cores",
    )
    shard_range: str | None = Field(
        None,
        pattern=r"^\d+:\d+$",
        description="make the shards A to B - 1 only, beside other processes in the same folder; finalize ends it",
    )

    @field_validator("devices", mode="before")
    @classmethod
    def _names(cls, value: Any, info: ValidationInfo) -> Any:
        """Accept "0,1"; a number is short for a GPU's name."""
        if isinstance(value, str):
            value = tuple(part.strip() for part in value.split(","))
        if isinstance(value, (list, tuple)):
            value = tuple(f"cuda:{part}" if str(part).isdecimal() else part for part in value)
            if not value or not all(part == "cpu" or str(part).startswith("cuda:") for part in value):
                raise ValueError("numbers of GPUs, or cpu once per process")
            if "cpu" in value and len(set(value)) > 1:
                raise ValueError("GPUs or cpu, not both: their pixels differ")
        return value

    @field_validator("devices", "ray_address", "workers", "devices_per_worker")
    @classmethod
    def _fits_engine(cls, value: Any, info: ValidationInfo) -> Any:
        wanted, engine = "local" if info.field_name == "devices" else "ray", info.data.get("engine")
        if value is not None and engine not in (wanted, None):
            raise ValueError(f"no such flag with --engine {engine}")
        return value

    def shards(self, count: int) -> range | None:
        """``shard_range`` within a data set of ``count`` shards; None is all of them.

        The last range of a job array may reach further than the data set.

        Raises:
            UserError: none of the data set's shards are in it.
        """
        if self.shard_range is None:
            return None
        start, stop = (int(number) for number in self.shard_range.split(":"))
        if not start < min(stop, count):
            raise UserError(
                "shard_range", got=self.shard_range, expected=f"A:B with A < B and A < {count}, the number of shards",
                remedy="change --shard-range, --n or --samples-per-shard",
            )  # fmt: skip
        return range(start, min(stop, count))
