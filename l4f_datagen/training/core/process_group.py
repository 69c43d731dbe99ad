"""The processes of a run: device, precision, gradients averaged over all; started by accelerate or torchrun."""

import contextlib
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

from ...devices import resolve_device, too_little_memory
from ...errors import UserError, WorkError
from . import peers


class Processes:
    """What a training loop asks of the processes that share its work.

    Gradients are averaged by hand instead of by DistributedDataParallel, which does not take the R1
    penalty's second backward pass through a part of the network.
    """

    def __init__(self, *, device: str, precision: str):
        try:
            from accelerate import PartialState
        except ImportError as error:
            raise UserError(
                "training", got="no accelerate", expected="the extra `train`",
                remedy='pip install "l4f-datagen[train]"',
            ) from error  # fmt: skip
        chosen = resolve_device(device)
        if chosen.type == "cpu" and precision == "fp16":
            raise UserError("precision", got="fp16 on a CPU", expected="float32 or bf16", remedy="use bf16")
        if chosen.type == "mps" and precision != "float32":
            raise UserError("precision", got=f"{precision} on mps", expected="float32", remedy="use float32")
        if chosen.type in ("cpu", "cuda"):
            peers.join(cpu=chosen.type == "cpu")
        self._state = PartialState(cpu=chosen.type == "cpu")
        self.index, self.count = self._state.process_index, self._state.num_processes
        if chosen.index is not None and self.count > 1:
            raise UserError(
                "device", got=f"{chosen} for {self.count} processes", expected="cuda: each takes its own",
                remedy="use --device cuda, and CUDA_VISIBLE_DEVICES to choose among them",
            )  # fmt: skip
        self.device: torch.device = chosen
        if chosen.type == "cuda" and chosen.index is None:
            assert self._state.device is not None
            self.device = self._state.device  # each process its own; a CPU is one, though accelerate numbers it
        if chosen.index is not None:
            torch.cuda.set_device(chosen)
        self.is_first = self.index == 0
        self.precision = precision

    def autocast(self):
        """The context of the precision: for the discriminator, for a segmenter."""
        dtype = torch.float16 if self.precision == "fp16" else torch.bfloat16
        return torch.autocast(self.device.type, dtype, enabled=self.precision != "float32")

    def reading_threads(self, wanted: int | None = None) -> int:
        """How many threads make batches ahead, unless so many are ``wanted``: two beside a GPU, none beside a CPU.

        Networks on a CPU have its cores. A loop that they share waits at its end for each of them, and a thread more
        takes one away for far longer than its own work lasts.
        """
        return wanted if wanted is not None else 0 if self.device.type == "cpu" else 2

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace every gradient by its mean over the processes; in one message."""
        if self.count > 1:
            gradients = [p.grad for p in parameters if p.grad is not None]
            flat = self.mean(torch.cat([g.flatten() for g in gradients]))
            for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients])):
                gradient.copy_(part.view_as(gradient))

    def mean(self, values: Tensor) -> Tensor:
        """Mean of a tensor over the processes."""
        if self.count == 1:
            return values
        from accelerate.utils import reduce

        with self._explaining_loss():
            mean = reduce(values, "mean")
        assert isinstance(mean, Tensor)
        return mean

    def any(self, flag: bool) -> bool:
        """Whether it is so in any process; all get the same answer."""
        return bool(self.mean(torch.full((), float(flag), device=self.device)) > 0) if self.count > 1 else flag

    def wait(self) -> None:
        """Until every process is here."""
        with self._explaining_loss():
            self._state.wait_for_everyone()

    @contextlib.contextmanager
    def _explaining_loss(self) -> Iterator[None]:
        """Say in one line that another process is gone: it may have been killed for its memory.

        Raises:
            WorkError: it is.
        """
        try:
            yield
        except RuntimeError as error:  # gloo's and NCCL's
            if self.count == 1 or too_little_memory(error):
                raise
            raise WorkError(
                f"process {self.index} of {self.count} has lost another one ({' '.join(str(error).split())[:120]}): "
                "the checkpoints stay; look at what that one said, and at the memory if it said nothing (a smaller "
                "--batch-size needs less), and run the same command again"
            ) from error

    def obeying(self) -> contextlib.AbstractContextManager[None]:
        """Obey signals at once while the block lasts, even while another process is waited for."""
        return peers.obeying() if self.count > 1 else contextlib.nullcontext()

    def scaler(self) -> torch.amp.GradScaler:
        """Loss scaling for fp16; switched off for other precisions."""
        return torch.amp.GradScaler(self.device.type, enabled=self.precision == "fp16")
