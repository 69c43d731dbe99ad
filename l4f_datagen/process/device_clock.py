"""How long a device computes, by the device's own clock."""

from typing import TYPE_CHECKING, Any

from .spending import SPENDING

if TYPE_CHECKING:
    import torch


class DeviceClock:
    """Runs from its making to ``stop``, on a CUDA device and where somebody asked for times; else it does nothing."""

    def __init__(self, device: "torch.device"):
        self._device = device
        self._events: list[Any] = []
        if SPENDING.measured and device.type == "cuda":
            self._mark()

    def stop(self) -> None:
        """What was started until now is what is measured."""
        if self._events:
            self._mark()

    def count(self) -> None:
        """Count the time; the device has to be done with it."""
        if self._events:
            first, last = self._events
            SPENDING.add_device(first.elapsed_time(last) / 1000)

    def _mark(self) -> None:
        import torch  # imported here: most that is in this folder runs before torch is loaded

        event = torch.cuda.Event(enable_timing=True)
        event.record(torch.cuda.current_stream(self._device))
        self._events.append(event)
