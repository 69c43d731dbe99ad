"""One step of ``train-segmenter``, and its losses."""

import contextlib
import copy
import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ...settings import TrainSegmenterSettings
from ..core.learner import Learner, average_all, early_decay, lay_out, seeded_weights
from ..core.process_group import Processes
from .batches import IGNORED, Batch
from .beginning import make_segmenter

TERMS = ("loss", "auxiliary")
"""What a step measures: the losses of the main head and of the auxiliary ones, before their weight."""
_FIRST_RATE = 1 / 25
"""The one-cycle schedule begins with this share of its highest rate."""


class SegmenterLearner(Learner):
    """A segmenter, its running average and its optimiser.

    Process r of P takes the places r, r + P, … of a batch; batch normalisation sees them alone.
    """

    def __init__(self, settings: TrainSegmenterSettings, size: int, processes: Processes):
        self.settings = settings
        with seeded_weights(settings.seed):
            self.network = make_segmenter(settings, size)[0].to(processes.device)
        lay_out(self.network, processes.device)
        self.averaged = copy.deepcopy(self.network).requires_grad_(False).eval()
        adam = torch.optim.AdamW(
            self.network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True
        )
        super().__init__(
            processes,
            batch_size=settings.batch_size,
            networks={"network": self.network, "averaged": self.averaged},
            adams={"network": adam},
            # A replay would leave out what its recording left out.
            graphs=False if self.network.random else settings.graphs,
        )

    def learn(self, iteration: int, batch: Batch) -> dict[str, Tensor]:
        """One AdamW step, and one of the running average."""
        self.set_rate("network", self.settings.learning_rate * rate_factor(iteration, self.settings))
        with self._drawing(iteration):
            terms = self.phases.run("learn", self._learn, batch.images, batch.masks, batch.alphas, batch.weights)
        share = 1 - early_decay(iteration, self.settings.ema_decay)  # more in the first steps
        average_all(self.averaged, self.network, share, self.processes)
        return terms

    def _learn(self, images: Tensor, masks: Tensor, alphas: Tensor, weights: Tensor | None) -> dict[str, Tensor]:
        batch = Batch(images, masks, alphas, weights)
        with self.processes.autocast():
            heads = self.network.heads(batch.images)
        losses = [segmentation_loss(head, batch, self.settings) for head in heads]
        terms = {"loss": losses[0]} | ({"auxiliary": torch.stack(losses[1:]).sum()} if losses[1:] else {})
        self.backward("network", losses[0] + self.settings.auxiliary_weight * terms.get("auxiliary", 0.0))
        self.step("network")
        return terms

    def _drawing(self, iteration: int) -> contextlib.AbstractContextManager[None]:
        """Where the network draws numbers itself, they follow from the seed, the iteration and the process."""
        if not self.network.random:
            return contextlib.nullcontext()
        index = iteration * self.processes.count + self.processes.index
        return seeded_weights(self.settings.seed, "dropout", index)


def segmentation_loss(scores: Tensor, batch: Batch, settings: TrainSegmenterSettings) -> Tensor:
    """Mean over the pixels that are not ignored: −log p of the class, or cross-entropy with the alpha.

    Where samples weigh differently, pixels count by the weights of their samples.

    Args:
        scores: (N, classes, H, W) before the softmax, in any precision.
    """
    if batch.weights is not None:
        each = _losses(scores, batch, settings)
        weights = batch.weights[:, None, None] * (batch.masks != IGNORED)
        return (each * weights).sum() / weights.sum().clamp(min=1)
    valid = (batch.masks != IGNORED).sum().clamp(min=1)
    if settings.loss == "cross_entropy":
        total = F.cross_entropy(scores.float(), batch.masks, ignore_index=IGNORED, reduction="sum")
    else:
        total = (_losses(scores, batch, settings) * (batch.masks != IGNORED)).sum()
    return total / valid


def _losses(scores: Tensor, batch: Batch, settings: TrainSegmenterSettings) -> Tensor:
    """The loss of each pixel (N, H, W); of ignored ones any number."""
    if settings.loss == "cross_entropy":
        return F.cross_entropy(scores.float(), batch.masks, ignore_index=IGNORED, reduction="none")
    # softmax of two scores: the logit of the foreground is their difference
    logit = scores[:, 1].float() - scores[:, 0].float()
    return F.binary_cross_entropy_with_logits(logit, batch.alphas, reduction="none")


def rate_factor(iteration: int, settings: TrainSegmenterSettings) -> float:
    """What the highest learning rate is multiplied with: up over the warm-up, then half a cosine to 0."""
    rising = settings.warm_up * settings.iterations
    if iteration < rising:
        share = (iteration + 1) / (rising + 1)
        if settings.schedule == "cosine":
            return share
        return _FIRST_RATE + (1 - _FIRST_RATE) * (0.5 - 0.5 * math.cos(math.pi * share))
    share = (iteration - rising) / max(1.0, settings.iterations - rising)
    return 0.5 + 0.5 * math.cos(math.pi * share)
