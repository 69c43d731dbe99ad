"""Arrays from a device to the CPU while the device goes on."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

_streams: dict[torch.device, torch.cuda.Stream] = {}


def to_arrays(tensors: Sequence[Tensor]) -> list[np.ndarray]:
    """Tensors as arrays of the CPU, of the same types.

    From a GPU they go through pinned memory, on a stream of their own: what other threads start meanwhile does not
    wait for it, as it would behind a plain copy.
    """
    device = tensors[0].device
    if device.type != "cuda":
        return [tensor.cpu().numpy() for tensor in tensors]
    stream = _streams.setdefault(device, torch.cuda.Stream(device))
    stream.wait_stream(torch.cuda.current_stream(device))
    copies = []
    with torch.cuda.stream(stream):
        for tensor in tensors:
            tensor.record_stream(stream)
            pinned = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
            copies.append(pinned.copy_(tensor.contiguous(), non_blocking=True))
        done = torch.cuda.Event()
        done.record(stream)
    done.synchronize()
    return [copy.numpy() for copy in copies]
