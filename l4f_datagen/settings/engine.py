"""Settings of the engines: who makes which shard. No data set depends on them."""

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from ..devices import device_name
from ..errors import UserError
from .base import Metavar, StageSettings

_MOST_DEVICES = 1024


def _one_device(value: Any) -> str:
    """One of ``devices``: a number is short for a GPU's name.

    Raises:
        ValueError: it names no single device.
    """
    text = str(value).strip() if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    try:
        name = device_name(f"cuda:{text}" if text.isdecimal() else text)
    except ValueError:
        name = ""
    if name in ("", "auto", "cuda"):
        raise ValueError("numbers of GPUs, or cpu once per process")
    return name


class EngineSettings(StageSettings):
    """Where and by whom shards are made; by the same arithmetic the same bytes result from all of them."""

    engine: Literal["local", "ray"] = Field("local", description="who makes the shards: this machine, or a Ray cluster")
    devices: Annotated[tuple[str, ...] | None, Metavar("N,N|cpu,cpu")] = Field(
        None,
        description="local: one process per device, such as 0,1 or cpu,cpu; default: all GPUs that --device allows",
    )
    ray_address: Annotated[str | None, Metavar("HOST:PORT|auto")] = Field(
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
    shard_range: Annotated[str | None, Metavar("A:B")] = Field(
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
        if isinstance(value, int) and not isinstance(value, bool):
            value = (value,)
        if isinstance(value, (list, tuple)):
            value = tuple(map(_one_device, value))
            if not 0 < len(value) <= _MOST_DEVICES:
                raise ValueError(f"1 to {_MOST_DEVICES} of them")
            if len({part.partition(":")[0] for part in value}) > 1:
                raise ValueError("devices of one kind, not both: their pixels differ")
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
