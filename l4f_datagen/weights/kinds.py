"""The four kinds of network that a checkpoint may hold."""

from typing import Literal, TypeVar, get_args

from ..networks.alpha import AlphaNetwork
from ..networks.encoders.encoder import Encoder
from ..networks.segmenter import Segmenter
from ..networks.stylegan2 import Generator

Kind = Literal["generator", "alpha", "segmenter", "encoder"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Network = Generator | AlphaNetwork | Segmenter | Encoder
Found = TypeVar("Found", Generator, AlphaNetwork, Segmenter, Encoder)
SPOKEN: dict[Kind, str] = {
    "generator": "StyleGAN2 generator", "alpha": "alpha network", "segmenter": "segmenter", "encoder": "encoder",
}  # fmt: skip
"""What messages call each kind."""


def expected(network: Network, kind: type[Found]) -> Found:
    """A network as one of the kind that it was read as; another kind is our own mistake."""
    assert isinstance(network, kind), f"a {kind.__name__} is no {type(network).__name__}"
    return network


def with_article(kind: Kind) -> str:
    """What messages call a kind: "a StyleGAN2 generator", "an alpha network", "a segmenter", "an encoder"."""
    return f"{'an' if kind in ('alpha', 'encoder') else 'a'} {SPOKEN[kind]}"
