"""The losses of Labels4Free (3.3, 4.6) and StyleGAN2: one small function per equation."""

import torch
import torch.nn.functional as F
from torch import Tensor


def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Logistic loss of D (Goodfellow et al. 2014): mean softplus(D(composite)) + mean softplus(−D(real)).

    Args:
        real, fake: scores (N,).
    """
    return F.softplus(fake).mean() + F.softplus(-real).mean()


def adversarial_loss(fake: Tensor) -> Tensor:
    """Non-saturating loss of A: mean softplus(−D(composite)), from scores (N,)."""
    return F.softplus(-fake).mean()


def r1_penalty(scores: Tensor, images: Tensor) -> Tensor:
    """R1 (Mescheder et al. 2018, eq. 9) less its γ/2: mean over images of ‖∇D(x)‖².

    Args:
        scores: (N,), of ``images``, which require gradients.
        images: (N, 3, H, W).
    """
    (gradient,) = torch.autograd.grad(scores.sum(), images, create_graph=True)
    return gradient.square().sum((1, 2, 3)).mean()


def binarization(alpha: Tensor) -> Tensor:
    """B(M) = mean(min(M, 1 − M)), weight λ1: 0 where every pixel is decided. alpha (N, 1, H, W) → scalar."""
    return torch.minimum(alpha, 1 - alpha).mean()


def emptiness(alpha: Tensor, phi_1: float) -> Tensor:
    """C(M) = ReLU(φ1 − mean M), weight λ2, of each image's own mean; the mean over images is returned."""
    return F.relu(phi_1 - alpha.mean((1, 2, 3))).mean()


def fullness(alpha: Tensor, phi_2: float) -> Tensor:
    """E(M) = ReLU(φ2 − mean(1 − M)), against masks that are all foreground; as ``emptiness``."""
    return F.relu(phi_2 - (1 - alpha).mean((1, 2, 3))).mean()
