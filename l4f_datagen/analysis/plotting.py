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
