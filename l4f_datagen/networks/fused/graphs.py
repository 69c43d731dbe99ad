"""The fused networks as CUDA graphs: hundreds of small launches a batch become one."""

from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

import torch
from torch import Tensor

from ..synthesis import SwitchedOff
from .network import FusedNetworks, Scene

CAPTURING = Lock()
"""Held while a graph is recorded: CUDA records one at a time in a process."""
_KEPT = 8
"""Graphs at a time; a search for samples that pass filters has batches of many sizes."""


@dataclass(frozen=True)
class _Recorded:
    graph: torch.cuda.CUDAGraph
    w: Tensor
    noise: Sequence[Tensor] | str | None
    scene: Scene
    """Where each replay leaves what it gives."""


class GraphedNetworks:
    """Draws as ``FusedNetworks`` do; threads take turns. A shape of batch is recorded when it is seen again.

    Args:
        tf32: give convolutions in float32 the digits of TensorFloat-32 alone, ten bits, for speed.
    """

    def __init__(self, networks: FusedNetworks, *, tf32: bool = False):
        self.networks, self.tf32 = networks, tf32
        self._lock = Lock()
        self._seen: Counter[tuple] = Counter()
        self._recorded: OrderedDict[tuple, _Recorded] = OrderedDict()
        self._pool: Any = None

    def __call__(self, w: Tensor, count: int, noise: Sequence[Tensor] | str | None, switched_off: SwitchedOff) -> Scene:
        """As ``FusedNetworks``."""
        # float32 is float32 unless somebody asked for TensorFloat-32, cuDNN's default. The algorithms are chosen by
        # rule, not by timing, so that the same settings give the same bytes again.
        with self._lock, torch.backends.cudnn.flags(enabled=True, benchmark=False, allow_tf32=self.tf32):
            if w.device.type != "cuda":
                return self.networks(w, count, noise, switched_off)
            # Kernels and recordings go to the thread's own device.
            with torch.cuda.device(w.device):
                return self._on_device(w, count, noise, switched_off)

    def _on_device(
        self, w: Tensor, count: int, noise: Sequence[Tensor] | str | None, switched_off: SwitchedOff
    ) -> Scene:
        key = (tuple(w.shape), count, noise if isinstance(noise, str) else noise is None, switched_off)
        self._seen[key] += 1
        if self._seen[key] == 1:
            return self.networks(w, count, noise, switched_off)
        if key not in self._recorded:
            self._recorded[key] = self._record(w, count, noise, switched_off)
            if len(self._recorded) > _KEPT:
                torch.cuda.synchronize(w.device)  # it may still be replayed
                self._recorded.popitem(last=False)
        self._recorded.move_to_end(key)
        return _replayed(self._recorded[key], w, noise)

    def _record(
        self, w: Tensor, count: int, noise: Sequence[Tensor] | str | None, switched_off: SwitchedOff
    ) -> _Recorded:
        given = w.clone()
        maps = noise if noise is None or isinstance(noise, str) else [m.clone() for m in noise]
        graph = torch.cuda.CUDAGraph()
        # Other threads may copy and allocate meanwhile.
        with CAPTURING, torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
            scene = self.networks(given, count, maps, switched_off)
        self._pool = graph.pool()
        return _Recorded(graph, given, maps, scene)


def _replayed(recorded: _Recorded, w: Tensor, noise: Sequence[Tensor] | str | None) -> Scene:
    recorded.w.copy_(w)
    if noise is not None and not isinstance(noise, str):
        for target, drawn in zip(recorded.noise or (), noise, strict=True):
            assert isinstance(target, Tensor)
            target.copy_(drawn)
    recorded.graph.replay()
    # The next replay, of any shape, writes into the same memory.
    return Scene(*(tensor.clone() for tensor in recorded.scene))
