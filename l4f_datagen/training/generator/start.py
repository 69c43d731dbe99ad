"""What a run of ``train-generator`` begins with: new networks, those of a trained one, or these and one level more."""

import copy
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
from ...weights.assembly.discriminators import build_discriminator
from ...weights.generators.going_on import Begun, read_begun
from ...weights.native import state
from ...weights.source import Source, file_sha256
from ..core.keeping import STATE
from ..core.learner import seeded_weights
from ..core.run import CHECKPOINTS

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trained:
    """A checkpoint to grow or to go on from, and where the state of its training lies, if it is a run's."""

    begun: Begun
    state: Path | None

    @property
    def generator(self) -> Generator:
        """The averaged one."""
        return self.begun.generator

    @property
    def source(self) -> Source:
        """Where it came from."""
        return self.begun.source

    def identity(self) -> str:
        """What tells it from others: the hashes of its generator and, if it has one, of its state."""
        return self.source.sha256 + (f"+{file_sha256(self.state)}" if self.state else "")

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


def trained_of(settings: TrainGeneratorSettings) -> Trained | None:
    """The checkpoint to grow or to go on from; None: the run begins with new networks.

    Raises:
        UserError: both are asked for, or there is none.
    """
    if settings.grow_from is not None and settings.from_ is not None:
        raise UserError(
            "from", got=f"{settings.from_} beside grow_from {settings.grow_from}", expected="one of them",
            remedy="leave one out: --grow-from doubles the resolution, --from keeps it",
        )  # fmt: skip
    path = settings.grow_from or settings.from_
    return open_trained(path) if path is not None else None


def identity(settings: TrainGeneratorSettings, trained: Trained | None) -> dict[str, str | None]:
    """What tells runs from different checkpoints apart, by setting."""
    return {
        "grow_from": trained.source.sha256 if trained and settings.grow_from else None,
        "from": trained.identity() if trained and settings.from_ else None,
    }


def open_trained(path: str) -> Trained:
    """The generator to grow or to go on from: of a run with its newest state, of its parts, or of any checkpoint.

    Raises:
        UserError: there is none.
    """
    found = None if "://" in path else Path(path).expanduser()
    if found and found.is_dir() and not native.is_native(found):
        # A run that is not finished has no final/ to name.
        numbered = sorted((p for p in (found / CHECKPOINTS).glob("*") if p.name.isdigit()), key=lambda p: int(p.name))
        if numbered and not native.is_native(found / weights.FINAL):
            path = str(numbered[-1])
    return Trained(read_begun(path), _state_of(found) if found else None)


def start(settings: CompleteGeneratorSettings, trained: Trained | None) -> Start:
    """The networks of a run; weights that are new follow from the seed alone."""
    grows = settings.grow_from is not None
    with seeded_weights(settings.seed):
        begin = _new(settings) if trained is None else _grown(settings, trained) if grows else _on(settings, trained)
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
    raw, averaged, old = _of_state(trained.generator, trained.state)
    old.group = settings.minibatch_group
    grown = grown_generator(raw, added)
    # The same new weights: only then is the average one of them.
    grown_average = grown_generator(averaged, added)
    new = f"layers.{len(raw.layers)}.", f"layers.{len(raw.layers) + 1}.", f"to_rgb.{len(raw.to_rgb)}."
    fresh = {name: tensor for name, tensor in grown.state_dict().items() if name.startswith(new)}
    grown_average.load_state_dict(fresh, strict=False)
    return Start(grown, grown_discriminator(old, added), grown_average)


def _on(settings: CompleteGeneratorSettings, trained: Trained) -> Start:
    """The networks of a checkpoint as they are; a discriminator that it lacks begins anew, which is said."""
    if trained.state is not None:
        generator, averaged, discriminator = _of_state(trained.generator, trained.state)
    else:
        beside = trained.begun.beside
        generator, averaged, discriminator = beside.raw or trained.generator, trained.generator, beside.discriminator
        for note in beside.notes:
            logger.warning("%s: %s", trained.source.name, note)
    if discriminator is None:
        logger.warning("%s has no discriminator that can be used: it begins anew", trained.source.name)
        discriminator = _discriminator(settings.channels, settings)
    # Copied: what is read may lie in the file's own memory, and a training writes.
    generator, discriminator = copy.deepcopy(generator), copy.deepcopy(discriminator)
    discriminator.group = settings.minibatch_group
    return Start(generator, discriminator, averaged)


def _of_state(like: Generator, path: Path) -> tuple[Generator, Generator, Discriminator]:
    """The raw generator, the averaged one and the discriminator of a training's state.

    Args:
        like: the generator that the training made, of the architecture of both.
    """
    raw, averaged = Generator(like.architecture), Generator(like.architecture)
    with state.opened(path) as (tensors, _):
        for name, network in (("generator", raw), ("averaged", averaged)):
            state.into_module(name, network, tensors)
        # Of channels of its own: it may have come from elsewhere with the generator.
        return raw, averaged, build_discriminator(state.below("discriminator", tensors))


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
        UserError: neither said nor known, not that of the generator to go on from, or not twice that of the one to grow
            from.
    """
    if trained is None:
        if settings.resolution is None:
            raise UserError(
                "resolution", got="none", expected="a power of two, 8, 16, 32, …", remedy="give --resolution",
            )  # fmt: skip
        return settings.resolution
    if settings.from_ is not None:
        _check_given(settings, trained.generator.architecture)
        return trained.resolution
    wanted = 2 * trained.resolution
    if settings.resolution not in (None, wanted):
        raise UserError(
            "resolution", got=settings.resolution,
            expected=f"{wanted}, twice the {trained.resolution} px of {settings.grow_from}",
            remedy="leave it out with --grow-from",
        )  # fmt: skip
    return wanted


def _check_given(settings: TrainGeneratorSettings, there: GeneratorArchitecture) -> None:
    """Refuse settings that contradict the generator to go on from: weights have the shapes that they have."""
    of_checkpoint = {
        "resolution": there.resolution, "channels": there.channels, "z_dim": there.z_dim,
        "mapping_layers": there.mapping_layers,
    }  # fmt: skip
    for name, found in of_checkpoint.items():
        given = getattr(settings, name)
        if given not in (None, found):
            more = ", or --grow-from for twice the resolution" if given == 2 * there.resolution else ""
            raise UserError(
                name, got=_told(given), expected=f"{_told(found)}, as {settings.from_} has",
                remedy=f"leave it out with --from{more}",
            )  # fmt: skip


def _told(value: int | tuple[int, ...]) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


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
            "channels": a.channels if settings.from_ is not None else (*a.channels, settings.channels[-1]),
            "z_dim": a.z_dim,
            "mapping_layers": a.mapping_layers,
        }
    )
