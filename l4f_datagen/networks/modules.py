"""Lists of modules that say what they hold."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Generic, TypeVar, overload

from torch import nn

Layer = TypeVar("Layer", bound=nn.Module)


class Modules(nn.ModuleList, Generic[Layer]):
    """torch's ``ModuleList`` of modules of one kind; type checkers know of which."""

    if TYPE_CHECKING:

        def __iter__(self) -> Iterator[Layer]: ...

        @overload
        def __getitem__(self, idx: int) -> Layer: ...

        @overload
        def __getitem__(self, idx: slice) -> "Modules[Layer]": ...

        def __getitem__(self, idx: int | slice) -> "Layer | Modules[Layer]": ...
