"""The two learners of ``train-alpha`` and one step of each."""

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ...generation.drawing import composite
from ...networks.alpha import AlphaNetwork
from ...networks.discriminator import Discriminator
from ...networks.inference import freeze
from ...networks.stylegan2 import Generator
from ...networks.synthesis import SwitchedOff
from ...philox import Positions
from ...settings import CompleteAlphaSettings
from ..core import codes, degeneration, losses
from ..core.adversarial import AdversarialLearner
from ..core.learner import adam, early_decay, lay_out, move_average, seeded_weights
from ..core.process_group import Processes

TERMS = ("discriminator", "adversarial", "B", "C", "E", "S", "r1", *degeneration.MaskStatistics._fields)
"""What a step measures: losses before their weights, and what the masks look like."""


@dataclass(frozen=True)
class Scene:
    """One part of a batch; alpha and composite with the alpha network's graph if it was asked for."""

    foreground: Tensor
    alpha: Tensor
    composite: Tensor


class AlphaLearner(AdversarialLearner):
    """A frozen generator, the alpha network, its running average and the discriminator, with their optimisers."""

    def __init__(
        self, settings: CompleteAlphaSettings, generator: Generator, processes: Processes, switched_off: SwitchedOff
    ):
        self.settings = self.penalty = settings
        self.switched_off: SwitchedOff = switched_off
        self.generator = freeze(generator, processes.device)
        channels = generator.architecture.channels
        first = settings.first_resolution.bit_length() - 3
        widths = [max(1, round(c * settings.discriminator_width)) for c in channels]
        with seeded_weights(settings.seed):
            self.alpha = AlphaNetwork(channels[first:]).to(processes.device)
            self.discriminator = Discriminator(
                channels=widths, group=settings.minibatch_group, coarsest=generator.architecture.constant
            ).to(processes.device)
        lay_out(self.discriminator, processes.device)
        self.averaged = copy.deepcopy(self.alpha).requires_grad_(False)
        s = settings
        super().__init__(
            processes,
            batch_size=s.batch_size,
            accumulate=s.accumulate,
            networks={"alpha": self.alpha, "averaged": self.averaged, "discriminator": self.discriminator},
            adams={
                "alpha": adam(self.alpha, s.alpha_learning_rate, s.beta_1, s.alpha_beta_2),
                "discriminator": adam(
                    self.discriminator, s.discriminator_learning_rate, s.beta_1, s.discriminator_beta_2
                ),
            },
            graphs=s.graphs,
        )
        self._scenes: list[Scene] = []

    def set_rates(self, factor: float) -> None:
        """Set both learning rates to ``factor`` of the settings'."""
        self.set_rate("alpha", self.settings.alpha_learning_rate * factor)
        self.set_rate("discriminator", self.settings.discriminator_learning_rate * factor)

    def discriminator_step(
        self, iteration: int, reals: Sequence[Tensor], behind: Sequence[Tensor] = ()
    ) -> dict[str, Tensor]:
        """One Adam step of the discriminator: composites against real images (N, 3, H, W) of every part.

        Args:
            behind: backgrounds (N, 3, H, W) of every part, if the generator does not draw them.
        """
        return self.phases.run("discriminator", self._discriminate, self.number(iteration), list(reals), list(behind))

    def alpha_step(self, iteration: int, behind: Sequence[Tensor] = ()) -> dict[str, Tensor]:
        """One Adam step of the alpha network: adversarial loss, B, C, E and S; ``behind`` as for the other step."""
        edges = self.settings.lambda_4 * edge_share(iteration, self.settings)
        return self.phases.run("alpha", self._learn, self.number(iteration), self.number(edges), list(behind))

    def _discriminate(self, iteration: Tensor, reals: Sequence[Tensor], behind: Sequence[Tensor]) -> dict[str, Tensor]:
        self.discriminator.requires_grad_(True)
        self._scenes = []
        # A recorded phase leaves nothing to another one: that draws the same samples again.
        kept = self.settings.reuse_samples and not self.phases.records
        total = torch.zeros((), device=self.device)
        for part, real in enumerate(reals):
            with torch.set_grad_enabled(kept):
                name = "alpha" if self.settings.reuse_samples else "discriminator"
                scene = self._draw(self.positions_at(iteration, part), name, behind[part] if behind else None)
            if kept:
                self._scenes.append(scene)
            loss = losses.discriminator_loss(self.score(real), self.score(scene.composite.detach()))
            self.backward("discriminator", loss / len(reals))
            total += loss.detach() / len(reals)
        self.step("discriminator")
        return {"discriminator": total}

    def _learn(self, iteration: Tensor, edges: Tensor, behind: Sequence[Tensor]) -> dict[str, Tensor]:
        s, parts = self.settings, self.settings.accumulate
        self.discriminator.requires_grad_(False)  # gradients flow through it, not into it
        sums: dict[str, Tensor] = {}
        for part in range(parts):
            if self._scenes:
                scene = self._scenes[part]
            else:
                scene = self._draw(self.positions_at(iteration, part), "alpha", behind[part] if behind else None)
            terms = {
                "adversarial": losses.adversarial_loss(self.score(scene.composite)),
                "B": losses.binarization(scene.alpha),
                "C": losses.emptiness(scene.alpha, s.phi_1),
                "E": losses.fullness(scene.alpha, s.phi_2),
            }
            loss = (
                s.adversarial_weight * terms["adversarial"]
                + s.lambda_1 * terms["B"]
                + s.lambda_2 * terms["C"]
                + s.lambda_3 * terms["E"]
            )
            if s.lambda_4:
                terms["S"] = losses.stray_edges(scene.alpha, scene.foreground, s.edge_scale)
                loss = loss + edges * terms["S"]
            self.backward("alpha", loss / parts)
            terms |= degeneration.statistics(scene.alpha.detach())._asdict()
            for name, term in terms.items():
                sums[name] = sums.get(name, 0) + term.detach() / parts
        self._scenes = []
        self.step("alpha")
        return sums

    def average_weights(self, iteration: int) -> None:
        """Move the running average towards the weights; quicker in the first steps, which start anywhere."""
        move_average(self.averaged, self.alpha, 1 - early_decay(iteration, self.settings.ema_decay))

    def _draw(self, positions: Positions, learner: str, background: Tensor | None = None) -> Scene:
        """Composites of fresh codes; only the alpha network's part is ever differentiated.

        Without a background the generator draws it.
        """
        s, generator = self.settings, self.generator
        common = {"seed": s.seed, "positions": positions, "noise": s.noise}
        with torch.no_grad():
            drawn = codes.draw(generator, stream=f"{learner}-foreground", psi=s.psi, **common)
            image, features = generator.synthesize(*drawn)
            if background is None:
                shared = f"{learner}-foreground" if s.share_z else None
                stream = f"{learner}-background"
                drawn = codes.draw(generator, stream=stream, psi=s.background_psi, shared=shared, **common)
                background = generator.background(*drawn, switched_off=self.switched_off)
        alpha = self.alpha(features[-2 * len(self.alpha.channels) :])
        return Scene(image, alpha, composite(alpha, image, background))


def rate_factor(iteration: int, settings: CompleteAlphaSettings) -> float:
    """What both learning rates are multiplied with: 1, then half a cosine to 0 over the last share of the run."""
    falling = settings.anneal * settings.iterations
    left = settings.iterations - iteration
    return 1.0 if left >= falling else 0.5 - 0.5 * math.cos(math.pi * left / falling)


def edge_share(iteration: int, settings: CompleteAlphaSettings) -> float:
    """What λ4 is multiplied with: from 0 up a parabola, then 1.

    In full from the start S(M, G) would win before masks mean anything, since a mask without edges is free.
    """
    rising = settings.edge_ramp * settings.iterations
    return 1.0 if iteration >= rising else (iteration / rising) ** 2
