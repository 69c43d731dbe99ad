"""One step of ``train-alpha`` over forward and backward of its networks alone: ``python -m benchmarks.train_alpha``."""

import tempfile
from pathlib import Path

import click
import torch

from benchmarks.timing import medians
from l4f_datagen.photographs.opening import open_source
from l4f_datagen.process.memory import keep_freed_memory
from l4f_datagen.settings import TrainAlphaSettings, load_pipeline, resolve
from l4f_datagen.training.alpha import train as alpha
from l4f_datagen.training.core import losses
from l4f_datagen.training.core.process_group import Processes
from l4f_datagen.training.core.run import RunFolder


class NetworksAlone:
    """The arithmetic that a step cannot do without, on codes and images that are there already."""

    def __init__(self, learner: alpha.AlphaLearner):
        self.learner, s = learner, learner.settings
        architecture = learner.generator.architecture
        self.w = torch.randn(s.batch_size, architecture.w_dim)
        real = torch.randn(s.batch_size, 3, architecture.resolution, architecture.resolution)
        self.real = real.contiguous(memory_format=torch.channels_last)

    def draw(self) -> tuple[torch.Tensor, torch.Tensor]:
        learner = self.learner
        with torch.no_grad():
            # The checkpoint's noise maps, which are there already, as the codes are.
            image, features = learner.generator.synthesize(self.w, "const")
            background = learner.generator.background(self.w, "const")
        mask = learner.alpha(features[-2 * len(learner.alpha.channels) :])
        return mask, torch.lerp(background, image, mask).contiguous(memory_format=torch.channels_last)

    def step(self, *, r1: bool) -> None:
        """Forward and backward of both networks, without optimisers."""
        learner, s = self.learner, self.learner.settings
        learner.discriminator.requires_grad_(True)
        mask, fake = self.draw()
        losses.discriminator_loss(learner.discriminator(self.real), learner.discriminator(fake.detach())).backward()
        if r1:
            images = self.real.detach().requires_grad_(True)
            losses.r1_penalty(learner.discriminator(images), images).backward()
        learner.discriminator.requires_grad_(False)
        if not s.reuse_samples:
            mask, fake = self.draw()
        (losses.adversarial_loss(learner.discriminator(fake)) + losses.binarization(mask)).backward()
        for network in (learner.discriminator, learner.alpha):
            network.zero_grad()


@click.command()
@click.option("--config", default="vessels", show_default=True)
@click.option("--rounds", default=5, show_default=True)
def main(config: str, rounds: int) -> None:
    """Print the ratio over blocks of ``r1_every`` steps, images read and terms logged as in a run."""
    keep_freed_memory()
    settings, _, generator, source = alpha.prepare(
        resolve(TrainAlphaSettings, load_pipeline(config).train_alpha, {"device": "cpu"})
    )
    endless = settings.model_copy(update=dict.fromkeys(("iterations", "checkpoint_every", "sheet_every"), 10**6))
    learner = alpha.AlphaLearner(settings, generator, Processes(device="cpu", precision="float32"), "first_convolution")
    photographs = open_source(settings.images, world_images=settings.world_images)
    images = alpha.real_images(photographs, settings, generator)
    ending = alpha.Ending(settings, source, len(photographs), "first_convolution")
    alone, block = NetworksAlone(learner), settings.r1_every
    with tempfile.TemporaryDirectory() as folder:
        run = RunFolder(Path(folder) / "run")
        run.begin({"stage": "benchmark", "settings": {}, "identity": {}})
        begun = 0

        def training() -> None:
            nonlocal begun
            end = begun + block
            # A block's end is told, not kept: the run goes on.
            alpha.AlphaTraining(endless, run, learner, images, ending).loop(begun, lambda progress: None, end=end)
            begun = end

        def networks() -> None:
            for step in range(block):
                alone.step(r1=step == 0)

        whole, bare = medians([training, networks], rounds=rounds, warm_up=1)
    print(f"training: {1000 * whole / block:.0f} ms a step; networks alone: {1000 * bare / block:.0f} ms")
    print(f"one training step: {whole / bare:.3f} × its networks alone")


if __name__ == "__main__":
    main()
