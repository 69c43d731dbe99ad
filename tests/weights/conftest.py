"""What the tests of the checkpoint readers share."""

from pathlib import Path

import numpy as np
import pytest
import torch

_GOLDENS = Path(__file__).parents[2] / ".." / "shared" / "data" / "goldens"


@pytest.fixture(scope="session")
def goldens() -> Path:
    """The folder of files made by the original implementations."""
    if not _GOLDENS.is_dir():
        pytest.skip("the golden files are not beside this checkout")
    return _GOLDENS.resolve()


@pytest.fixture(scope="session")
def golden_arrays(goldens):
    """name → its arrays as tensors."""

    def load(name: str) -> dict[str, torch.Tensor]:
        with np.load(goldens / f"{name}.npz") as arrays:
            return {key: torch.from_numpy(arrays[key]) for key in arrays}

    return load


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
