"""What the generator draws, kept for a while: networks that are cheap beside it learn from it several times."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ...networks.synthesis import SwitchedOff, Synthesis
from ...philox import Positions
from ...progress.state import Counted
from ...seeding import generator_for
from ...settings import CompleteAlphaSettings
from ..core import codes
from ..core.loop import Count

BLOCK = 8
"""Positions that are drawn together, always the same ones: bits of a sample may depend on its neighbours."""
BYTES = 1 << 30
"""What one window may take in memory, about 500 samples of 64 px with 256 channels."""
_LARGEST = torch.finfo(torch.float16).max
_FEWEST = 16 * BLOCK
"""Samples below which a window is no pool, and every step draws its own."""


Maps = Sequence[Tensor]
Make = Callable[[Positions], Maps]
"""Positions of an endless stream → maps (N, …) of each."""


def foregrounds(generator: Synthesis, settings: CompleteAlphaSettings, stream: str, levels: int) -> Make:
    """Draws images (N, 3, H, W) and after them the features of the last ``levels``, two maps each."""

    @torch.no_grad()
    def make(positions: Positions) -> Maps:
        drawn = codes.draw(
            generator, seed=settings.seed, stream=stream, positions=positions, psi=settings.psi, noise=settings.noise
        )
        image, features = generator.synthesize(*drawn)
        return [image, *features[-2 * levels :]]

    return make


def backgrounds(generator: Synthesis, settings: CompleteAlphaSettings, stream: str, switched_off: SwitchedOff) -> Make:
    """Draws G_bg's images (N, 3, H, W); with ``share_z`` of the foregrounds' codes."""

    @torch.no_grad()
    def make(positions: Positions) -> Maps:
        drawn = codes.draw(
            generator, seed=settings.seed, stream=f"{stream}-background", positions=positions,
            psi=settings.background_psi, noise=settings.noise, shared=stream if settings.share_z else None,
        )  # fmt: skip
        return [generator.background(*drawn, switched_off=switched_off)]

    return make


class Window:
    """Maps of a window of positions in an endless stream, half precision in main memory, or drawn when asked for.

    What a position gives depends on its block alone, so that a run that goes on draws the same again. On a GPU,
    where drawing is cheap and copying is not, nothing is kept.
    """

    def __init__(
        self, make: Make, size: int, device: torch.device, *, bytes_at_most: int = BYTES,
        count: Count = lambda progress: None,
    ):  # fmt: skip
        """``size`` positions, or as many as fit into memory; none if those are too few to be worth it.

        ``count`` is told how many samples are drawn, where they are more than a block.
        """
        self._make, self._device, self._count = make, device, count
        self._buffers: list[Tensor] = []
        self._held = range(0)
        self.size = 0
        if size and device.type == "cpu":
            first = make(range(BLOCK))
            wanted = -(-size // BLOCK) * BLOCK
            fitting = bytes_at_most // max(1, sum(one.numel() * 2 for one in first)) * BLOCK
            self.size = min(wanted, fitting) if fitting >= min(_FEWEST, wanted) else 0
            self._buffers = [torch.empty(self.size, *one.shape[1:], dtype=torch.float16) for one in first]

    @property
    def keeps(self) -> bool:
        """Whether maps are kept, so that it costs little to ask for them again."""
        return self.size > 0

    def slide(self, block: int) -> None:
        """Let the window begin at a block: what it lacks is drawn, what it leaves behind is forgotten."""
        wanted = range(block * BLOCK, block * BLOCK + self.size)
        lacking = [first for first in range(wanted.start, wanted.stop, BLOCK) if first not in self._held]
        count = self._count if len(lacking) > 1 else lambda progress: None
        for number, first in enumerate(lacking):
            count(Counted(number * BLOCK, len(lacking) * BLOCK, "samples drawn"))
            place = first % self.size
            for buffer, made in zip(self._buffers, self._make(range(first, first + BLOCK)), strict=True):
                buffer[place : place + BLOCK] = _rounded(made)
        count(Counted(len(lacking) * BLOCK, len(lacking) * BLOCK, "samples drawn"))
        self._held = wanted

    def forget(self) -> None:
        """Free the memory; from now on nothing is kept."""
        self._buffers, self._held, self.size = [], range(0), 0

    def pick(self, name: str, iteration: int, count: int, seed: int) -> Sequence[int]:
        """Positions for one step: by chance within the window, or fresh ones where nothing is kept."""
        if not self.keeps:
            return range(iteration * count, (iteration + 1) * count)
        random = generator_for(seed, f"pick-{name}", iteration)
        return (torch.randint(self.size, (count,), generator=random) + self._held.start).tolist()

    def get(self, positions: Positions) -> list[Tensor]:
        """The maps at some positions, float32 on the device; positions are a tensor only where nothing is kept.

        A whole block outside the window is drawn as it would be inside, bit for bit.
        """
        if isinstance(positions, Tensor) or not all(position in self._held for position in positions):
            return [_rounded(one).float() for one in self._make(positions)]
        rows = torch.tensor([position % self.size for position in positions])
        return [buffer[rows].float() for buffer in self._buffers]


def _rounded(maps: Tensor) -> Tensor:
    """In half precision, whose largest number stands for those beyond it."""
    return maps.clamp(-_LARGEST, _LARGEST).half()
