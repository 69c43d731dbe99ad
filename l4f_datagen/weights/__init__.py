"""Checkpoint files ↔ networks. The only code that opens a checkpoint; none of a file's content is ever executed."""

import logging
from collections.abc import Callable
from pathlib import Path

from .. import resources
from ..errors import UserError
from ..networks.alpha import AlphaNetwork, fits
from ..networks.stylegan2 import Generator
from . import labels4free, native, rosinality, torch_file
from .assemble import Misfit
from .source import Source, file_sha256

logger = logging.getLogger(__name__)


def load_generator(path: str | Path) -> Generator:
    """A frozen generator on the CPU, from any checkpoint that we read or an embedded name ("vessels").

    Raises:
        UserError: there is none at ``path``, or it cannot be read; says what the file is.
    """
    return read_generator(path)[0]


def load_alpha(path: str | Path) -> AlphaNetwork:
    """A frozen alpha network on the CPU; as ``load_generator``."""
    return read_alpha(path)[0]


def read_generator(path: str | Path) -> tuple[Generator, Source]:
    """``load_generator`` and where the network came from."""
    return _read(path, "generator", rosinality.recognises, rosinality.read, "rosinality")


def read_alpha(path: str | Path) -> tuple[AlphaNetwork, Source]:
    """``load_alpha`` and where the network came from."""
    return _read(path, "alpha", labels4free.recognises, labels4free.read, "labels4free")


def read_pair(
    generator_path: str, alpha_path: str | None
) -> tuple[tuple[Generator, Source], tuple[AlphaNetwork, Source]]:
    """A generator and the alpha network that goes with it.

    ``alpha_path`` None takes the alpha network beside the generator in its native folder.

    Raises:
        UserError: one cannot be read, or the alpha network does not fit; says how.
    """
    generator = read_generator(generator_path)
    if alpha_path is None:
        folder = locate(generator_path)
        if not native.is_native(folder) or not (folder / "alpha.safetensors").is_file():
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
            expected=f"one for the last levels of {generator_path} ({generator[0].architecture.resolution} px), "
            f"which have {_numbers(channels[-len(wanted) :])}",
            remedy="use the alpha network that was trained on this generator",
        )
    return generator, alpha


def locate(path: str | Path) -> Path:
    """The file or folder that a user's path or embedded name stands for.

    Raises:
        UserError: there is none; names the embedded ones.
    """
    found = Path(path).expanduser()
    if found.exists():
        return found
    names = resources.embedded("checkpoints")
    if str(path) in names:
        return resources.folder("checkpoints") / str(path)
    raise UserError(
        "checkpoint", got=f"{path}, which does not exist", expected=f"a file, a folder or one of: {', '.join(names)}",
        remedy="check the path",
    )  # fmt: skip


def _read(path: str | Path, kind: native.Kind, recognises: Callable, read: Callable, layout: str):
    found = locate(path)
    if found.is_dir():
        if native.is_native(found):
            return native.read(found, kind, str(path))
        raise UserError(
            str(path), got=f"a folder without {native.CARD}", expected="a native checkpoint folder or a file",
            remedy="name the file inside it",
        )  # fmt: skip
    content = torch_file.load(found)
    if not recognises(content):
        raise UserError(
            str(path),
            got=_contents(content),
            expected=f"a checkpoint with {_WANTED[kind]}",
            remedy="choose another file",
        )
    try:
        network, notes = read(content)
    except (Misfit, AttributeError, IndexError, TypeError, ValueError) as error:
        raise UserError(
            str(path), got=f"a {kind} that does not fit its layout ({error})", expected=f"a StyleGAN2 {kind}"
            if kind == "generator" else "an alpha network of Labels4Free", remedy="choose another file",
        ) from error  # fmt: skip
    for note in notes:
        logger.warning("%s: %s", path, note)
    return network, Source(name=str(path), format=layout, sha256=file_sha256(found), notes=notes)


_WANTED = {
    "generator": "a StyleGAN2 generator under g_ema (rosinality's layout)",
    "alpha": "an alpha network under bg_extractor_ema (Labels4Free's layout)",
}


def _contents(content: object) -> str:
    """What an unpickled file holds instead; ends the phrase "got …"."""
    if labels4free.recognises(content):
        return "an alpha network of Labels4Free"
    if rosinality.recognises(content):
        return "a StyleGAN2 generator of rosinality's layout"
    if isinstance(content, dict):
        keys = ", ".join(str(key) for key in list(content)[:6])
        return f"a checkpoint of something else, with the entries {keys}{', …' if len(content) > 6 else ''}"
    return f"a {type(content).__name__}"


def _numbers(values: tuple[int, ...]) -> str:
    return ", ".join(map(str, values))
