"""``dataset.json``, which says what a data set is. Every field that anything depends on is checked when it is read."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from ...documents import JSON_BYTES, Unreadable, read_json
from ...errors import UserError
from ...mask_files import values as mask_values
from ...settings import CodesSettings, GenerateSettings, ImportSettings, RenderSettings, StageSettings
from ...settings.classes import written_classes
from ...settings.sharded import MOST_SHARDS
from ...short import short
from ...storage.store import Store
from ..damage import Damaged
from . import layout, sealed

FORMAT = "l4f-datagen-dataset"
VERSION = 3
"""Of data sets that are begun now: their settings say what mask files hold, and ``rows`` how those of shards are
called (``naming``)."""
VERSIONS = (2, VERSION)
"""Those that are read. In the second, mask files have palettes."""
RESTORE = "it alone tells how the shards are made: restore it, or take that of a folder which the same command makes"


class Lengths(Mapping[int, int]):
    """How many samples each shard has, by number. A mapping that takes no memory, however many shards there are."""

    def __init__(self, samples: int, per_shard: int):
        self.samples, self.per_shard = samples, per_shard
        self._shards = range(-(-samples // per_shard))

    def __getitem__(self, shard: int) -> int:
        if shard not in self._shards:
            raise KeyError(shard)
        return min(self.per_shard, self.samples - shard * self.per_shard)

    def __iter__(self) -> Iterator[int]:
        return iter(self._shards)

    def __len__(self) -> int:
        return len(self._shards)

    def __contains__(self, shard: object) -> bool:
        return shard in self._shards

    def indices(self, shard: int) -> range:
        """Global indices of the samples of a shard."""
        return range(first := shard * self.per_shard, first + self[shard])


def read(store: Store) -> dict[str, Any]:
    """``dataset.json`` of a folder.

    Raises:
        UserError: there is none, or it is not ours.
        Damaged: it is, and not as it was written.
    """
    try:
        return parse(store.read_small(layout.DATASET, JSON_BYTES), store.where(layout.DATASET))
    except FileNotFoundError:
        problem = "no such file" if store.is_folder() else "no such folder"
    except NotADirectoryError:
        problem = "a file that is no folder"
    except IsADirectoryError:
        problem = "a folder in its place"
    raise _not_ours(store.where(layout.DATASET), problem)


def parse(content: bytes, where: str) -> dict[str, Any]:
    """As ``read``, from the bytes of a file."""
    try:
        description = read_json(content, where, kind=dict)
    except Unreadable as error:
        raise Damaged(where, error.got, remedy=RESTORE) from None
    if description.get("format") != FORMAT or description.get("version") not in VERSIONS:
        said = (
            f'"format": {short(description.get("format"), quotes=True)}, "version": {short(description.get("version"))}'
        )
        raise _not_ours(where, said)
    if problem := problem_of(description):
        raise Damaged(where, problem, remedy=RESTORE)
    if sealed.KEY in description and not sealed.holds(content):
        raise Damaged(where, "its own checksum does not hold", remedy=RESTORE)
    return description


def lengths(description: Mapping[str, Any]) -> Lengths:
    """How many samples each shard of a data set with this ``dataset.json`` has."""
    return Lengths(description["counts"]["samples"], description["settings"]["samples_per_shard"])


def problem_of(description: Mapping[str, Any]) -> str | None:
    """Why a description cannot be used: the first field that is not as it has to be."""
    try:
        found = _Description.model_validate(description)
        models: dict[str, type[StageSettings]] = {
            "world": RenderSettings, "source": ImportSettings, "codes": CodesSettings,
        }  # fmt: skip
        if problem := _mask_problem(description):
            return problem
        model = next((one for part, one in models.items() if getattr(found, part)), GenerateSettings)
        known = {name: value for name, value in description["settings"].items() if name in model.by_outer_name()}
        if isinstance(listed := known.get("reject_list"), str):  # which would be read as a file
            return f"settings.reject_list: {short(listed)}; expected entries"
        # Settings take text for a number; what was written here is a number, and comes out as it was.
        resolved = model.model_validate(known).model_dump(mode="json")
        differing = next((name for name in known if resolved[name] != known[name]), None)
        return differing and f"settings.{differing}: {short(known[differing])}"
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        said = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
        return f"{short(place)}: {short(first['input'])}; expected {short(said, 200)}" if place else short(said, 200)


def _mask_problem(description: Mapping[str, Any]) -> str | None:
    """Why it is not clear what mask files hold, if it is not."""
    told, known = description["settings"].get(mask_values.SETTING), get_args(mask_values.MaskValues)
    if description.get("version") in VERSIONS[:-1]:
        known = (None, mask_values.BEFORE)
    return None if told in known else f"settings.{mask_values.SETTING}: {short(told)}"


def _not_ours(where: str, problem: str) -> UserError:
    return UserError(
        where,
        got=problem,
        expected=f'"format": "{FORMAT}", "version": {" or ".join(map(str, VERSIONS))}',
        remedy="name a data set folder",
    )


class _Part(BaseModel):
    """A part of the file. Fields that are not named here are kept as they are."""

    model_config = ConfigDict(extra="allow", strict=True, allow_inf_nan=False)


class _Counts(_Part):
    samples: int = Field(ge=1, le=10**9)
    shards: int = Field(ge=1, le=MOST_SHARDS)


class _Settings(_Part):
    samples_per_shard: int = Field(ge=1, le=10**6)
    image_format: Literal["jpg", "png", "webp"]


class _Checkpoint(_Part):
    name: str
    format: str
    sha256: str
    licence: str


class _World(_Part):
    name: str
    licence: str


class _Source(_Part):
    name: str
    kind: str
    foreground: str
    alphas: bool
    licence: str


class _Codes(_Part):
    name: str
    sha256: str
    generator: str
    alpha: str
    licence: str


class _Backgrounds(_Part):
    images: int
    sha256: str


class _Reference(_Part):
    name: str
    sha256: str


class _Description(_Part):
    settings: _Settings
    identity: dict[str, Any]
    fingerprint: Annotated[str, Field(min_length=12)]
    checkpoints: dict[str, _Checkpoint]
    versions: dict[str, str]
    rows: Literal["_rows.pq"] | None = None
    counts: _Counts
    world: _World | None = None
    source: _Source | None = None
    codes: _Codes | None = None
    backgrounds: _Backgrounds | None = None
    reference: str | _Reference | None = None
    classes: str | None = None

    @field_validator("classes")
    @classmethod
    def _are_classes(cls, value: str | None) -> str | None:
        if value is not None:
            written_classes(value)
        return value

    @model_validator(mode="after")
    def _hold_together(self) -> "_Description":
        shards = -(-self.counts.samples // self.settings.samples_per_shard)
        if self.counts.shards != shards:
            raise ValueError(f"shards is {self.counts.shards} and {shards}, which {self.counts.samples} samples fill")
        if not (self.world or self.source or self.codes or {"generator", "alpha"} <= self.checkpoints.keys()):
            raise ValueError("no checkpoints, and no world, source or codes in their place")
        wanted = () if self.source else ("threshold", "split", "seed") if self.world else ("threshold", "backgrounds")
        wanted = ("threshold", "codes") if self.codes else wanted
        if absent := [name for name in wanted if name not in (self.settings.model_extra or {})]:
            raise ValueError(f"settings without {absent[0]}")
        return self
