"""A reference that is a function, on its way to the processes that make shards."""

import pickle

from ..errors import UserError
from ..generation.filters import Reference, reference_identity
from ..short import short

_EXPECTED = "a function of a module that every process can import, or the path of a detector with masks"


def packed(reference: Reference | None) -> bytes | None:
    """A function as bytes.

    Raises:
        UserError: it cannot be sent, as a lambda and what is defined within another function cannot.
    """
    if reference is None:
        return None
    name = reference_identity(reference)
    try:
        return pickle.dumps(reference)
    except Exception as error:  # whatever the object's own methods raise
        raise UserError(
            "reference", got=f"{name}, which cannot be sent to other processes ({short(error, 200)})",
            expected=_EXPECTED, remedy="define it at the top of a module, or use one device",
        ) from error  # fmt: skip


def unpacked(content: bytes | None) -> Reference | None:
    """What ``packed`` gave, in another process.

    Raises:
        UserError: this process cannot import it, as what a notebook defines cannot be.
    """
    if content is None:
        return None
    try:
        return pickle.loads(content)
    except Exception as error:  # whatever the import of the user's module raises
        raise UserError(
            "reference", got=f"a function that another process cannot import ({short(error, 200)})",
            expected=_EXPECTED, remedy="write it into a module of its own, not into a notebook, or use one device",
        ) from error  # fmt: skip
