"""A path, an address or an embedded name → the network that it stands for, and where that came from."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from .. import resources
from ..addresses import hidden, shown, split_address
from ..errors import UserError
from ..networks.alpha import AlphaNetwork, fits
from ..networks.encoders.encoder import Encoder
from ..networks.encoders.style_encoder import StyleEncoder
from ..networks.segmenter import Segmenter
from ..networks.stylegan2 import Generator
from ..networks.zeroed import activation_sizes
from . import native, remote
from .assembly.assemble import first_not_finite
from .assembly.errors import Misfit
from .foreign_encoders import find_encoder, read_foreign_encoder
from .generators.classes import chosen, split_class
from .kinds import Kind, Network, expected
from .layouts import reading
from .source import Source, file_sha256

logger = logging.getLogger(__name__)

FINAL, CHECKPOINTS = "final", "checkpoints"
"""The folders in that of a training run that hold its result, and what there was on the way, by iteration."""
BACKGROUND = "background"
"""The folder in a layered generator's checkpoint that holds the generator of its backgrounds."""


def load_generator(path: str | Path, *, allow_nan: bool = False) -> Generator:
    """A frozen generator on the CPU in float32.

    Args:
        path: a native folder, or a training run that ended with one; a file of a known layout (NVIDIA's, rosinality's),
            perhaps in .gz or .zip, whatever its name; the address of either; or an embedded name, "vessels" say. One of
            a class-conditional generator ends in ``#class=N``.
        allow_nan: take weights that are not finite, to look at them.

    Raises:
        UserError: ``path`` leads nowhere, or what is there holds no generator that can be read; says what it is.
    """
    return read_generator(path, allow_nan=allow_nan)[0]


def load_alpha(path: str | Path, *, allow_nan: bool = False) -> AlphaNetwork:
    """A frozen alpha network on the CPU in float32; as ``load_generator``."""
    return read_alpha(path, allow_nan=allow_nan)[0]


def load_segmenter(path: str | Path, *, foreground: Sequence[int] | None = None, allow_nan: bool = False) -> Segmenter:
    """A frozen segmenter on the CPU in float32: a native folder, a run of ``train-segmenter``, or face-parsing weights.

    Args:
        path: as for ``load_generator``.
        foreground: the classes that make up the foreground; None for those that the checkpoint says, which in face
            parsing are all but 0.

    Raises:
        UserError: as ``load_generator``; or the network has no such class.
    """
    return read_segmenter(path, foreground=foreground, allow_nan=allow_nan)[0]


def read_generator(path: str | Path, *, allow_nan: bool = False) -> tuple[Generator, Source]:
    """As ``load_generator``, and where the network came from."""
    network, source = read_network(path, "generator", allow_nan=allow_nan)
    return expected(network, Generator), source


def read_alpha(path: str | Path, *, allow_nan: bool = False) -> tuple[AlphaNetwork, Source]:
    """As ``load_alpha``, and where the network came from."""
    network, source = read_network(path, "alpha", allow_nan=allow_nan)
    return expected(network, AlphaNetwork), source


def read_segmenter(
    path: str | Path, *, foreground: Sequence[int] | None = None, allow_nan: bool = False
) -> tuple[Segmenter, Source]:
    """As ``load_segmenter``, and where the network came from."""
    found, source = read_network(path, "segmenter", allow_nan=allow_nan)
    network = expected(found, Segmenter)
    if foreground is not None:
        if not foreground or not all(0 <= index < network.classes for index in foreground):
            raise UserError(
                "foreground", got=f"classes {_numbers(foreground)}",
                expected=f"some of the {network.classes} classes of {path}, 0 to {network.classes - 1}",
                remedy="leave it out for the checkpoint's own",
            )  # fmt: skip
        network.foreground = tuple(foreground)
    return network, source


def read_encoder(path: str | Path) -> tuple[Encoder | StyleEncoder, Source]:
    """A frozen encoder on the CPU in float32, and where it came from.

    Args:
        path: a native folder, or a run of ``train-encoder``; or a file of pSp or e4e, which gives a ``StyleEncoder``.

    Raises:
        UserError: as ``load_generator``.
    """
    found = result_of(locate(path))
    if found.is_file() and not native.kind_of(found) and (foreign := _read_foreign_encoder(found, str(path))):
        return foreign
    network, source = read_network(path, "encoder")
    return expected(network, Encoder), source


def _read_foreign_encoder(found: Path, name: str) -> tuple[StyleEncoder, Source] | None:
    """The encoder of a file of pSp or e4e; None where it holds none that can be read."""
    with reading.opened(found, name) as content:
        told = find_encoder(content.data)
        if told is None or not told.usable:
            return None
        try:
            network, notes = read_foreign_encoder(content.data)
        except Misfit as error:
            raise UserError(
                name, got=f"{told} that does not fit its layout ({error})", expected="its published tensors (IR-SE50)",
                remedy="download it again, or train one with l4f-datagen train-encoder",
            ) from error  # fmt: skip
    if tensor := first_not_finite(network):
        refuse_not_finite(name, tensor)
    source = Source(name=shown(name), format=told.family, sha256=file_sha256(found), notes=notes)
    for note in notes:
        logger.warning("%s: %s", source.name, note)
    return network, source


def read_pair(
    generator_path: str, alpha_path: str | None
) -> tuple[tuple[Generator, Source], tuple[AlphaNetwork, Source]]:
    """A generator and the alpha network that goes with it, each with where it came from.

    Args:
        generator_path, alpha_path: as for ``load_generator``. ``alpha_path`` None takes the alpha network that lies
            beside the generator in its native folder.

    Raises:
        UserError: one of them cannot be read, or the alpha network is for features of other channels.
    """
    generator = read_generator(generator_path)
    if alpha_path is None:
        folder = result_of(locate(generator_path))
        if not native.is_native(folder) or not native.network_file(folder, "alpha"):
            raise UserError(
                "alpha", got=f"none, and {generator_path} holds none", expected="an alpha network of this generator",
                remedy="name one with --alpha",
            )  # fmt: skip
        alpha_path = generator_path
    alpha = read_alpha(alpha_path)
    wanted, channels = alpha[0].channels, generator[0].architecture.channels
    if not fits(wanted, channels):
        raise UserError(
            f"alpha {alpha_path}",
            got=f"a network for features of {_numbers(wanted)} channels, coarse to fine",
            expected=f"one for the last levels of {generator_path} ({generator[0].architecture.pixels}), "
            f"which have {_numbers(channels[-len(wanted) :])}",
            remedy="use the alpha network that was trained on this generator",
        )
    kept = alpha[0].zeroed_channels
    if kept is not None and kept.sizes != activation_sizes(channels):
        raise UserError(
            f"alpha {alpha_path}", got=f"a network that keeps zeroed channels of activations of {_numbers(kept.sizes)}",
            expected=f"those of {generator_path}, {_numbers(activation_sizes(channels))}",
            remedy="use the alpha network that was trained on this generator",
        )  # fmt: skip
    return generator, alpha


def locate(path: str | Path) -> Path:
    """The file or folder that a path, an address or an embedded name stands for; what is remote is fetched.

    Args:
        path: a path, an embedded name, or an address at https://, s3://, gs:// or hf://. The path or address of a file
            may end in ``#sha256=…``, which is checked, and then in ``#class=N``, which makes no difference here.

    Raises:
        UserError: nothing is there, or its hash is another.
    """
    if not str(path).strip():  # as a path it would be the folder that one is in
        raise UserError(
            "checkpoint", got="an empty name", expected="a file, a folder, an address or an embedded name",
            remedy="name one",
        )  # fmt: skip
    if remote.is_remote(path):
        return remote.fetch(split_class(path)[0])
    found = Path(path).expanduser()
    if found.exists():
        return found
    path, classes = split_class(path)
    if classes is not None:
        return locate(path)
    plain, expected = remote.split_hash(path)
    found = Path(plain).expanduser()
    if expected and found.is_file():
        remote.check_hash(found, expected, plain)
        return found
    if address := split_address(str(path)):
        raise UserError(
            f"checkpoint {path}", got=f"an address that begins with {address[0]}://",
            expected="https://, http://, s3://, gs:// or hf://", remedy="name one of these, or a file",
        )  # fmt: skip
    names = resources.embedded("checkpoints")
    if str(path) in names:
        return resources.folder("checkpoints") / str(path)
    raise UserError(
        "checkpoint",
        got=f"{path}, which does not exist",
        expected=f"a file, a folder, an address or one of: {', '.join(names)}",
        remedy="check the path",
    )


def read_background(path: str) -> tuple[Generator, Source] | None:
    """The generator that draws the backgrounds of a layered one (``train-layered``); None for all other generators.

    Raises:
        UserError: as ``load_generator``.
    """
    found = result_of(locate(path)) / BACKGROUND
    return read_generator(found) if native.is_native(found) else None


def result_of(found: Path) -> Path:
    """The folder of its result for a finished training run; anything else as it is."""
    return found / FINAL if not native.is_native(found) and native.is_native(found / FINAL) else found


def read_network(
    path: str | Path, kind: Kind, *, allow_nan: bool = False, any_class: bool = False
) -> tuple[Network, Source]:
    """The network of any kind that a checkpoint holds, and where it came from; as ``load_generator``.

    Args:
        any_class: take a class-conditional generator as a whole where ``path`` says no class.
    """
    found = result_of(locate(path))
    path, classes = (path, None) if Path(path).expanduser().exists() else split_class(path)
    if native.kind_of(found) == kind:
        found = found.parent  # its card says what the tensors leave open
    if found.is_dir():
        check_native(found, str(path))
        network, source = native.read(found, kind, shown(path))
    else:
        with reading.opened(found, str(path)) as content:
            network, layout, notes = reading.read(content.data, kind, str(path))
        source = Source(name=shown(path), format=layout, sha256=file_sha256(found), notes=notes)
    if not allow_nan and (tensor := first_not_finite(network)):
        refuse_not_finite(str(path), tensor)
    if isinstance(network, Generator):
        network, source = chosen(network, source, classes, any_class=any_class)
    logger.info("%s of %s: read as %s", kind, source.name, source.format)
    for note in source.notes:
        logger.warning("%s: %s", source.name, hidden(note))
    return network, source


def refuse_not_finite(name: str, tensor: str) -> NoReturn:
    """Refuse a checkpoint with NaN or infinity in a tensor.

    Raises:
        UserError: always.
    """
    raise UserError(
        name,
        got=f"weights that are not finite (NaN or infinity in {tensor})",
        expected="finite ones",
        remedy="take an earlier checkpoint of that run; --allow-nan opens it to look",
    )


def check_native(folder: Path, name: str) -> None:
    """Refuse a folder that is no native checkpoint; of a training that has not come to its end, name the newest one.

    Raises:
        UserError: no card lies in it.
    """
    if native.is_native(folder):
        return
    numbered = [p for p in (folder / CHECKPOINTS).glob("*") if p.name.isdigit() and native.is_native(p)]
    newest = max(numbered, key=lambda p: int(p.name), default=None)
    if newest is None:
        got, remedy = f"a folder without {native.CARD}", "name the file inside it"
    else:
        got, remedy = f"a training that is not finished, without {FINAL}/", f"let it finish, or name {shown(newest)}"
    raise UserError(name, got=got, expected="a native checkpoint folder or a checkpoint file", remedy=remedy)


def _numbers(values: Sequence[int]) -> str:
    return ", ".join(map(str, values))
