"""matplotlib, where it is installed."""

from typing import Any

from ..errors import UserError


def require_matplotlib(subject: str = "analyze") -> Any:
    """The package matplotlib, its figures drawn without any window.

    Raises:
        UserError: it is not installed; ``subject`` needs it.
    """
    try:
        import matplotlib.figure
    except ImportError as error:
        raise UserError(
            subject,
            got="no matplotlib",
            expected="the package that draws the plot",
            remedy="pip install 'l4f-datagen[analysis]'",
        ) from error
    return matplotlib


_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's, which people who see few hues tell apart too."""
_LINES = ("-", "--", "-.", ":")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_MARKS = 8
"""Markers on a curve."""


def look(number: int, points: int) -> dict[str, Any]:
    """How the curve of this number is drawn: neighbours differ in colour, line and marker, for who sees no hues.

    Args:
        points: of the curve, a few of which get a marker.
    """
    return {
        "color": _COLOURS[number % len(_COLOURS)],
        "linestyle": _LINES[number % len(_LINES)],
        # After the last colour they begin again with other markers.
        "marker": _MARKERS[(number + number // len(_COLOURS)) % len(_MARKERS)],
        "markersize": 4,
        # Each begins at another point, so that markers of curves that meet do not cover each other.
        "markevery": (number % max(1, points // _MARKS), max(1, points // _MARKS)),
    }
