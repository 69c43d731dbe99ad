"""The layers of ``train-layered`` and the discriminator, and one step of each (Bielski and Favaro 2019, 3)."""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor

from ... import philox
from ...generation.drawing import composite
from ...networks.discriminator import Discriminator
from ...networks.stylegan2 import Generator, GeneratorArchitecture
from ...settings import CompleteGeneratorSettings, TrainLayeredSettings
from ..core import degeneration, losses
from ..core.adversarial import AdversarialLearner
from ..core.learner import adam, lay_out, move_average, seeded_weights
from ..core.process_group import Processes
from ..generator.learner import ema_decay
from .layers import Layers, shifted, with_contrast

TERMS = (
    "discriminator", "generator", "real_sign", "r1", "B", "C", "E", *degeneration.MaskStatistics._fields
)  # fmt: skip
"""What a step measures: losses before their weights, B, C and E of the masks, and what the masks look like."""
_CENTRE_DRAWS = 4096
"""Codes whose mean is the centre of truncation."""


class LayeredLearner(AdversarialLearner):
    """Foreground, mask and background, their running average, and the discriminator of composites.

    The foreground and its mask are moved by chance against the background, which the layers do not know: composites
    look real wherever they come to lie only where the mask holds an object. The codes of the two are independent, as
    in equation 1 of Labels4Free, so that any foreground goes with any background; in the paper they are one.
    """

    def __init__(self, settings: TrainLayeredSettings, game: CompleteGeneratorSettings, processes: Processes):
        """``game``: as ``TrainLayeredSettings.of_generator`` gives it."""
        self.settings, self.game, self.penalty = settings, game, game
        with seeded_weights(settings.seed):
            self.layers = make_layers(settings, game).to(processes.device)
            self.discriminator = Discriminator(channels=game.channels, group=game.minibatch_group).to(processes.device)
        for network in (self.layers, self.discriminator):
            lay_out(network, processes.device)
        self.averaged = copy.deepcopy(self.layers).eval().requires_grad_(False)
        # A step with a penalty every k steps counts as k/(k+1) of one (lazy regularisation).
        lazy = game.r1_every / (game.r1_every + 1) if game.r1 else 1.0
        super().__init__(
            processes,
            batch_size=game.batch_size,
            accumulate=game.accumulate,
            networks={"layers": self.layers, "averaged": self.averaged, "discriminator": self.discriminator},
            adams={
                "layers": adam(self.layers, game.learning_rate, 0.0, game.beta_2),
                "discriminator": adam(self.discriminator, lazy * game.learning_rate, 0.0, game.beta_2**lazy),
            },
        )
        self._drawn: list[tuple[Tensor, Tensor]] = []

    def discriminator_step(self, iteration: int, reals: Sequence[Tensor]) -> dict[str, Tensor]:
        """One Adam step of the discriminator: composites against real images (N, 3, H, W) of every part.

        The layers then learn from the very composites.
        """
        self.discriminator.requires_grad_(True)
        self._drawn = [self.draw(self.positions(iteration, part)) for part in range(len(reals))]
        sums: dict[str, Tensor] = {}
        for real, (image, _) in zip(reals, self._drawn, strict=True):
            scores = self.score(real)
            loss = losses.discriminator_loss(scores, self.score(image.detach()))
            self.backward("discriminator", loss / len(reals))
            for name, term in (("discriminator", loss), ("real_sign", scores.sign().mean())):
                sums[name] = sums.get(name, 0) + term.detach() / len(reals)
        self.step("discriminator")
        return sums

    def layers_step(self, iteration: int) -> dict[str, Tensor]:
        """One Adam step of the layers after the discriminator's: the adversarial loss, B, C and E."""
        s = self.settings
        self.discriminator.requires_grad_(False)  # gradients flow through it, not into it
        decided = min(1.0, iteration / (s.decided_after * s.iterations)) if s.decided_after else 1.0
        sums: dict[str, Tensor] = {}
        for image, alpha in self._drawn:
            terms = {
                "generator": losses.adversarial_loss(self.score(image)),
                "B": losses.binarization(alpha),
                "C": losses.emptiness(alpha, s.phi_1),
                "E": losses.fullness(alpha, s.phi_2),
            }
            loss = terms["generator"] + decided * s.lambda_1 * terms["B"]
            loss = loss + s.lambda_2 * terms["C"] + s.lambda_3 * terms["E"]
            self.backward("layers", loss / self.accumulate)
            terms |= degeneration.statistics(alpha.detach())._asdict()
            for name, term in terms.items():
                sums[name] = sums.get(name, 0) + term.detach() / self.accumulate
        self._drawn = []
        self.step("layers")
        return sums

    def average_weights(self, iteration: int) -> None:
        """Move the running average towards the weights."""
        move_average(self.averaged, self.layers, 1 - ema_decay(iteration, self.game))

    def draw(self, positions: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Perturbed composites (N, 3, H, W) of fresh codes and noise, and alphas (N, 1, H, W) before their shift."""
        s, layers = self.settings, self.layers
        foreground, background = layers.foreground, layers.background
        sizes = foreground.architecture.noise_sizes
        z_dim, pixels = foreground.architecture.z_dim, [height * width for height, width in sizes]
        parts = [z_dim, z_dim, 3, *pixels, *pixels]
        z, other_z, chance, *noise = philox.normal(sum(parts), s.seed, "layered", positions, self.device).split(
            parts, 1
        )
        maps = [flat.unflatten(1, size) for flat, size in zip(noise, [*sizes, *sizes], strict=True)]
        with self.processes.autocast():
            image, features = foreground.synthesize(foreground.map(z), maps[: len(sizes)])
            behind = background.synthesize(background.map(other_z), maps[len(sizes) :]).image
            alpha = layers.alpha(features)
        # From −1 to 1, evenly.
        chance = 2 * torch.special.ndtr(chance.double()) - 1
        reach = s.shift * s.resolution
        shifts = [(round(down), round(right)) for down, right in (reach * chance[:, :2]).tolist()]
        moved, moved_alpha = shifted(torch.cat([image, alpha.to(image)], 1), shifts).split([3, 1], 1)
        behind = with_contrast(behind, 1 + s.contrast * chance[:, 2].to(behind))
        return composite(moved_alpha, moved, behind), alpha

    @torch.no_grad()
    def centre(self) -> Layers:
        """The averaged layers, the ``w_avg`` of each the mean of w over 4096 codes: what is shown and kept."""
        for name, network in (("foreground", self.averaged.foreground), ("background", self.averaged.background)):
            z_dim = network.architecture.z_dim
            z = philox.normal(z_dim, self.settings.seed, f"centre-{name}", range(_CENTRE_DRAWS), self.device)
            network.w_avg.copy_(network.map(z).mean(0))
        return self.averaged


def make_layers(settings: TrainLayeredSettings, game: CompleteGeneratorSettings) -> Layers:
    """The networks that the settings describe, with random weights."""
    foreground, background = (
        Generator(
            GeneratorArchitecture(
                channels=tuple(max(1, round(c * share)) for c in game.channels), z_dim=game.z_dim, w_dim=game.z_dim,
                mapping_layers=game.mapping_layers,
            )
        )
        for share in (1.0, settings.background_share)
    )  # fmt: skip
    return Layers(foreground, background)
