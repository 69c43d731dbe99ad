"""What all segmenters have in common: images in, class scores out, and which classes are foreground."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

import torch
from torch import Tensor, nn


class Segmenter(nn.Module):
    """Image → class scores at the image's size, whatever that is.

    ``foreground`` are the classes that make up the foreground, by default all but class 0; ``size`` is the shorter
    side of the images that it was trained on, in pixels, where that is known.
    """

    name: str
    """The architecture in settings and cards: the name of its file in ``segmenters``, or FAMILY:WHAT."""
    title: str
    """The architecture as people write it."""
    signs: ClassVar[tuple[str, ...]]
    """Names of tensors that together are found in no other network's state dict."""
    unsaid: ClassVar[Mapping[str, int | bool]] = MappingProxyType({})
    """What neither names nor shapes of tensors tell of an architecture: the keyword argument and its usual value."""
    random: ClassVar[bool] = False
    """Whether it draws numbers in training, of what to leave out say."""
    classes: int
    size: int | None
    foreground: tuple[int, ...]
    width: int
    """Channels of the first layer."""

    def __init__(self, *, classes: int, foreground: Sequence[int] | None = None, size: int | None = None):
        super().__init__()
        if classes < 2:
            raise ValueError(f"a segmenter tells at least two classes apart, got {classes}")
        self.classes, self.size = classes, size
        self.foreground = tuple(range(1, classes)) if foreground is None else tuple(foreground)
        if not self.foreground or not all(0 <= c < classes for c in self.foreground):
            raise ValueError(f"foreground classes {self.foreground}; expected some of 0 … {classes - 1}")

    @classmethod
    def of_shapes(cls, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
        """The keyword arguments of the class that a state dict's shapes tell, ``classes`` among them.

        Raises:
            KeyError, IndexError, ValueError: these are no shapes of this architecture.
        """
        raise NotImplementedError

    @classmethod
    def of_settings(cls, settings: Any, size: int) -> dict[str, Any]:
        """The keyword arguments of the class, beside ``classes``, ``width`` and ``size``, of a network that is trained.

        Args:
            settings: those of ``train-segmenter``.
            size: side of the training crops in pixels.
        """
        raise NotImplementedError

    @property
    def architecture(self) -> dict[str, Any]:
        """What makes the same network again, with ``name``: keyword arguments of the class."""
        raise NotImplementedError

    @property
    def pretrainable(self) -> nn.Module | None:
        """The part that can take the weights of a classifier of ImageNet, whose names its state dict has; or None."""
        return None

    def forward(self, image: Tensor) -> Tensor:
        """image (N, 3, H, W), nominally [-1, 1] → scores (N, classes, H, W) before the softmax."""
        raise NotImplementedError

    def deepest(self, image: Tensor) -> Tensor:
        """image (N, 3, H, W), nominally [-1, 1] → the deepest activations (N, D, h, w), for distances of images."""
        raise NotImplementedError

    def heads(self, image: Tensor) -> tuple[Tensor, ...]:
        """The scores of every head that is supervised in training, shaped as ``forward``'s, which come first."""
        return (self(image),)


def foreground_alpha(scores: Tensor, foreground: Sequence[int]) -> Tensor:
    """Scores (N, classes, H, W) → probability of the foreground (N, H, W) float32 in [0, 1]."""
    return scores.float().softmax(1)[:, list(foreground)].sum(1).clamp(0, 1)


def foreground_mask(classes: Tensor, foreground: Sequence[int]) -> Tensor:
    """Class indices (N, H, W) → whether each is one of the foreground's, bool."""
    return torch.isin(classes, torch.tensor(foreground, device=classes.device))
