"""Who has no GPU gets no Triton, and what is frozen is let go at the end."""

import subprocess
import sys

import pytest
import torch

from l4f_datagen.process.triton import _WithTorchsCompiler, leave_out_triton


@pytest.mark.parametrize("gpu", [False, True])
def test_triton_is_there_for_a_gpu_alone(gpu, monkeypatch):
    monkeypatch.delitem(sys.modules, "triton", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    finder = _WithTorchsCompiler()
    assert finder.find_spec("json", None) is None and "triton" not in sys.modules
    assert finder.find_spec("torch._dynamo", None) is None
    assert ("triton" in sys.modules) is not gpu
    if not gpu:
        with pytest.raises(ImportError):
            import triton  # noqa: F401


def test_one_finder_is_enough(monkeypatch):
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    for _ in range(2):
        leave_out_triton()
    assert sum(isinstance(finder, _WithTorchsCompiler) for finder in sys.meta_path) == 1


def test_objects_that_were_frozen_go_at_the_end():
    """A library that counts its objects, as those made with nanobind do, finds none left over."""
    program = (
        "import os; from l4f_datagen.process.tuning import tune_for_shards\n"
        "class Circle:\n"
        "    def __del__(self, say=os.write): say(1, b'gone')\n"
        "circle = Circle(); circle.itself = circle; tune_for_shards(); del circle"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout.strip()) == (0, "gone"), done.stderr
