"""The generator and the discriminator of ``train-generator``, and one step of each (StyleGAN2, StyleGAN2-ADA)."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ... import philox
from ...devices import in_float64
from ...networks.discriminator import Discriminator
from ...networks.stylegan2 import Generator
from ...seeding import normal
from ...settings import CompleteGeneratorSettings
from ...weights.native import state
from ..core import losses
from ..core.adversarial import AdversarialLearner
from ..core.learner import adam, lay_out, move_average
from ..core.process_group import Processes
from . import ada

TERMS = ("discriminator", "generator", "real_sign", "fake_sign", "r1", "path_length", "ada_p")
"""What a step measures: losses, mean signs of the scores, penalties before their weights, augmentation."""
_CENTRE_DRAWS = 4096
"""Codes whose mean is the centre of truncation."""


class GeneratorLearner(AdversarialLearner):
    """Generator, its running average and discriminator, with their optimisers and the augmentation's probability.

    A step with a penalty every k steps counts as k/(k+1) of one in Adam's rate and betas (lazy regularisation).
    """

    def __init__(
        self,
        settings: CompleteGeneratorSettings,
        generator: Generator,
        discriminator: Discriminator,
        processes: Processes,
        *,
        averaged: Generator | None = None,
    ):
        self.settings = self.penalty = s = settings
        self.generator = generator.to(processes.device).requires_grad_(True)
        if s.noise == "frozen":
            # Left to learn they vanish, and with them all that a background can show (Labels4Free, 3.2).
            for layer in self.generator.styled():
                layer.noise_strength.requires_grad_(False)
        self.discriminator = discriminator.to(processes.device).requires_grad_(True)
        for network in (self.generator, self.discriminator):
            lay_out(network, processes.device)
        self.averaged = copy.deepcopy(self.generator if averaged is None else averaged).to(processes.device)
        self.averaged.eval().requires_grad_(False)
        lazy = {
            "generator": s.path_length_every / (s.path_length_every + 1) if s.path_length else 1.0,
            "discriminator": s.r1_every / (s.r1_every + 1) if s.r1 else 1.0,
        }
        networks = {"generator": self.generator, "discriminator": self.discriminator}
        super().__init__(
            processes,
            batch_size=s.batch_size,
            accumulate=s.accumulate,
            networks={**networks, "averaged": self.averaged},
            adams={name: adam(networks[name], s.learning_rate * c, 0.0, s.beta_2**c) for name, c in lazy.items()},
            graphs=s.graphs,
        )
        self.target_length = torch.zeros((), device=self.device)
        self.p = 0.0 if s.augment == "off" else s.augment_p
        self._signs: list[Tensor] = []

    def discriminator_step(self, iteration: int, reals: Sequence[Tensor]) -> dict[str, Tensor]:
        """One Adam step of the discriminator: drawn images against real ones (N, 3, H, W) of every part."""
        changes = self.changes(iteration, "real"), self.changes(iteration, "fake")
        terms = self.phases.run("discriminator", self._discriminate, self.number(iteration), list(reals), *changes)
        self._signs.append(terms["real_sign"])
        return terms | {"ada_p": torch.full((), self.p, device=self.device)}

    def generator_step(self, iteration: int) -> dict[str, Tensor]:
        """One Adam step of the generator: the non-saturating loss."""
        changes = self.changes(iteration, "generator")
        return self.phases.run("generator", self._generate, self.number(iteration), changes)

    def path_length_step(self, iteration: int) -> dict[str, Tensor]:
        """One Adam step of the generator down the path-length penalty, of a share of the batch; in float32.

        The target is the running mean of the steps before this one, so that it is the same in every part and process.
        """
        return self.phases.run("path lengths", self._lengthen, self.number(iteration))

    def _discriminate(
        self, iteration: Tensor, reals: Sequence[Tensor], of_reals: Sequence[Any], of_fakes: Sequence[Any]
    ) -> dict[str, Tensor]:
        self.discriminator.requires_grad_(True)
        sums: dict[str, Tensor] = {}
        for part, real in enumerate(reals):
            with torch.no_grad():
                fake = self.draw(self.positions_at(iteration, part), "discriminator")[0]
                real_seen, fake_seen = self.seen(real, of_reals[part]), self.seen(fake, of_fakes[part])
            real_scores, fake_scores = self.score(real_seen), self.score(fake_seen)
            loss = losses.discriminator_loss(real_scores, fake_scores)
            self.backward("discriminator", loss / len(reals))
            terms = {
                "discriminator": loss,
                "real_sign": real_scores.sign().mean(),
                "fake_sign": fake_scores.sign().mean(),
            }
            for name, term in terms.items():
                sums[name] = sums.get(name, 0) + term.detach() / len(reals)
        self.step("discriminator")
        return sums

    def _generate(self, iteration: Tensor, changes: Sequence[Any]) -> dict[str, Tensor]:
        self.discriminator.requires_grad_(False)  # gradients flow through it, not into it
        total = torch.zeros((), device=self.device)
        for part, change in enumerate(changes):
            image, _ = self.draw(self.positions_at(iteration, part), "generator")
            loss = losses.adversarial_loss(self.score(self.seen(image, change)))
            self.backward("generator", loss / self.accumulate)
            total += loss.detach() / self.accumulate
        self.step("generator")
        return {"generator": total}

    def _lengthen(self, iteration: Tensor) -> dict[str, Tensor]:
        s = self.settings
        total, mean = (torch.zeros((), device=self.device) for _ in range(2))
        for part in range(self.accumulate):
            positions = self.positions_at(iteration, part)
            positions = positions[: max(1, round(s.path_length_share * len(positions)))]
            image, codes = self.draw(positions, "path", full_precision=True)
            noise = philox.normal(image[0].numel(), s.seed, "path-direction", positions, self.device).view_as(image)
            lengths = losses.path_lengths(image, codes, noise)
            penalty = losses.path_length_penalty(lengths, self.target_length)
            self.backward("generator", s.path_length * s.path_length_every * penalty / self.accumulate)
            total += penalty.detach() / self.accumulate
            mean += lengths.detach().mean() / self.accumulate
        self.step("generator")
        self.target_length.lerp_(self.processes.mean(mean), s.path_length_decay)
        return {"path_length": total}

    def average_weights(self, iteration: int) -> None:
        """Move the running average towards the weights."""
        move_average(self.averaged, self.generator, 1 - ema_decay(iteration, self.settings))

    def adjust_augmentation(self, iteration: int) -> None:
        """Steer p by the signs of the real scores since the last time; every ``ada_every`` steps."""
        s = self.settings
        if s.augment != "ada" or (iteration + 1) % s.ada_every:
            return
        mean = float(self.processes.mean(torch.stack(self._signs).mean()))
        images = len(self._signs) * s.batch_size
        self.p = ada.adjusted(self.p, mean, target=s.ada_target, images=images, kimg=s.ada_kimg)
        self._signs = []

    @torch.no_grad()
    def centre(self) -> Generator:
        """The averaged generator, its ``w_avg`` the mean of w over 4096 codes: what is shown, kept and measured."""
        z = normal((self.averaged.architecture.z_dim,), self.settings.seed, "centre", range(_CENTRE_DRAWS))
        self.averaged.w_avg.copy_(self.averaged.map(z.to(self.device)).mean(0))
        return self.averaged

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All that the next step depends on."""
        tensors, numbers = super().state()
        tensors["target_length"] = self.target_length
        if self._signs:
            tensors["signs"] = self.processes.mean(torch.stack(self._signs))
        return tensors, numbers | {"p": self.p}

    def restore(self, tensors: Mapping[str, Tensor], numbers: Mapping[str, Any]) -> None:
        """The reverse of ``state``."""
        super().restore(tensors, numbers)
        self.target_length.copy_(tensors["target_length"])
        self.p = state.number(numbers, "p")
        self._signs = list(tensors["signs"].to(self.device)) if "signs" in tensors else []

    def draw(self, positions: philox.Positions, stream: str, *, full_precision: bool = False) -> tuple[Tensor, Tensor]:
        """Images (N, 3, H, W) of fresh codes and noise, and their w+ (N, num_ws, w_dim)."""
        s, a = self.settings, self.generator.architecture
        sizes = [] if s.noise == "none" else a.noise_sizes
        # All that a sample needs in one draw: two codes, two numbers for their mixing, the noise of every layer.
        parts = [a.z_dim, a.z_dim, 2, *(height * width for height, width in sizes)]
        numbers = philox.normal(sum(parts), s.seed, stream, positions, self.device)
        first, second, mixing, *noise = numbers.split(parts, 1)
        first, second = self.generator.map(torch.cat([first, second])).unsqueeze(1).chunk(2)
        cut = crossovers(torch.special.ndtr(in_float64(mixing)), s.style_mixing, a.num_ws).to(self.device)
        w = torch.where((torch.arange(a.num_ws, device=self.device) < cut[:, None])[..., None], first, second)
        maps = [flat.unflatten(1, size) for flat, size in zip(noise, sizes, strict=True)]
        with torch.autocast(self.device.type, enabled=False) if full_precision else self.processes.autocast():
            return self.generator.synthesize(w, maps or "none").image, w

    def changes(self, iteration: int, stream: str) -> list[Any]:
        """The augmentation of each part's images; None where there is none."""
        if self.p == 0:
            return [None] * self.accumulate
        size, found = self.generator.architecture.resolution, []
        for part in range(self.accumulate):
            draws = ada.draw(self.settings.seed, f"augment-{stream}", self.positions(iteration, part))
            found.append(ada.changes(self.p, draws, size))
        return [one.to(self.device) for one in found] if self.phases.records else found

    def seen(self, images: Tensor, changes: ada.Changes | None) -> Tensor:
        """Images as the discriminator sees them: augmented."""
        if changes is None:
            return images
        return ada.changed_alike(images, changes) if self.phases.records else ada.changed(images, changes)


def ema_decay(iteration: int, settings: CompleteGeneratorSettings) -> float:
    """Decay of one step: half in ``ema_kimg``, at first in ``ema_ramp`` of the images seen so far."""
    half_life = 1000 * settings.ema_kimg
    if settings.ema_ramp:
        half_life = min(half_life, iteration * settings.batch_size * settings.ema_ramp)
    return 0.5 ** (settings.batch_size / half_life) if half_life else 0.0


def crossovers(mixing: Tensor, share: float, num_ws: int) -> Tensor:
    """From which code on a sample takes its second w: (N,), ``num_ws`` for samples that do not mix.

    By chance ``share`` of the samples mix, at 1 … num_ws − 1, all alike; each sample by itself, not a batch as one.

    Args:
        mixing: two uniform numbers in (0, 1) for each sample, (N, 2): whether, and where.
    """
    chance, place = mixing.unbind(1)
    return torch.where(chance < share, 1 + (place * (num_ws - 1)).long().clamp_(max=num_ws - 2), num_ws)
