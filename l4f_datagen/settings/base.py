"""What the settings of all stages have in common."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_serializer

from ..addresses import hidden_within
from ..devices import device_name

Psi = Annotated[float, Field(ge=0, le=1.5)]
Weight = Annotated[float, Field(ge=0, le=1e6)]
Rate = Annotated[float, Field(gt=0, le=1)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Device = Annotated[str, AfterValidator(device_name)]


class StageSettings(BaseModel):
    """What all stages have in common: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_serializer("*", when_used="json")
    def _without_keys(self, value: Any) -> Any:
        """JSON is what is stored and shown: without the keys that addresses hold."""
        return hidden_within(value)
