"""The leading eigenvectors of a symmetric matrix, without the many others that nobody asks for."""

import torch
from torch import Tensor

_BLOCK = 8
"""Vectors that are multiplied with the matrix together: hardly slower than one."""
_CHECKED = 32
"""Whenever so many more directions are known, it is looked at whether they are enough."""
_MOST = 320
"""Directions from which on all eigenvectors are quicker."""
_SMALL = 256
"""Up to so many rows all eigenvectors are as quick."""
_NEAR = 1e-8
"""Sine of the angle at which the directions found and the right ones are the same, for numbers in float32."""


def leading(matrix: Tensor, count: int) -> Tensor:
    """An orthonormal basis (N, count) of what the eigenvectors of the largest eigenvalues span.

    These are found in the span of a few random vectors and of their products with powers of the matrix (block Lanczos,
    Golub and Van Loan, *Matrix Computations*, 10.3.6). Where the next eigenvalue is too near for that, all eigenvectors
    are computed.

    Args:
        matrix: (N, N) float64, N > count; its lower triangle counts, as for ``torch.linalg.eigh``.
    """
    rows = len(matrix)
    found = None if rows <= _SMALL else _in_krylov_space(matrix.tril() + matrix.tril(-1).T, count)
    return torch.linalg.eigh(matrix)[1][:, -count:] if found is None else found


def _in_krylov_space(matrix: Tensor, count: int) -> Tensor | None:
    """As ``leading``; None: ``_MOST`` directions are too few."""
    random = torch.Generator().manual_seed(0)
    block = _orthonormal(torch.randn(_BLOCK, len(matrix), generator=random, dtype=matrix.dtype))
    basis = torch.empty(_MOST, len(matrix), dtype=matrix.dtype)
    products = torch.empty_like(basis)
    for known in range(_BLOCK, _MOST + 1, _BLOCK):
        basis[known - _BLOCK : known] = block
        products[known - _BLOCK : known] = product = block @ matrix
        if known % _CHECKED == 0:
            values, vectors = torch.linalg.eigh(basis[:known] @ products[:known].T)
            values, vectors, gap = values[-count:, None], vectors[:, -count:].T, values[-count] - values[-count - 1]
            found = vectors @ basis[:known]
            if (vectors @ products[:known] - values * found).norm() <= _NEAR * gap:  # Davis and Kahan 1970
                return found.T
        for _ in range(2):  # rounding leaves something of the known directions the first time
            product = product - product @ basis[:known].T @ basis[:known]
        block = _orthonormal(product)
    return None


def _orthonormal(vectors: Tensor) -> Tensor:
    return torch.linalg.qr(vectors.T)[0].T
