"""One step of ``train-generator`` over its networks alone: ``python -m benchmarks.train_generator``."""

import tempfile
from pathlib import Path

import click
import torch

from benchmarks.timing import medians
from l4f_datagen.process.memory import keep_freed_memory
from l4f_datagen.settings import TrainGeneratorSettings
from l4f_datagen.training.core import losses
from l4f_datagen.training.core.learner import laid_out
from l4f_datagen.training.core.process_group import Processes
from l4f_datagen.training.core.run import RunFolder
from l4f_datagen.training.generator import start as generator_start
from l4f_datagen.training.generator import train as generator
from l4f_datagen.training.generator.learner import GeneratorLearner


class NetworksAlone:
    """The arithmetic that a step cannot do without, on codes and images that are there already."""

    def __init__(self, learner: GeneratorLearner):
        self.learner, s = learner, learner.settings
        architecture, count = learner.generator.architecture, s.batch_size // s.accumulate
        self.z = torch.randn(count, architecture.z_dim, device=learner.device)
        shape = (count, 3, architecture.resolution, architecture.resolution)
        self.real = laid_out(torch.randn(shape, device=learner.device))
        self.autocast = learner.processes.autocast

    def draw(self, count: int, *, full_precision: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
        """Images and their w+; no noise is drawn."""
        network = self.learner.generator
        w = network.map(self.z[:count])[:, None].expand(-1, network.architecture.num_ws, -1)
        with torch.autocast(self.learner.device.type, enabled=False) if full_precision else self.autocast():
            return network.synthesize(w, "const").image, w

    def score(self, images: torch.Tensor) -> torch.Tensor:
        """The discriminator's scores in float32."""
        with self.autocast():
            return self.learner.discriminator(laid_out(images)).float()

    def step(self, iteration: int) -> None:
        """Forward and backward of both networks, and the penalties that are due, without optimisers."""
        learner, s = self.learner, self.learner.settings
        count = len(self.real)
        for _ in range(s.accumulate):
            learner.discriminator.requires_grad_(True)
            with torch.no_grad():
                fake = self.draw(count)[0]
            losses.discriminator_loss(self.score(self.real), self.score(fake)).backward()
            if s.r1 > 0 and iteration % s.r1_every == 0:
                images = self.real.detach().requires_grad_(True)
                losses.r1_penalty(learner.discriminator(images), images).backward()
            learner.discriminator.requires_grad_(False)
            losses.adversarial_loss(self.score(self.draw(count)[0])).backward()
            if s.path_length > 0 and iteration % s.path_length_every == 0:
                image, w = self.draw(max(1, round(s.path_length_share * count)), full_precision=True)
                lengths = losses.path_lengths(image, w, torch.randn_like(image))
                losses.path_length_penalty(lengths, learner.target_length).backward()
        for network in (learner.discriminator, learner.generator):
            network.zero_grad(set_to_none=True)


@click.command()
@click.option("--resolution", default=64, show_default=True)
@click.option("--preset", type=click.Choice(["small", "full"]), help="as in train-generator")
@click.option("--batch-size", type=int, help="default: the preset's")
@click.option("--augment-p", default=0.0, show_default=True, help="probability of augmentation, fixed")
@click.option("--precision", default="float32", show_default=True)
@click.option("--device", default="auto", show_default=True)
@click.option("--rounds", default=3, show_default=True)
def main(
    resolution: int,
    preset: str | None,
    batch_size: int | None,
    augment_p: float,
    precision: str,
    device: str,
    rounds: int,
) -> None:
    """Print the ratio over blocks of ``r1_every`` steps, images read and terms logged as in a run."""
    keep_freed_memory()
    with tempfile.TemporaryDirectory() as folder:
        settings = TrainGeneratorSettings(
            images="world:vessels", world_images=1000, mirror=True, resolution=resolution, preset=preset,
            batch_size=batch_size, augment="fixed", augment_p=augment_p, precision=precision, device=device,
            sheet_every=10**6, checkpoint_every=10**6,
        )  # fmt: skip
        settings, _, images = generator.prepare(settings)
        start = generator_start.start(settings, None)
        processes = Processes(device=device, precision=precision)
        learner = GeneratorLearner(settings, start.generator, start.discriminator, processes)
        alone, block = NetworksAlone(learner), settings.r1_every
        run = RunFolder(Path(folder) / "run")
        run.begin({"stage": "benchmark", "settings": {}, "identity": {}})
        begun = 0

        def training() -> None:
            nonlocal begun
            # A block's end is told, not kept: the run goes on.
            part = generator.GeneratorTraining(settings, run, learner, images)
            part.loop(begun, lambda progress: None, end=begun + block)
            begun += block

        def networks() -> None:
            for step in range(block):
                alone.step(step)
            if learner.device.type == "cuda":
                torch.cuda.synchronize()

        whole, bare = medians([training, networks], rounds=rounds, warm_up=1)
    print(f"training: {1000 * whole / block:.0f} ms a step; networks alone: {1000 * bare / block:.0f} ms")
    print(f"one training step: {whole / bare:.3f} × its networks alone")
    print(f"{settings.batch_size * block / whole:.1f} images/s")


if __name__ == "__main__":
    main()
