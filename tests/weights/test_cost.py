"""What loading a full-size checkpoint costs: 1024 px, config-f, 30 million parameters."""

import json
import sys

import pytest
import torch

from l4f_datagen.weights.layouts import rosinality

from .. import forked
from . import forge

MAX_RATIO = 8.0
"""Of its processor time to what drawing as many normal numbers takes; 2 to 3 where this was measured."""
MAX_PEAK = 2.5
_MEASURE = """
import json, sys, time, torch
from pathlib import Path
from l4f_datagen import weights
torch.set_num_threads(1)
# Not getrusage: its peak is that of the process that started this one, where that was larger.
peak = lambda: int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024
before, started = peak(), time.process_time()
generator = weights.load_generator(sys.argv[1])
ratio, size = time.process_time() - started, Path(sys.argv[1]).stat().st_size
reached = peak() - before
parameters = sum(p.numel() for p in generator.parameters())
started = time.process_time()
torch.randn(parameters)
ratio /= time.process_time() - started
print(json.dumps({"ratio": ratio, "peak": reached / size, "parameters": parameters}))
"""


@pytest.fixture(scope="module")
def made():
    return forge.generator(forge.CONFIG_F, z_dim=512, w_dim=512, depth=8)


def _write_rosinality(made, path):
    torch.save({"g_ema": rosinality.state_dict(made), "latent_avg": made.w_avg}, path)


def _write_nvidia(made, path):
    path.write_bytes(forge.nvidia_bytes({"G_ema": forge.nvidia_network(made)}))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="peak memory is read from /proc")
@pytest.mark.parametrize("write", [_write_rosinality, _write_nvidia])
def test_time_and_memory(write, made, tmp_path):
    path = tmp_path / "large"
    write(made, path)
    (tmp_path / "program.py").write_text(_MEASURE)
    (done,) = forked.together(str(tmp_path / "program.py"), [[str(path)]])
    path.unlink()
    assert done.returncode == 0, done.stderr
    cost = json.loads(done.stdout)
    assert cost["parameters"] > 30_000_000
    assert cost["ratio"] <= MAX_RATIO
    # A measurement that misses the network itself, as large as its file, would hold nothing.
    assert 0.9 < cost["peak"] <= MAX_PEAK
