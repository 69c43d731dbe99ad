"""Opening torch's own files, by content and without executing any of them."""

import argparse
import pickle
import re
import zipfile
from pathlib import Path

import torch

from ..errors import UserError

_LEGACY_MAGIC = (0x1950A86A20F9469CFC6C).to_bytes(10, "little")
_EXPECTED = "a StyleGAN2 or alpha checkpoint: a native folder, or a .pt file of rosinality's or Labels4Free's layout"


def load(path: Path) -> object:
    """What a torch file holds, tensors on the CPU.

    Only tensors, plain containers and ``argparse.Namespace`` are rebuilt: torch's weights-only reader
    refuses every other global before anything of it runs.

    Raises:
        UserError: not a torch file, truncated, or one that asks for something else.
    """
    with path.open("rb") as file:
        head = file.read(1 << 16)
    if not _is_torch(path, head):
        raise UserError(str(path), got=describe(head), expected=_EXPECTED, remedy="choose another file")
    try:
        with torch.serialization.safe_globals([argparse.Namespace]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        wanted = re.search(r"(?:GLOBAL|global|class) ([\w.]+\.\w+)", str(error))
        raise UserError(
            str(path),
            got=f"a file that asks for {wanted[1]}" if wanted else "a file with more in it than tensors",
            expected="tensors and plain containers",
            remedy="nothing of it was run; do not load it with other tools unless you trust its source",
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError, IndexError, AttributeError, TypeError, OSError) as error:
        raise UserError(
            str(path),
            got=f"a damaged or truncated torch file ({str(error).splitlines()[0][:120]})",
            expected="a complete one",
            remedy="download or copy it again and compare its size",
        ) from error


def describe(head: bytes) -> str:
    """What a file seems to be, from its first bytes; ends the phrase "got …"."""
    if not head:
        return "an empty file"
    if head.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer instead of the file that it stands for"
    if head.lstrip()[:1] == b"<":
        return "a web page, probably a failed download"
    if b"torch_utils.persistence" in head:
        return "an NVIDIA StyleGAN pickle (PyTorch), which cannot be read yet"
    if b"dnnlib.tflib" in head:
        return "an NVIDIA StyleGAN pickle (TensorFlow), which cannot be read yet"
    if head[:1] == b"\x80":
        return "a pickle that is no torch file"
    if head[:2] == b"PK":
        return "a zip archive that is no torch file, or a truncated one"
    if head[8:9] == b"{":
        return "a lone safetensors file"
    return "no checkpoint"


def _is_torch(path: Path, head: bytes) -> bool:
    if head[:4] == b"PK\x03\x04":
        try:
            with zipfile.ZipFile(path) as archive:
                return any(name.endswith("/data.pkl") for name in archive.namelist())
        except (zipfile.BadZipFile, OSError, ValueError):
            return False
    # The older format: pickles one after the other, a magic number first.
    return head[:1] == b"\x80" and _LEGACY_MAGIC in head[:32]
