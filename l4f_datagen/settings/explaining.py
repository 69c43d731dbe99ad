"""What is wrong with values of settings, in the words of a ``UserError``."""

import difflib

from pydantic import BaseModel, ValidationError

from ..addresses import hidden
from ..errors import UserError
from ..short import short

_LOOKED_AT = 4000
"""Characters of a value in which addresses are looked for, before it is cut: of a part they would not be known."""


def explained(model: type[BaseModel], error: ValidationError, where: str = "", *, flags: bool = True) -> UserError:
    """The first thing that is wrong with values of settings.

    Args:
        where: the file that they are from.
        flags: whether those that are from no file are options of a command.
    """
    fields = {field.alias or key: field for key, field in model.model_fields.items()}
    problem = error.errors(include_url=False)[0]
    location = [str(part) for part in problem["loc"]]
    name = short(location[0]) if location else where
    prefix = f"{where}: " if where and location else ""
    if problem["type"] == "extra_forbidden":
        known = list(fields)
        nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        return UserError(
            f"{prefix}{name}",
            got="an unknown key",
            expected=f"one of {', '.join(known)}",
            remedy=f"did you mean {nearest[0]}?" if nearest else "remove it",
        )
    expected = (
        problem["msg"].removeprefix("Input should be ").removeprefix("Keys should be ").removeprefix("Value error, ")
    )
    meaning = fields[name].description if name in fields else None
    flag = name if where or not flags else f"--{name.replace('_', '-')}"
    if problem["type"] == "missing":
        return UserError(f"{prefix}{name}", got="nothing", expected=meaning or "a value", remedy=f"give {flag}")
    return UserError(
        f"{prefix}{name}",
        got=short(hidden(short(problem["input"], _LOOKED_AT, quotes=True)), 80),
        expected=short(expected, 300),
        remedy=f"change {flag}" + (f" ({meaning})" if meaning else ""),
    )
