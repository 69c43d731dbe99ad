"""Why the tensors of a file make no network that can be used here."""


class Misfit(ValueError):
    """Tensors that do not make up the network that they claim to be."""


class Unsupported(ValueError):
    """A known network of a kind that cannot be used here; the message is what people call it."""

    def __init__(self, name: str, takes: str = "") -> None:
        super().__init__(name)
        self.takes = takes
        """What it would take to use it; "" where nobody knows better than to choose another file."""
