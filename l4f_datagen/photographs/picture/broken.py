"""What is said of a picture that cannot be read."""


class Broken(ValueError):
    """A picture that cannot be read; the text says why."""
