"""Networks that are related to StyleGAN2 and often taken for one: what they are called, and what it would take."""

from typing import NamedTuple


class Relative(NamedTuple):
    """A kind of generator that cannot be used here."""

    name: str
    """What people call it, with its article."""
    takes: str
    """What it would take to use it; ends "it would take …"."""


STYLEGAN3 = Relative(
    "a StyleGAN3 generator",
    "its layers (Fourier features in place of the constant, filtered activations), an alpha network for features whose "
    "sizes are no powers of two, and another way to backgrounds, which here are drawn without the first layer",
)
STYLEGAN_XL = Relative(
    "a StyleGAN-XL generator",
    "what StyleGAN3 takes, whose layers it has, and its classes: an embedding, and a centre of truncation for each",
)
R3GAN = Relative(
    "an R3GAN generator",
    "its layers (grouped residual blocks without styles), codes z in place of w, which it has none of to truncate or "
    "to mix, and another way to backgrounds",
)
