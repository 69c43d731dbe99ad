"""Work that knows square images alone, and the generators that it cannot take."""

from ...errors import UserError
from ...networks.synthesis import GeneratorArchitecture

_USUAL = (4, 4)


def check_square(architecture: GeneratorArchitecture, name: str, work: str) -> None:
    """Refuse a generator whose images are no squares of 8, 16, 32, … pixels a side.

    Args:
        name: what the user calls it.
        work: what needs them, in words: "a projection", say.

    Raises:
        UserError: it is such a generator.
    """
    if architecture.constant == _USUAL:
        return
    coarsest = "×".join(map(str, architecture.constant[::-1]))
    raise UserError(
        f"generator {name}", got=f"one of {architecture.pixels}, whose coarsest level has {coarsest} pixels",
        expected=f"square images that grow from 4×4 pixels, which {work} needs",
        remedy="take another generator; generate, preview, train-alpha, analyze and train-segmenter take this one",
    )  # fmt: skip
