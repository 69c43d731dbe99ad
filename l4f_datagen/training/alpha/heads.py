"""Several alpha networks that learn side by side from one discriminator, on the same features of a frozen generator."""

import copy
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ...generation.drawing import composite
from ...networks.alpha import AlphaNetwork
from ...networks.discriminator import Discriminator
from ...networks.inference import freeze
from ...networks.modules import Modules
from ...networks.stylegan2 import Generator
from ...networks.synthesis import SwitchedOff
from ...philox import Positions
from ...settings import CompleteAlphaSettings
from ..core import degeneration, losses
from ..core.adversarial import AdversarialLearner
from ..core.learner import adam, early_decay, lay_out, move_average, seeded_weights
from ..core.loop import Count
from ..core.process_group import Processes
from ..core.real_images import RealImages
from .learner import edge_share
from .pool import Window, backgrounds, foregrounds

POOL = 512
"""Samples that are learned from at a time."""
REFRESHED = 4
"""Steps after which a block of the pool makes place for a new one."""
FEWEST = 2
"""Images of a step that each head sees at least: a mask is compared with a neighbour's."""
Behind = Positions | Tensor
"""Positions of backgrounds that the generator draws, or images (N, 3, H, W)."""
_STREAM = "alpha-foreground"
TEACHING_RATE, TEACHING_BETAS, TEACHING_DECAY = 0.005, (0.9, 0.999), 0.98
"""Adam's rate and moments while an alpha network learns cuts, and its running average's decay per step."""


class HeadsLearner(AdversarialLearner):
    """A frozen generator, K alpha networks with their running averages, one discriminator; a student for what they cut.

    ``best`` is the alpha network that the run would end with now.
    """

    def __init__(
        self, settings: CompleteAlphaSettings, generator: Generator, processes: Processes, switched_off: SwitchedOff,
        *, scenes: RealImages | None = None, count: Count = lambda progress: None,
    ):  # fmt: skip
        """``scenes`` are images that are backgrounds; ``count`` is told how many samples are drawn."""
        self.settings = self.penalty = s = settings
        self.generator = freeze(generator, processes.device)
        self.switched_off: SwitchedOff = switched_off
        self.channels = generator.architecture.channels
        self.levels = len(self.channels) - (s.first_resolution.bit_length() - 3)
        self.active = tuple(range(len(s.phi_2_heads)))
        """The heads that learn."""
        made = self._made(processes, attempt=0)
        with seeded_weights(s.seed, "student"):
            self.best, self.student, self.student_averaged = (self._one(processes) for _ in range(3))
        super().__init__(
            processes, batch_size=self.largest_batch, accumulate=s.accumulate,
            networks=made | {"best": self.best, "student": self.student, "student_averaged": self.student_averaged},
            adams={}, graphs=s.graphs,
        )  # fmt: skip
        self._adopt(made)
        self.begin_teaching(0)
        make = foregrounds(self.generator, s, _STREAM, self.levels)
        behind = backgrounds(self.generator, s, _STREAM, switched_off)
        self.pool = Window(make, POOL, self.device, count=count)
        self.scenes = scenes
        self.walls = Window(behind, 0 if scenes else POOL, self.device, count=count)

    @property
    def largest_batch(self) -> int:
        """Images of a step while all heads learn: as many of each, and groups and parts come out even."""
        s = self.settings
        heads, parts = len(s.phi_2_heads), s.accumulate * s.minibatch_group
        each = max(FEWEST, s.batch_size // heads)
        while heads * each % parts:
            each += 1
        return max(heads * each, s.batch_size)

    @property
    def batch(self) -> int:
        """Images of a step now."""
        return self.largest_batch if len(self.active) > 1 else self.settings.batch_size

    def set_rates(self, factor: float) -> None:
        """Set the rates of the heads and of the discriminator to ``factor`` of the settings'."""
        self.set_rate("heads", self.settings.alpha_learning_rate * factor)
        self.set_rate("discriminator", self.settings.discriminator_learning_rate * factor)

    def adopt_settings(self, settings: CompleteAlphaSettings) -> None:
        """Go on with settings that differ in what a step weighs."""
        self.phases.forget()
        self.settings = self.penalty = settings

    def restart(self, settings: CompleteAlphaSettings, attempt: int) -> None:
        """Begin anew, with other weights and with settings that differ in what a step weighs."""
        self.adopt_settings(settings)
        self.active = tuple(range(len(self.settings.phi_2_heads)))
        made = self._made(self.processes, attempt)
        self.networks |= made
        self._adopt(made)

    def keep_head(self, head: int) -> None:
        """From now on one head alone learns."""
        self.phases.forget()
        self.active = (head,)

    def begin_teaching(self, round_: int) -> None:
        """A student with fresh weights, that follow from the seed and the round."""
        with seeded_weights(self.settings.seed, "student", round_):
            fresh = AlphaNetwork(self.best.channels)
        for network in (self.student, self.student_averaged):
            network.load_state_dict(fresh.state_dict())
        self.phases.forget()
        rate, betas = TEACHING_RATE, TEACHING_BETAS
        self.adopt("student", torch.optim.Adam(self.student.parameters(), lr=rate, betas=betas, fused=True))

    def let_go(self) -> None:
        """Free the memory of what only the adversarial steps need."""
        self.pool.forget()
        self.walls.forget()

    def adversarial_step(self, iteration: int, since: int, reals: Tensor) -> dict[str, Tensor]:
        """A step of the discriminator, now and then its penalty, and one of the heads that learn.

        Args:
            since: steps since these heads, or this one, began to learn.
            reals: ``batch`` real images (N, 3, H, W).
        """
        s, parts = self.settings, self.accumulate
        self.pool.slide(iteration // REFRESHED)
        if self.scenes is None:
            self.walls.slide(iteration // REFRESHED)
        reals = reals.to(self.device)
        shared = [reals[part::parts] for part in range(parts)]
        picked = self._picked("alpha" if s.reuse_samples else "discriminator", iteration)
        terms = self.phases.run("discriminator", self._discriminate, shared, *picked)
        if iteration % s.r1_every == 0 and s.r1 > 0:
            terms |= self.r1_step(iteration, shared)
        edges = self.number(s.lambda_4 * edge_share(since, s))
        terms |= self.phases.run("heads", self._learn, *self._picked("alpha", iteration), edges)
        for head in self.active:
            move_average(self.averaged[head], self.heads[head], 1 - early_decay(since, s.ema_decay))
        return terms

    def teaching_step(self, step: int, steps: int, features: Sequence[Tensor], cuts: Tensor) -> dict[str, Tensor]:
        """One step of the student towards cuts (N, 1, H, W) in [0, 1]; the rate falls along half a cosine.

        A pixel weighs as much as its cuts are of one mind: |2p − 1|.
        """
        share = torch.cos(torch.tensor(torch.pi * step / steps)).item() / 2 + 0.5
        self.set_rate("student", TEACHING_RATE * share)
        terms = self.phases.run("teaching", self._teach, list(features), cuts)
        move_average(self.student_averaged, self.student, 1 - early_decay(step, TEACHING_DECAY))
        return terms

    def _teach(self, features: Sequence[Tensor], cuts: Tensor) -> dict[str, Tensor]:
        alpha = self.student(features).clamp(1e-6, 1 - 1e-6)
        loss = F.binary_cross_entropy(alpha, cuts, weight=(2 * cuts - 1).abs())
        self.backward("student", loss)
        self.step("student")
        return {"cuts": loss.detach(), **degeneration.statistics(alpha.detach())._asdict()}

    def _discriminate(
        self, reals: Sequence[Tensor], positions: Sequence[Positions], behind: Sequence[Behind]
    ) -> dict[str, Tensor]:
        self.discriminator.requires_grad_(True)
        total = torch.zeros((), device=self.device)
        for part, real in enumerate(reals):
            with torch.no_grad():
                fake = self._scene(part, positions[part], behind[part])[2]
            loss = losses.discriminator_loss(self.score(real), self.score(fake))
            self.backward("discriminator", loss / len(reals))
            total += loss.detach() / len(reals)
        self.step("discriminator")
        return {"discriminator": total}

    def _learn(self, positions: Sequence[Positions], behind: Sequence[Behind], edges: Tensor) -> dict[str, Tensor]:
        s, parts = self.settings, self.accumulate
        self.discriminator.requires_grad_(False)  # gradients flow through it, not into it
        sums: dict[str, Tensor] = {}
        for part in range(parts):
            foreground, alpha, fake = self._scene(part, positions[part], behind[part])
            terms = {
                "adversarial": losses.adversarial_loss(self.score(fake)),
                "B": losses.binarization(alpha),
                "C": losses.emptiness(alpha, s.phi_1),
                "E": losses.fullness(alpha, self._phis(part)),
            }
            loss = s.adversarial_weight * terms["adversarial"] + s.lambda_1 * terms["B"]
            loss = loss + s.lambda_2 * terms["C"] + s.lambda_3 * terms["E"]
            if s.lambda_4:
                terms["S"] = losses.stray_edges(alpha, foreground, s.edge_scale)
                loss = loss + edges * terms["S"]
            self.backward("heads", loss / parts)
            terms |= degeneration.statistics(alpha.detach())._asdict()
            for name, term in terms.items():
                sums[name] = sums.get(name, 0) + term.detach() / parts
        self.step("heads")
        return sums

    def _picked(self, name: str, iteration: int) -> tuple[list[Positions], Sequence[Behind]]:
        """Positions of foregrounds, and backgrounds or their positions, of each part."""
        s = self.settings
        positions = self.pool.pick(name, iteration, self.batch, s.seed)
        if self.scenes is not None:
            start = (2 * iteration + (name == "alpha")) * self.largest_batch
            images = self.scenes.batch(range(start, start + self.batch), self.device)
            return self._in_parts(positions), [images[part :: self.accumulate] for part in range(self.accumulate)]
        behind = positions if s.share_z else self.walls.pick(f"{name}-background", iteration, self.batch, s.seed)
        return self._in_parts(positions), self._in_parts(behind)

    def _in_parts(self, positions: Sequence[int]) -> list[Positions]:
        parts = [positions[part :: self.accumulate] for part in range(self.accumulate)]
        if not self.phases.records:
            return list(parts)
        # A recorded phase reads them on its device. Where nothing is kept they are a range, which is made there.
        return [
            torch.arange(p.start, p.stop, p.step, device=self.device)
            if isinstance(p, range) else torch.tensor(p, device=self.device)
            for p in parts
        ]  # fmt: skip

    def _scene(self, part: int, positions: Positions, behind: Behind) -> tuple[Tensor, Tensor, Tensor]:
        """Foreground, alpha and composite of one part; the images of the heads stand one after the other."""
        foreground, *features = self.pool.get(positions)
        if self.scenes is None:
            (background,) = self.walls.get(behind)
        else:
            assert isinstance(behind, Tensor), "images are given as they are"
            background = behind
        alphas, start = [], 0
        for head, count in zip(self.active, self._shares(part), strict=True):
            if count:
                alphas.append(self.heads[head]([map_[start : start + count] for map_ in features]))
            start += count
        alpha = torch.cat(alphas)
        return foreground, alpha, composite(alpha, foreground, background)

    def _shares(self, part: int) -> list[int]:
        """How many images of a part are for each of the heads that learn."""
        places = [row * len(self.active) // self.batch for row in range(self.batch)[part :: self.accumulate]]
        return [places.count(place) for place in range(len(self.active))]

    def _phis(self, part: int) -> Tensor:
        """φ2 of the head of each image of a part, (N,)."""
        shares = zip(self.active, self._shares(part), strict=True)
        phis = self.settings.phi_2_heads
        return torch.cat([torch.full((count,), phis[head], device=self.device) for head, count in shares])

    def _one(self, processes: Processes) -> AlphaNetwork:
        return AlphaNetwork(self.channels[-self.levels :]).to(processes.device).requires_grad_(True)

    def _made(self, processes: Processes, attempt: int) -> dict[str, torch.nn.Module]:
        s = self.settings
        widths = [max(1, round(c * s.discriminator_width)) for c in self.channels]
        with seeded_weights(s.seed, index=attempt):
            heads = Modules[AlphaNetwork](self._one(processes) for _ in s.phi_2_heads)
            discriminator = Discriminator(
                channels=widths, group=s.minibatch_group, coarsest=self.generator.architecture.constant
            ).to(processes.device)
        lay_out(discriminator, processes.device)
        averaged = copy.deepcopy(heads).requires_grad_(False)
        return {"heads": heads, "averaged": averaged, "discriminator": discriminator}

    def _adopt(self, made: dict[str, torch.nn.Module]) -> None:
        s = self.settings
        heads, averaged, discriminator = made["heads"], made["averaged"], made["discriminator"]
        assert isinstance(heads, Modules) and isinstance(averaged, Modules) and isinstance(discriminator, Discriminator)
        self.heads: Modules[AlphaNetwork] = heads
        self.averaged: Modules[AlphaNetwork] = averaged
        self.discriminator = discriminator
        self.phases.forget()
        self.adopt("heads", adam(heads, s.alpha_learning_rate, s.beta_1, s.alpha_beta_2))
        rate = s.discriminator_learning_rate
        self.adopt("discriminator", adam(discriminator, rate, s.beta_1, s.discriminator_beta_2))
