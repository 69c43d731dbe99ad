"""What learners with a discriminator share: its scores, its R1 penalty, and the real images that it is shown."""

import contextlib
from collections.abc import Generator, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from ... import philox
from ...errors import UserError
from ...networks.discriminator import Discriminator
from . import losses
from .learner import Learner, laid_out
from .real_images import RealImages


class Penalty(Protocol):
    """How much the discriminator is penalised."""

    @property
    def r1(self) -> float: ...
    @property
    def r1_every(self) -> int: ...


class AdversarialLearner(Learner):
    """A learner whose networks hold a ``discriminator``."""

    discriminator: Discriminator
    penalty: Penalty

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All that the next step depends on."""
        tensors, numbers = super().state()
        return tensors, numbers | {"random_numbers": philox.NAME}

    def restore(self, tensors: Mapping[str, Tensor], numbers: Mapping[str, Any]) -> None:
        """The reverse of ``state``.

        Raises:
            UserError: the state is of a version that drew other random numbers: its end would not be that of one run.
        """
        if numbers.get("random_numbers") != philox.NAME:
            raise UserError(
                "the run", got="one of an earlier version, which drew other random numbers",
                expected=f"one by {philox.NAME}",
                remedy="finish it with the version that began it, or begin anew with --overwrite",
            )  # fmt: skip
        super().restore(tensors, numbers)

    def changes(self, iteration: int, stream: str) -> list[Any]:
        """What happens to the images of each part before the discriminator sees them; by default nothing, None."""
        return [None] * self.accumulate

    def seen(self, images: Tensor, changes: Any) -> Tensor:
        """Images (N, 3, H, W) as the discriminator sees them after such changes; by default as they are."""
        return images

    def score(self, images: Tensor) -> Tensor:
        """The discriminator's scores (N,) of images (N, 3, H, W), in float32."""
        with self.processes.autocast():
            scores = self.discriminator(laid_out(images))
        return scores.float()

    def r1_step(self, iteration: int, reals: Sequence[Tensor]) -> dict[str, Tensor]:
        """One Adam step of the discriminator down the R1 penalty, weighted for the steps that leave it out."""
        return self.phases.run("r1", self._penalised, list(reals), self.changes(iteration, "r1"))

    def _penalised(self, reals: Sequence[Tensor], changes: Sequence[Any]) -> dict[str, Tensor]:
        weight = self.penalty.r1 / 2 * self.penalty.r1_every
        self.discriminator.requires_grad_(True)
        total = torch.zeros((), device=self.device)
        for real, change in zip(reals, changes, strict=True):
            # In float32 whatever the precision: squares of gradients leave the range of half precision.
            images = real.detach().requires_grad_(True)
            penalty = losses.r1_penalty(self.discriminator(laid_out(self.seen(images, change))), images)
            self.backward("discriminator", weight * penalty / len(reals))
            total += penalty.detach() / len(reals)
        self.step("discriminator")
        return {"r1": total}


def real_batches(images: RealImages, learner: Learner, iterations: range) -> Generator[list[Tensor]]:
    """For each iteration this process's share of a batch, in as many parts as it accumulates: (N, 3, H, W) each."""
    plan = (learner.positions(iteration, part) for iteration in iterations for part in range(learner.accumulate))
    made = images.batches(plan, workers=learner.processes.reading_threads(), device=learner.device)
    with contextlib.closing(made) as parts:
        for _ in iterations:
            yield [next(parts) for _ in range(learner.accumulate)]
