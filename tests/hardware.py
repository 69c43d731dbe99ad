"""The devices that tests run on: the CPU always, a CUDA device where there is one."""

import pytest
import torch

_ABSENT = not torch.cuda.is_available()
CUDA = pytest.param("cuda", marks=[pytest.mark.gpu, pytest.mark.skipif(_ABSENT, reason="no CUDA device")])
DEVICES = ["cpu", CUDA]
