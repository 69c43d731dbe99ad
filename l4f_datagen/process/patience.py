"""How long to wait for others, as the environment may set it."""

import math
import os

from ..errors import UserError


def positive_seconds(variable: str, default: float) -> float:
    """The number of seconds that an environment variable holds.

    Raises:
        UserError: it holds no number above 0.
    """
    text = os.environ.get(variable, "").strip()
    try:
        seconds = float(text) if text else default
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < 1e8:
        raise UserError(
            variable, got=text[:40], expected="a number of seconds above 0", remedy="change it in the environment"
        )
    return seconds
