"""What a run of ``train-generator`` begins with: new networks, or those of a trained one with one level more."""

import logging
from dataclasses import dataclass
from pathlib import Path

import torch

from ... import weights
from ...errors import UserError
from ...networks.discriminator import Discriminator
from ...networks.growing import grown_discriminator, grown_generator
from ...networks.stylegan2 import Generator, GeneratorArchitecture
from ...settings import CompleteGeneratorSettings, TrainGeneratorSettings
from ...weights import native
from ...weights.native import state
from ...weights.source import Source
from ..core.keeping import STATE
from ..core.learner import seeded_weights
from ..core.run import CHECKPOINTS

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trained:
    """A checkpoint to grow from: ``path`` as the user says it, and where its training state lies, if it has one."""

    generator: Generator
    source: Source
    state: Path | None

    @property
    def resolution(self) -> int:
        """Height and width in pixels of the images that it makes."""
        return self.generator.architecture.resolution


@dataclass(frozen=True)
class Start:
    """Networks before the first step; ``averaged`` None: a copy of the generator."""

    generator: Generator
    discriminator: Discriminator
    averaged: Generator | None


def open_trained(path: str) -> Trained:
    """The generator to grow from: of a run (its newest checkpoint's state too), of its parts, or of any checkpoint.

    Raises:
        UserError: there is none.
    """
    found = None if "://" in path else Path(path).expanduser()
    if found and found.is_dir() and not native.is_native(found):
        # A run that is not finished has no final/ to name.
        numbered = sorted((p for p in (found / CHECKPOINTS).glob("*") if p.name.isdigit()), key=lambda p: int(p.name))
        if numbered and not native.is_native(found / weights.FINAL):
            path = str(numbered[-1])
    generator, source = weights.read_generator(path)
    return Trained(generator, source, _state_of(found) if found else None)


def start(settings: CompleteGeneratorSettings, trained: Trained | None) -> Start:
    """The networks of a run; weights that are new follow from the seed alone."""
    with seeded_weights(settings.seed):
        begin = _new(settings) if trained is None else _grown(settings, trained)
    first = 0 if trained is None else len(trained.generator.layers)
    for network in filter(None, (begin.generator, begin.averaged)):
        for layer in network.styled()[first:]:
            torch.nn.init.constant_(layer.noise_strength, settings.noise_strength)
    return begin


def _new(settings: CompleteGeneratorSettings) -> Start:
    architecture = GeneratorArchitecture(
        channels=settings.channels, z_dim=settings.z_dim, w_dim=settings.z_dim,
        mapping_layers=settings.mapping_layers,
    )  # fmt: skip
    return Start(Generator(architecture), _discriminator(settings.channels, settings), None)


def _grown(settings: CompleteGeneratorSettings, trained: Trained) -> Start:
    channels, added = trained.generator.architecture.channels, settings.channels[-1]
    if trained.state is None:
        logger.warning(
            "%s has no training state beside it: its discriminator begins anew; name a run's folder to keep that too",
            trained.source.name,
        )
        return Start(grown_generator(trained.generator, added), _discriminator((*channels, added), settings), None)
    raw, averaged = Generator(trained.generator.architecture), Generator(trained.generator.architecture)
    old = Discriminator(channels=channels, group=settings.minibatch_group)
    with state.opened(trained.state) as (tensors, _):
        for name, network in (("generator", raw), ("averaged", averaged), ("discriminator", old)):
            state.into_module(name, network, tensors)
    grown = grown_generator(raw, added)
    # The same new weights: only then is the average one of them.
    grown_average = grown_generator(averaged, added)
    new = f"layers.{len(raw.layers)}.", f"layers.{len(raw.layers) + 1}.", f"to_rgb.{len(raw.to_rgb)}."
    fresh = {name: tensor for name, tensor in grown.state_dict().items() if name.startswith(new)}
    grown_average.load_state_dict(fresh, strict=False)
    return Start(grown, grown_discriminator(old, added), grown_average)


def _discriminator(channels: tuple[int, ...], settings: CompleteGeneratorSettings) -> Discriminator:
    return Discriminator(channels=channels, group=settings.minibatch_group)


def _state_of(found: Path) -> Path | None:
    """The training state that belongs to a run's folder, its final/, or one of its checkpoints."""
    if (found / STATE).is_file():
        return found / STATE
    for run in (found, found.parent):
        if found in (run, run / weights.FINAL) and (run / CHECKPOINTS).is_dir():
            states = sorted((run / CHECKPOINTS).glob(f"[0-9]*/{STATE}"), key=lambda p: int(p.parent.name))
            if states:
                return states[-1]
    return None


def resolution_of(settings: TrainGeneratorSettings, trained: Trained | None) -> int:
    """Height and width of the images of a run.

    Raises:
        UserError: neither said nor known, or not twice that of the generator to grow from.
    """
    if trained is None:
        if settings.resolution is None:
            raise UserError(
                "resolution", got="none", expected="a power of two, 8, 16, 32, …", remedy="give --resolution",
            )  # fmt: skip
        return settings.resolution
    wanted = 2 * trained.resolution
    if settings.resolution not in (None, wanted):
        raise UserError(
            "resolution", got=settings.resolution,
            expected=f"{wanted}, twice the {trained.resolution} px of {settings.grow_from}",
            remedy="leave it out with --grow-from",
        )  # fmt: skip
    return wanted


def check_channels(settings: CompleteGeneratorSettings, trained: Trained | None) -> CompleteGeneratorSettings:
    """Settings whose channels, codes and mapping are those of the networks that they make.

    Raises:
        UserError: as many channels as resolutions were not given, or others than those of the generator to grow from.
    """
    levels = settings.resolution.bit_length() - 2
    if len(settings.channels) != levels:
        raise UserError(
            "channels", got=f"{len(settings.channels)} numbers",
            expected=f"{levels}, one per resolution 4 … {settings.resolution}", remedy="change --channels",
        )  # fmt: skip
    if trained is None:
        return settings
    a = trained.generator.architecture
    return settings.model_copy(
        update={
            "channels": (*a.channels, settings.channels[-1]),
            "z_dim": a.z_dim,
            "mapping_layers": a.mapping_layers,
        }
    )
