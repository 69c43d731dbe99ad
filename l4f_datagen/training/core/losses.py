"""The losses of Labels4Free (3.3, 4.6) and StyleGAN2: one small function per equation."""

import math

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
    """Non-saturating loss of A, of G: mean softplus(−D(composite)), from scores (N,)."""
    return F.softplus(-fake).mean()


def r1_penalty(scores: Tensor, images: Tensor) -> Tensor:
    """R1 (Mescheder et al. 2018, eq. 9) less its γ/2: mean over images of ‖∇D(x)‖².

    Args:
        scores: (N,), of ``images``, which require gradients.
        images: (N, 3, H, W).
    """
    (gradient,) = torch.autograd.grad(scores.sum(), images, create_graph=True)
    return gradient.square().sum((1, 2, 3)).mean()


def path_lengths(images: Tensor, codes: Tensor, noise: Tensor) -> Tensor:
    """‖Jᵀy‖ of StyleGAN2, eq. 4: how far an image moves with its codes; (N,), root mean square over the codes.

    Args:
        images: (N, 3, H, W), of ``codes``.
        codes: w+ (N, num_ws, w_dim), which require gradients.
        noise: y, N(0, 1) like ``images``; the equation's scale 1/√(H·W) is applied here.
    """
    scale = 1 / math.sqrt(images.shape[2] * images.shape[3])
    (gradient,) = torch.autograd.grad((images * noise).sum() * scale, codes, create_graph=True)
    return gradient.square().sum(2).mean(1).sqrt()


def path_length_penalty(lengths: Tensor, target: Tensor) -> Tensor:
    """Mean (‖Jᵀy‖ − a)² (StyleGAN2, eq. 4), of lengths (N,) and their running mean a."""
    return (lengths - target).square().mean()


def binarization(alpha: Tensor) -> Tensor:
    """B(M) = mean(min(M, 1 − M)), weight λ1: 0 where every pixel is decided. alpha (N, 1, H, W) → scalar."""
    return torch.minimum(alpha, 1 - alpha).mean()


def emptiness(alpha: Tensor, phi_1: float) -> Tensor:
    """C(M) = ReLU(φ1 − mean M), weight λ2, of each image's own mean; the mean over images is returned."""
    return F.relu(phi_1 - alpha.mean((1, 2, 3))).mean()


def fullness(alpha: Tensor, phi_2: float | Tensor) -> Tensor:
    """E(M) = ReLU(φ2 − mean(1 − M)), against masks that are all foreground; as ``emptiness``.

    φ2 may be each image's own, (N,).
    """
    return F.relu(phi_2 - (1 - alpha).mean((1, 2, 3))).mean()


def stray_edges(alpha: Tensor, foreground: Tensor, scale: float) -> Tensor:
    """S(M, G) = mean |∂x M| exp(−‖∂x G‖ / scale) + the same in y, weight λ4: edges of the mask belong on those of G.

    Not in the paper: the edge-aware smoothness of Godard et al. 2017 (3.3), with the colour difference as a norm. The
    discriminator hardly sees whether an outline is a pixel off; this pulls it to where the colour changes.

    Args:
        alpha: (N, 1, H, W) in [0, 1].
        foreground: (N, 3, H, W), nominally [-1, 1].
        scale: colour difference of neighbours at which an edge of the mask costs 1/e of what it costs on plain ground.
    """
    total = torch.zeros((), device=alpha.device)
    for axis in (-1, -2):
        colour = torch.linalg.vector_norm(torch.diff(foreground, dim=axis), dim=1, keepdim=True)
        total = total + (torch.diff(alpha, dim=axis).abs() * torch.exp(-colour / scale)).mean()
    return total
