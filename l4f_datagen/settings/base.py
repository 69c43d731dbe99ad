"""What the settings of all stages have in common: one frozen model, and the types that several share."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_serializer
from pydantic.fields import FieldInfo

from ..addresses import hidden_within
from ..devices import NAMES, device_name
from .explaining import explained
from .needing import Needs


@dataclass(frozen=True)
class Metavar:
    """What stands for a setting's value in ``--help``; capitals are kinds of values, such as ``PATH|NAME``."""

    text: str


Psi = Annotated[float, Field(ge=0, le=1.5)]
Weight = Annotated[float, Field(ge=0, le=1e6)]
Rate = Annotated[float, Field(gt=0, le=1)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Device = Annotated[str, AfterValidator(device_name), Field(description=NAMES)]
Seed = Annotated[int, Field(ge=0, lt=2**63, description="seed of all random numbers")]
Noise = Annotated[Literal["const", "none", "random"], Field(description="noise inputs of the generator")]
Generator = Annotated[str, Metavar("PATH|NAME"), Field(description="generator checkpoint: a path or an embedded name")]
Alpha = Annotated[
    str | None, Metavar("PATH|NAME"), Field(description="alpha checkpoint; default: the one beside the generator")
]
Images = Annotated[
    str,
    Metavar("FOLDER|TARS|world:NAME"),
    Field(description="real images: folder, tars, zip, Parquet files or world:NAME"),
]
WorldImages = Annotated[int, Field(gt=0, le=10**6, description="images drawn of a world, from index 0")]
Mirror = Annotated[bool, Field(description="mirror every other image, by chance")]
ContentRows = Annotated[
    int | None,
    Field(gt=0, le=4096, description="rows that hold the picture, black ones around them (LSUN-Car: 384)"),
]
Graphs = Annotated[
    bool | None,
    Field(description="record the phases of a step as CUDA graphs; default: where one process has a CUDA device"),
]
Precision = Literal["float32", "bf16", "fp16"]


def outer_name(field: str) -> str:
    """What people call a field. A name that Python keeps for itself has an underscore after it here: "from_"."""
    return field.rstrip("_")


class StageSettings(BaseModel):
    """What all stages have in common: frozen, and an unknown key is an error."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, alias_generator=outer_name, populate_by_name=True
    )
    SECTION: ClassVar[str] = ""
    """Where they stand in pipeline files: ``train-alpha``, or ``evaluate alpha`` within ``evaluate``; "": nowhere."""
    NEEDS: ClassVar[Mapping[str, Needs]] = {}
    """Settings that do something beside certain others only, by their outer names. A flag without what it needs is
    refused; files may keep such settings, which several commands or stages read."""
    RECOMMENDED: ClassVar[tuple[str, ...]] = ()
    """Settings whose values a checkpoint's card may recommend, where nobody gives one."""

    @property
    def defaults(self) -> frozenset[str]:
        """The names of the settings that have their default values."""
        fields = type(self).model_fields.items()
        return frozenset(outer_name(name) for name, field in fields if getattr(self, name) == field.default)

    @classmethod
    def by_outer_name(cls) -> dict[str, FieldInfo]:
        """The fields by what flags, pipeline files and descriptions call them, in order."""
        return {outer_name(name): field for name, field in cls.model_fields.items()}

    def model_dump(self, **options: Any) -> dict[str, Any]:  # type: ignore[override]  # pydantic's long list of keywords
        """As pydantic's, by the outer names unless ``by_alias`` says otherwise."""
        options.setdefault("by_alias", True)
        return super().model_dump(**options)

    def identity(self, without: Iterable[str] = ()) -> dict[str, Any]:
        """The settings by which results are told apart, as JSON values.

        Args:
            without: settings that make no difference.
        """
        left_out = set(without)
        return {name: value for name, value in self.model_dump(mode="json").items() if name not in left_out}

    if not TYPE_CHECKING:  # which knows the fields' own signature

        def __init__(self, **values):
            """Raises UserError for what is wrong with them."""
            try:
                super().__init__(**values)
            except ValidationError as error:
                raise explained(type(self), error, flags=False) from None

        __init__.__pydantic_base_init__ = True  # so that values that are read need not be keywords

    @field_serializer("*", when_used="json")
    def _without_keys(self, value: Any) -> Any:
        """JSON is what is stored and shown: without the keys that addresses hold."""
        return hidden_within(value)
