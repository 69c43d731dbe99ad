"""Networks that turn an image into a feature vector, for distances between sets of images."""

import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from ... import weights
from ...addresses import shown
from ...devices import too_little_memory
from ...errors import UserError, WorkError
from ...networks.pixels import to_range
from ...networks.segmenter import Segmenter
from ...settings import EvaluateFrechetSettings
from ...weights.containers.files import is_program
from ...weights.source import file_sha256

INCEPTION = "inception-2015-12-05.pt"
INCEPTION_SHA256 = "f58cb9b6ec323ed63459aa4fb441fe750cfe39fafad6da5cb504a16f19e958f4"
"""The Inception v3 that NVIDIA published with stylegan2-ada-pytorch: FID is reported by its features."""


class Features:
    """RGB uint8 (N, 3, H, W) → features (N, D)."""

    def __init__(self, network: nn.Module, *, name: str, device: torch.device):
        self.name, self._network, self._device = name, network.to(device).eval(), device

    @torch.inference_mode()
    def __call__(self, images: Tensor) -> Tensor:
        """Features float64 (N, D) on the CPU.

        Raises:
            WorkError: the network gives something else for these images.
        """
        try:
            found = self._network(images.to(self._device))
        except (RuntimeError, ValueError) as error:  # a foreign program's own
            if too_little_memory(error):
                raise
            reason = (str(error).strip().splitlines() or [""])[-1]
            raise WorkError(f"{self.name} failed on images of shape {tuple(images.shape)}: {reason}") from error
        if not isinstance(found, Tensor) or found.shape[:1] != images.shape[:1] or not found.is_floating_point():
            raise WorkError(f"{self.name} gave no features (N, D) for images of shape {tuple(images.shape)}")
        return found.flatten(1).cpu().double()


class Encoder(nn.Module):
    """The mean over all places of a segmenter's deepest activations."""

    def __init__(self, network: Segmenter):
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """RGB uint8 (N, 3, H, W) → (N, D)."""
        return self.network.deepest(to_range(images)).mean((2, 3))


def open_features(settings: EvaluateFrechetSettings, device: torch.device) -> Features:
    """The network that ``settings.features`` names.

    A TorchScript file is a program: but for the known Inception file it is run only if the user says so.

    Raises:
        UserError: there is none, or it is of an unknown kind or content.
    """
    path = weights.locate(settings.features)
    if not is_program(path, settings.features):
        network = weights.load_segmenter(settings.features)
        return Features(Encoder(network), name=f"encoder of {shown(settings.features)} ({network.name})", device=device)
    sha256 = file_sha256(path)
    known = sha256 == INCEPTION_SHA256
    if not known and not settings.trust_features:
        raise UserError(
            f"features {settings.features}", got=f"a program of SHA-256 {sha256}",
            expected=f"{INCEPTION} of SHA-256 {INCEPTION_SHA256}",
            remedy="download it again, or run this program with --trust-features if you know what it is",
        )  # fmt: skip
    name = f"Inception v3 ({INCEPTION})" if known else f"{path.name}, SHA-256 {sha256[:12]}…"
    return Features(_Program(path), name=name, device=device)


class _Program(nn.Module):
    """A TorchScript program, asked for features where it can give more than those."""

    def __init__(self, path: Path):
        super().__init__()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # files of this kind have no other reader
                self.program = torch.jit.load(str(path), map_location="cpu")
        except (RuntimeError, ValueError) as error:
            if too_little_memory(error):
                raise
            raise UserError(
                f"features {path}", got=f"a program that cannot be loaded ({(str(error).splitlines() or [''])[0]})",
                expected="a whole TorchScript file", remedy="download it again",
            ) from error  # fmt: skip
        arguments = {argument.name for argument in self.program.forward.schema.arguments}
        self.options = {"return_features": True} if "return_features" in arguments else {}

    def forward(self, images: Tensor) -> Tensor:
        return self.program(images, **self.options)
