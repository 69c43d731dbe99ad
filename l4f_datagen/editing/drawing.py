"""A subject and its steps, drawn by the networks and put before the subject's background, one step after another."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from ..errors import UserError
from ..generation.drawing import alpha_to_uint8
from ..networks.alpha import AlphaNetwork
from ..networks.inference import InferenceGenerator
from ..networks.pixels import image_to_uint8
from ..overlap import ordered_map
from ..settings import EditSettings
from . import blending
from .blending import Layer
from .completing import Inpainter, completed
from .paths import Way
from .subjects import Subject

_WORKERS = 2
_MARGIN_SHARE = 32
"""The margin around masks is the side of the image over this, at least one pixel."""


class NothingToKeep(UserError):
    """An image without a foreground, or without a background."""


@dataclass(frozen=True)
class Editor:
    """What draws edits."""

    generator: InferenceGenerator
    alpha: AlphaNetwork
    inpainter: Inpainter
    settings: EditSettings

    @property
    def margin(self) -> int:
        """Pixels around a mask that may change, too."""
        margin = self.settings.margin
        return max(1, min(self.generator.architecture.size) // _MARGIN_SHARE) if margin is None else margin

    def draw(self, codes: Tensor, noise: tuple[Tensor, ...] | None = None) -> tuple[np.ndarray, np.ndarray]:
        """w+ (N, num_ws, w_dim) → images RGB uint8 N×H×W×3 and alphas uint8 N×H×W.

        Args:
            noise: maps (1, H, W) of every styled convolution, the same for all; None: as the settings say.
        """
        device, count = self.generator.device, len(codes)
        with torch.inference_mode():
            maps = [one.to(device).expand(count, -1, -1) for one in noise] if noise else self.settings.noise
            image, features = self.generator.synthesize(codes.to(device), maps)
            alpha = self.alpha(features)
            return image_to_uint8(image).cpu().numpy(), alpha_to_uint8(alpha).cpu().numpy()

    def layer(self, alpha: np.ndarray) -> Layer:
        """Where the foreground is, of an alpha uint8 H×W."""
        return blending.layer_of(alpha, threshold=self.settings.threshold, margin=self.margin)


@dataclass(frozen=True)
class Scene:
    """A subject before it is edited."""

    original: np.ndarray
    """RGB uint8 H×W×3."""
    layer: Layer
    background: np.ndarray
    """The original, completed where its foreground stood."""


@dataclass(frozen=True)
class Step:
    """One step of an edit."""

    plain: np.ndarray
    """RGB uint8 H×W×3: what the generator draws."""
    alpha: np.ndarray
    """uint8 H×W."""
    layer: Layer
    kept: np.ndarray
    """RGB uint8 H×W×3: the foreground of ``plain`` before the original's background."""


def scene_of(editor: Editor, subject: Subject) -> Scene:
    """What a subject's steps start from.

    Raises:
        NothingToKeep: its mask is empty, or leaves no background.
        UserError: the inpainter gave no image.
    """
    images, alphas = editor.draw(subject.code[None], subject.noise)
    original = images[0] if subject.original is None else subject.original
    layer = editor.layer(alphas[0])
    if not layer.mask.any():
        raise NothingToKeep(
            subject.key, got=f"an empty mask (alpha is at most {alphas[0].max() / 255:.2f})", expected="a foreground",
            remedy=f"use a lower --threshold than {editor.settings.threshold:g}, or leave it out",
        )  # fmt: skip
    if layer.support.all():
        raise NothingToKeep(
            subject.key, got="a mask that leaves no background", expected="some background",
            remedy="use a higher --threshold or a smaller --margin, or leave it out",
        )  # fmt: skip
    return Scene(original, layer, completed(original, layer.support, editor.inpainter))


def steps_of(editor: Editor, subject: Subject, scene: Scene, way: Way) -> Generator[Step]:
    """The steps of an edit, in order. Raises UserError where the inpainter gives no image."""
    return ordered_map(
        partial(_step, editor, scene), _drawn(editor, subject, way), workers=_WORKERS, ahead=2 * _WORKERS
    )


def _drawn(editor: Editor, subject: Subject, way: Way) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for offsets in way.offsets.split(editor.settings.batch_size):
        yield from zip(*editor.draw(subject.code + offsets, subject.noise), strict=True)


def _step(editor: Editor, scene: Scene, drawn: tuple[np.ndarray, np.ndarray]) -> Step:
    plain, alpha = drawn
    layer = editor.layer(alpha)
    kept = blending.kept_background(scene.original, scene.background, scene.layer, plain, layer, editor.inpainter)
    return Step(plain, alpha, layer, kept)
