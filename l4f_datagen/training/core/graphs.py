"""The phases of a training's step as CUDA graphs: thousands of small launches become one.

A phase is work of tensors alone: what changes from step to step is given to it as a tensor, the iteration too, and
what it says are scalars. The first steps are carried out one operation at a time, on the stream on which the phase is
then recorded; from there on inputs are copied to where the recording reads them, and it is replayed. The same kernels
run in the same order, so that it makes no difference to the weights when a run was recorded.
"""

import logging
from collections import Counter
from collections.abc import Callable, Hashable
from typing import Any, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor

from ...errors import UserError
from ...networks.fused.graphs import CAPTURING
from .process_group import Processes

logger = logging.getLogger(__name__)

Terms = dict[str, Tensor]
Work = Callable[..., Terms]
"""A phase: of tensors, and of tuples and lists of tensors, to scalars by name."""
Tree = TypeVar("Tree")

WARM_UP = 3
"""Steps of a phase before it is recorded: libraries choose their kernels, optimisers make their moments."""
MOST = 24
"""Recordings of a learner; phases of yet other shapes are carried out one operation at a time."""


class Replay(NamedTuple):
    """One recorded phase."""

    inputs: tuple[Any, ...]
    """What the recording reads, in the place of what the phase was given."""
    names: tuple[str, ...]
    values: Tensor
    """Where each replay leaves the scalars of these names."""
    replay: Callable[[], None]


class Recorder(Protocol):
    """How a device records."""

    def warm_up(self, work: Work, inputs: tuple[Any, ...]) -> Terms:
        """Carry out a phase that is going to be recorded."""
        ...

    def record(self, work: Work, inputs: tuple[Any, ...]) -> Replay:
        """Record a phase, without carrying it out."""
        ...


class CudaRecorder:
    """Records CUDA graphs, all on one stream and in one pool of memory: phases run one after the other."""

    def __init__(self, device: torch.device):
        self._device, self._pool = device, None
        self._stream = torch.cuda.Stream(device)

    def warm_up(self, work: Work, inputs: tuple[Any, ...]) -> Terms:
        current = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            terms = work(*inputs)
        current.wait_stream(self._stream)
        # Of the current stream's own memory.
        return {name: term.detach().clone() for name, term in terms.items()}

    def record(self, work: Work, inputs: tuple[Any, ...]) -> Replay:
        own, graph = mapped(torch.clone, inputs), torch.cuda.CUDAGraph()
        current = torch.cuda.current_stream(self._device)
        try:
            # Threads that read images may copy and allocate meanwhile.
            with CAPTURING, torch.cuda.graph(graph, self._pool, self._stream, capture_error_mode="thread_local"):
                names, values = stacked(work(*own))
        finally:
            torch.cuda.set_stream(current)  # a recording that fails at its end leaves its own behind
        self._pool = graph.pool()
        return Replay(own, names, values, graph.replay)


class Phases:
    """The phases of one learner. Where nothing is recorded, each is carried out as it is called.

    Args:
        wanted: None: record on a CUDA device in one process.
        recover: puts right what a recording that failed has left half done in Python's objects.

    Raises:
        UserError: recordings are wanted where there are none.
    """

    def __init__(self, processes: Processes, wanted: bool | None, recover: Callable[[], None]):
        self._recover = recover
        self._recorder = recorder_for(processes, wanted)
        self._seen: Counter[Hashable] = Counter()
        self._recorded: dict[Hashable, Replay] = {}

    @property
    def records(self) -> bool:
        """Whether phases are recorded: then nothing in them may depend on what the device has computed."""
        return self._recorder is not None

    def run(self, name: Hashable, work: Work, *inputs: Any) -> Terms:
        """Carry out a phase, or replay it.

        Args:
            name: the same for the same work; inputs of other shapes are told apart by themselves.
            inputs: tensors, None, and tuples and lists of these.
        """
        if self._recorder is None:
            return work(*inputs)
        key = name, _shapes(inputs)
        if key not in self._recorded:
            if self._seen[key] < WARM_UP or len(self._recorded) >= MOST:
                self._seen[key] += 1
                return self._recorder.warm_up(work, inputs)
            try:
                self._recorded[key] = self._recorder.record(work, inputs)
            except RuntimeError as error:  # torch's, for whatever cannot be recorded: none of it was carried out
                self._give_up(name, error)
                return work(*inputs)
        recorded = self._recorded[key]
        for own, given in zip(_tensors(recorded.inputs), _tensors(inputs), strict=True):
            own.copy_(given, non_blocking=True)
        recorded.replay()
        # The next replay writes into the same memory.
        return dict(zip(recorded.names, recorded.values.clone().unbind(), strict=True))

    def forget(self) -> None:
        """Drop what was recorded: networks or optimisers have become others."""
        self._seen.clear()
        self._recorded.clear()

    def _give_up(self, name: Hashable, error: RuntimeError) -> None:
        self.forget()
        self._recorder = None
        self._recover()
        reason = " ".join(str(error).split("\n", 1)[0].split())[:160]
        logger.warning(
            "the phase %s cannot be recorded as a CUDA graph (%s): the training goes on one operation at a time, which"
            " is slower; --no-graphs records none from the start",
            name, reason,
        )  # fmt: skip


def recorder_for(processes: Processes, wanted: bool | None) -> Recorder | None:
    """What records on a device; None: nothing is recorded.

    Raises:
        UserError: recordings are wanted where there are none.
    """
    if wanted is False:
        return None
    problem = None
    if processes.device.type != "cuda":
        problem = f"a recording of CUDA graphs on {processes.device.type}", "a CUDA device"
    elif processes.count > 1:  # gradients travel between processes in the middle of a phase
        problem = f"a recording of CUDA graphs in {processes.count} processes", "one process"
    if problem is None:
        return CudaRecorder(processes.device)
    if wanted:
        got, expected = problem
        raise UserError("graphs", got=got, expected=expected, remedy="leave --graphs out")
    if processes.count > 1 and processes.is_first and processes.device.type == "cuda":
        logger.warning("CUDA graphs are recorded in one process alone: with %d, phases run one operation at a time",
                       processes.count)  # fmt: skip
    return None


def stacked(terms: Terms) -> tuple[tuple[str, ...], Tensor]:
    """The names of scalars, and all of them in one float32 tensor."""
    return tuple(terms), torch.stack([term.detach().float() for term in terms.values()])


def mapped(function: Callable[[Tensor], Tensor], tree: Tree) -> Tree:
    """What a function makes of each tensor in tuples, named ones too, and lists."""
    if isinstance(tree, Tensor):
        return function(tree)  # pyright: ignore[reportReturnType] - a Tree that is a tensor
    if isinstance(tree, (tuple, list)):
        parts = [mapped(function, part) for part in tree]
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)  # pyright: ignore
    return tree


def _tensors(tree: Any) -> list[Tensor]:
    """The tensors of a tree, in its order."""
    if isinstance(tree, Tensor):
        return [tree]
    return [found for part in tree for found in _tensors(part)] if isinstance(tree, (tuple, list)) else []


def _shapes(tree: Any) -> Hashable:
    """What tells inputs apart that one recording cannot both serve."""
    if isinstance(tree, Tensor):
        return tuple(tree.shape), tree.dtype, tree.stride()
    return tuple(map(_shapes, tree)) if isinstance(tree, (tuple, list)) else tree
