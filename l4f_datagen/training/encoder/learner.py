"""One step of ``train-encoder``: samples whose codes are known, and pictures that have to be drawn again."""

import copy
import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ...generation import latents
from ...networks.encoders.encoder import Encoder
from ...networks.inference import freeze
from ...networks.stylegan2 import Generator
from ...projection.distances import Distance
from ...projection.models import spread_of
from ...seeding import generator_for
from ...settings import TrainEncoderSettings
from ..core.learner import Learner, adam, average_all, early_decay, laid_out, lay_out, seeded_weights
from ..core.process_group import Processes

TERMS = ("loss", "code", "image", "photo")
"""What a step measures: the sum, and the losses of codes, of samples and of photographs drawn again, unweighted."""
_WARM_UP = 0.05
"""Share of the run in which the rate rises."""


class EncoderLearner(Learner):
    """A frozen generator, the encoder, its running average and its optimiser.

    Process r of P takes the places r, r + P, … of a batch; batch normalisation sees them alone.
    """

    def __init__(self, settings: TrainEncoderSettings, generator: Generator, sha256: str, processes: Processes):
        self.settings = settings
        self.generator = freeze(generator, processes.device)
        with seeded_weights(settings.seed):
            self.network = make_encoder(settings, generator, sha256).to(processes.device)
        self.spread = spread_of(self.generator)
        self.network.centre.copy_(self.generator.w_avg)
        self.network.spread.fill_(self.spread)
        lay_out(self.network, processes.device)
        self.averaged = copy.deepcopy(self.network).requires_grad_(False).eval()
        super().__init__(
            processes,
            batch_size=settings.batch_size,
            networks={"network": self.network, "averaged": self.averaged},
            adams={"network": adam(self.network, settings.learning_rate, 0.9, 0.99)},
        )

    def learn(self, iteration: int, photographs: Tensor | None) -> dict[str, Tensor]:
        """One Adam step, and one of the running average.

        Args:
            photographs: (N, 3, H, W) in [-1, 1]; None: there are none.
        """
        settings = self.settings
        for group in self.adams["network"].param_groups:
            group["lr"] = settings.learning_rate * rate_factor(iteration, settings.iterations)
        w = self.codes(self.positions(iteration), "encoder")
        with torch.no_grad():
            samples = self.generator.synthesize(w).image.clamp(-1, 1)
        seen = samples if photographs is None else torch.cat([samples, photographs])
        with self.processes.autocast():
            answers = self.network(laid_out(seen)).float()
        ours, theirs = answers.split([len(samples), len(seen) - len(samples)])
        terms = {"code": F.smooth_l1_loss((ours - w) / self.spread, torch.zeros_like(w))}
        total = settings.code_weight * terms["code"]

        # Drawing costs most: of the samples as many are drawn again as there are photographs in a step.
        again = min(len(samples), self.share(settings.photographs))
        targets, codes = torch.cat([samples[:again], seen[len(samples) :]]), torch.cat([ours[:again], theirs])
        if settings.image_weight and len(targets):
            drawn = self.generator.synthesize(codes)
            differences = Distance(targets)(drawn.image)
            terms["image"] = differences[:again].mean()
            if len(theirs):
                terms["photo"] = differences[again:].mean()
                deviation = ((theirs - self.generator.w_avg) / self.spread).square().mean()
                total = total + settings.prior * deviation
            total = total + settings.image_weight * (terms["image"] + terms.get("photo", 0.0))
        terms = {"loss": total} | terms
        self.backward("network", total)
        self.step("network")
        share = 1 - early_decay(iteration, settings.ema_decay)
        average_all(self.averaged, self.network, share, self.processes)
        return terms

    def share(self, count: int) -> int:
        """How many of ``count`` pictures of a step are this process's."""
        return len(range(count)[self.processes.index :: self.processes.count])

    def codes(self, positions: Sequence[int], stream: str) -> Tensor:
        """Codes w+ (N, num_ws, w_dim) of positions in an endless stream; from a layer on, some have a second code."""
        settings, layers = self.settings, self.generator.architecture.num_ws
        common = {"seed": settings.seed, "psi": settings.psi, "indices": positions}
        first, second = (
            latents.draw_w(self.generator, stream=f"{stream}/{part}", **common) for part in ("first", "second")
        )
        drawn = torch.stack(
            [torch.rand(2, generator=generator_for(settings.seed, f"{stream}/mix", i)) for i in positions]
        )
        crossing = torch.where(drawn[:, 0] < settings.mixed, 1 + drawn[:, 1] * (layers - 1), layers).floor()
        other = torch.arange(layers)[None] >= crossing[:, None]
        return torch.where(other.to(self.device)[:, :, None], second[:, None], first[:, None])


def make_encoder(settings: TrainEncoderSettings, generator: Generator, sha256: str) -> Encoder:
    """The network that the settings describe, with random weights, which answers with the mean code."""
    a = generator.architecture
    return Encoder(
        num_ws=a.num_ws, w_dim=a.w_dim, size=a.resolution, width=settings.width, hidden=settings.hidden,
        generator=sha256,
    )  # fmt: skip


def rate_factor(iteration: int, iterations: int) -> float:
    """What the learning rate is multiplied with: straight up over the warm-up, then half a cosine to 0."""
    rising = _WARM_UP * iterations
    if iteration < rising:
        return (iteration + 1) / (rising + 1)
    share = (iteration - rising) / max(1.0, iterations - rising)
    return 0.5 + 0.5 * math.cos(math.pi * share)
