"""Named tensors → the networks beside a generator: alpha networks, segmenters and encoders."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from ...devices import too_little_memory
from ...errors import UserError
from ...networks import zeroed
from ...networks.alpha import AlphaNetwork
from ...networks.encoders.encoder import Encoder
from ...networks.segmenter import Segmenter
from ...networks.segmenters import architectures
from ...short import short
from ..families import family_of
from ..family import Family
from .assemble import MAX_LEVELS, MAX_WIDTH, Shapes, check_shapes, fill
from .errors import Misfit

_MAX_CLASSES = 1 << 16
_COUNT = "num_batches_tracked"


def build_alpha(tensors: Mapping[str, Tensor]) -> AlphaNetwork:
    """A frozen alpha network from tensors by our names, those of ``AlphaNetwork``'s state dict.

    Raises:
        Misfit: names or shapes are not those of an alpha network.
    """
    levels = sum(name.startswith("reduce_first.") and name.endswith(".weight") for name in tensors)
    try:
        channels = [tensors[f"reduce_first.{k}.weight"].shape[1] for k in range(levels)]
        if levels > MAX_LEVELS or not all(0 < count <= MAX_WIDTH for count in channels):
            raise Misfit(f"{levels} levels of widths {short(channels)} are not those of an alpha network")
        channels_kept = zeroed.from_tensors(tensors)
        with Shapes():
            network = AlphaNetwork(channels)
    except KeyError as error:
        raise Misfit(f"tensor {short(error)} is missing") from error
    except (IndexError, ValueError) as error:
        raise Misfit(short(error, 160)) from error
    fill(network, {name: tensor for name, tensor in tensors.items() if name not in zeroed.NAMES})
    return network if channels_kept is None else network.keeping(channels_kept)


def build_segmenter(
    tensors: Mapping[str, Tensor],
    *,
    stated: Mapping[str, object] | None = None,
    foreground: Sequence[int] | None = None,
    size: int | None = None,
) -> Segmenter:
    """A frozen segmenter from tensors by our names, those of the state dict of one of our architectures.

    Args:
        stated: what shapes do not tell, by name, such as the stride of a stem; what is not stated is as usual.
        foreground: the classes that make up the foreground; None for all but 0.
        size: height and width in pixels of the images that it was trained on; None if unknown.

    Raises:
        Misfit: names or shapes are those of no segmenter, or what is stated is impossible.
    """
    if family := family_of((stated or {}).get("name")):
        return _of_family(family[0], tensors, stated or {}, foreground, size)
    kind = next((kind for kind in architectures().values() if all(sign in tensors for sign in kind.signs)), None)
    if kind is None:
        raise Misfit(f"its tensors are of no segmenter that is known ({', '.join(architectures())})")
    try:
        described = kind.of_shapes({name: tuple(tensor.shape) for name, tensor in tensors.items()})
        counts = [value for value in described.values() if type(value) is int]
        if not all(0 < count <= MAX_WIDTH for count in counts if count != described["classes"]):
            raise Misfit(f"a {kind.title} of {short(described, 80)}")
        if not 0 < described["classes"] <= _MAX_CLASSES or described["width"] << described.get("depth", 0) > MAX_WIDTH:
            raise Misfit(f"a {kind.title} of {short(described, 80)}")
        described |= {name: _as_stated(name, usual, stated or {}) for name, usual in kind.unsaid.items()}
        with Shapes():
            network = kind(foreground=foreground, size=size, **described)
    except KeyError as error:
        raise Misfit(f"tensor {short(error)} is missing") from error
    except (IndexError, ValueError) as error:
        raise Misfit(short(error, 160)) from error
    fill(network, tensors)
    return network


def _of_family(
    family: Family,
    tensors: Mapping[str, Tensor],
    stated: Mapping[str, object],
    foreground: Sequence[int] | None,
    size: int | None,
) -> Segmenter:
    """A frozen segmenter of another library, made as the card states and filled with tensors.

    Raises:
        Misfit: the card states something impossible, or another network than that of the tensors.
        UserError: the library is not installed.
    """
    try:
        # First shapes without values: a card that claims more than its tensors takes no memory for it.
        with torch.device("meta"):
            shapes = family.again(stated, foreground=foreground, size=size)
        check_shapes(shapes.state_dict(), tensors)
        network = family.again(stated, foreground=foreground, size=size)
    except (Misfit, UserError):
        raise
    except Exception as error:  # another library's code: whatever it raises for what it cannot make
        if too_little_memory(error):
            raise
        raise Misfit(f"a {short(stated.get('name'), 60)} that cannot be made ({short(error, 120)})") from error
    fill(network, tensors)
    return network


def build_encoder(tensors: Mapping[str, Tensor], stated: Mapping[str, object]) -> Encoder:
    """A frozen encoder from tensors by our names, those of ``Encoder``'s state dict.

    Args:
        stated: what shapes do not tell: the ``size`` of its generator's images, and that one's hash, ``generator``.

    Raises:
        Misfit: names or shapes are not those of an encoder, or what is stated is impossible.
    """
    size, generator = stated.get("size"), stated.get("generator", "")
    if type(size) is not int or not 4 <= size <= MAX_WIDTH or not isinstance(generator, str):
        raise Misfit(f"an encoder for images of {short(size, 40)} pixels of the generator {short(generator, 80)}")
    try:
        described = Encoder.of_shapes({name: tuple(tensor.shape) for name, tensor in tensors.items()})
        if not all(0 < count <= MAX_WIDTH for count in described.values()):
            raise Misfit(f"an encoder of {short(described, 80)}")
        with Shapes():
            network = Encoder(**described, size=size, generator=generator)
    except KeyError as error:
        raise Misfit(f"tensor {short(error)} is missing") from error
    except (ArithmeticError, IndexError, ValueError) as error:
        raise Misfit(short(error, 160)) from error
    fill(network, tensors)
    return network


def with_counts(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors, and zeros for how many batches each normalisation has seen: files of old versions of torch lack that."""
    stems = [name.removesuffix("running_mean") for name in tensors if name.endswith(".running_mean")]
    return {**{f"{stem}{_COUNT}": torch.zeros((), dtype=torch.long) for stem in stems}, **tensors}


def _as_stated(name: str, usual: int | bool, stated: Mapping[str, object]) -> int | bool:
    """A property that shapes do not tell, as stated, else as usual. Raises Misfit where it has another type."""
    found = stated.get(name)
    if found is None:
        return usual
    if type(found) is not type(usual) or not (isinstance(found, (int, bool)) and 0 <= found < 1 << 16):
        raise Misfit(f"{name} {short(found, 40, quotes=True)}")
    return found
