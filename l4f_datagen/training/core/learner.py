"""What all learners share: networks, optimisers, a share of every batch, a state."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ...errors import UserError
from ...networks import ops
from ...seeding import generator_for
from ...weights.native import state
from .graphs import Phases
from .process_group import Processes


class Learner:
    """Networks and their optimisers; one step of a subclass learns from one batch.

    All that is drawn follows from (seed, stream, position); position = iteration · batch_size + place in
    the batch. Process r of P takes the places r·A + a, r·A + a + P·A, … in its part a of A: the strided
    groups of the minibatch deviation then hold the same images however the batch is divided.
    """

    def __init__(
        self,
        processes: Processes,
        *,
        batch_size: int,
        accumulate: int = 1,
        networks: Mapping[str, nn.Module],
        adams: Mapping[str, torch.optim.Adam],
        graphs: bool | None = False,
    ):
        """``graphs``: whether phases are recorded, as ``graphs.Phases`` takes it."""
        self.processes, self.device = processes, processes.device
        self.batch_size, self.accumulate = batch_size, accumulate
        self.phases = Phases(processes, graphs, self._recover)
        self.networks = dict(networks)
        self.adams: dict[str, torch.optim.Adam] = {}
        self.scalers: dict[str, torch.amp.GradScaler] = {}
        for name, optimizer in adams.items():
            self.adopt(name, optimizer)

    def adopt(self, name: str, optimizer: torch.optim.Adam) -> None:
        """Give the network of a name its optimiser, and loss scaling that begins anew."""
        if self.phases.records:  # a recorded step reads its rate on the device
            for group in optimizer.param_groups:
                group["lr"] = torch.tensor(float(group["lr"]), device=self.device)
                group["capturable"] = True
            # So are the steps before it is recorded; torch would warn of them.
            optimizer.__dict__["_warned_capturable_if_run_uncaptured"] = True
        self.adams[name], self.scalers[name] = optimizer, self.processes.scaler()

    def set_rate(self, name: str, rate: float) -> None:
        """Set an optimiser's learning rate."""
        for group in self.adams[name].param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate

    def positions(self, iteration: int, part: int = 0) -> range:
        """Positions in the endless streams of one part of this process's share of a batch."""
        stride = self.processes.count * self.accumulate
        start = iteration * self.batch_size
        return range(start, start + self.batch_size)[self.processes.index * self.accumulate + part :: stride]

    def number(self, value: float) -> Tensor:
        """A number of a step as a phase takes it: int64 or float32, on the device."""
        return torch.full((), value, dtype=torch.int64 if isinstance(value, int) else torch.float32, device=self.device)

    def positions_at(self, iteration: Tensor, part: int = 0) -> Tensor:
        """``positions`` of an iteration that only the device knows, int64 (N,)."""
        places = self.positions(0, part)
        return torch.arange(places.start, places.stop, places.step, device=self.device) + iteration * self.batch_size

    def not_finite(self) -> str | None:
        """Name of the first weight or statistic that is not finite."""
        for prefix, module in self.networks.items():
            for name, tensor in module.state_dict().items():
                if not torch.isfinite(tensor).all():
                    return f"{prefix}.{name}"
        return None

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All that the next step depends on."""
        tensors = {k: t for prefix, module in self.networks.items() for k, t in state.of_module(prefix, module).items()}
        for name, adam in self.adams.items():
            tensors |= state.of_adam(f"{name}_adam", adam)
        return tensors, {"scalers": {name: scaler.state_dict() for name, scaler in self.scalers.items()}}

    def restore(self, tensors: Mapping[str, Tensor], numbers: Mapping[str, Any]) -> None:
        """The reverse of ``state``."""
        self.phases.forget()
        for prefix, module in self.networks.items():
            state.into_module(prefix, module, tensors)
        for name, adam in self.adams.items():
            state.into_adam(f"{name}_adam", adam, tensors)
        for name, scaler in self.scalers.items():
            scaler.load_state_dict(numbers["scalers"][name])

    def backward(self, name: str, loss: Tensor) -> None:
        """Gradients of a loss, scaled for the precision, for the step of one optimiser."""
        self.scalers[name].scale(loss).backward()

    def step(self, name: str) -> None:
        """One Adam step of one network down the gradients of all processes."""
        self.processes.average_gradients(self.networks[name].parameters())
        self.scalers[name].step(self.adams[name])
        self.scalers[name].update()
        self.adams[name].zero_grad(set_to_none=True)

    def _recover(self) -> None:
        """Forget gradients and scaled losses of a phase that was cut short."""
        for name, optimizer in self.adams.items():
            optimizer.zero_grad(set_to_none=True)
            scaler = self.processes.scaler()
            scaler.load_state_dict(self.scalers[name].state_dict())
            self.scalers[name] = scaler


def check_batch(*, batch_size: int, accumulate: int, group: int, images: int, processes: int) -> None:
    """Refuse a batch that the images do not fill, or that parts and processes cannot share.

    Raises:
        UserError: as it says.
    """
    if images < batch_size:
        raise UserError(
            "images", got=f"{images}", expected=f"at least a batch, {batch_size}",
            remedy="give more images or lower --batch-size",
        )  # fmt: skip
    if batch_size % (parts := processes * accumulate * group):
        raise UserError(
            "batch_size", got=batch_size,
            expected=f"a multiple of {parts}: {processes} processes × accumulate {accumulate} × "
            f"minibatch_group {group}",
            remedy="change one of them",
        )  # fmt: skip


@contextlib.contextmanager
def seeded_weights(seed: int, stream: str = "weights", index: int = 0) -> Iterator[None]:
    """In the block torch draws what follows from a run's seed, the weights of new networks say; outside of it, nothing
    changes on the CPU."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(generator_for(seed, stream, index).initial_seed())
        yield


def early_decay(iteration: int, decay: float) -> float:
    """A running average's decay in one step: less than ``decay`` in the first steps, whose weights start anywhere."""
    return min(decay, (1 + iteration) / (10 + iteration))


def adam(network: nn.Module, rate: float, beta_1: float, beta_2: float) -> torch.optim.Adam:
    """Adam as StyleGAN2 uses it, fused."""
    return torch.optim.Adam(network.parameters(), lr=rate, betas=(beta_1, beta_2), eps=1e-8, fused=True)


@torch.no_grad()
def move_average(averaged: nn.Module, network: nn.Module, share: float) -> None:
    """Move the parameters of a running average by a share of their way towards those of the network."""
    means, weights = list(averaged.parameters()), list(network.parameters())
    assert len(means) == len(weights)
    torch._foreach_lerp_(means, weights, share)  # pyright: ignore - torch's stubs know neither it nor lists of parameters


@torch.no_grad()
def average_all(averaged: nn.Module, network: nn.Module, share: float, processes: Processes) -> None:
    """``move_average``, and copy the statistics of batch normalisation, which are averages themselves."""
    move_average(averaged, network, share)
    statistics = [b for b in network.buffers() if b.is_floating_point()]
    if processes.count > 1:  # every process has seen another share of the batch
        flat = processes.mean(torch.cat([b.flatten() for b in statistics]))
        for buffer, part in zip(statistics, flat.split([b.numel() for b in statistics])):
            buffer.copy_(part.view_as(buffer))
    for mean, buffer in zip(averaged.buffers(), network.buffers(), strict=True):
        mean.copy_(buffer)


def lay_out(network: nn.Module, device: torch.device) -> None:
    """Put a network's weights into the order of memory that its device is quickest with."""
    network.to(memory_format=ops.layout(device))  # pyright: ignore[reportCallIssue] - torch's stubs leave it out


def laid_out(images: Tensor) -> Tensor:
    """Images in the order of memory that their device is quickest with."""
    return images.contiguous(memory_format=ops.layout(images.device))
