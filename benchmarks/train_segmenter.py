"""One step of ``train-segmenter`` over forward and backward alone: ``python -m benchmarks.train_segmenter``."""

import tempfile
from pathlib import Path

import click
import torch

from benchmarks.timing import medians
from l4f_datagen.making.render import render
from l4f_datagen.process.memory import keep_freed_memory
from l4f_datagen.settings import RenderSettings, TrainSegmenterSettings
from l4f_datagen.training.core.process_group import Processes
from l4f_datagen.training.core.run import RunFolder
from l4f_datagen.training.segmenter.batches import LabelledBatches
from l4f_datagen.training.segmenter.learner import SegmenterLearner, segmentation_loss
from l4f_datagen.training.segmenter.train import SegmenterTraining

BLOCK = 10


@click.command()
@click.option("--arch", type=click.Choice(["unet", "bisenet"]), default="unet", show_default=True)
@click.option("--width", default=16, show_default=True)
@click.option("--size", default=64, show_default=True, help="height and width of the images")
@click.option("--batch-size", default=32, show_default=True)
@click.option("--memory", default=2.0, show_default=True, help="GiB of decoded images; 0 decodes every one again")
@click.option("--device", default="auto", show_default=True)
@click.option("--rounds", default=5, show_default=True)
def main(arch: str, width: int, size: int, batch_size: int, memory: float, device: str, rounds: int) -> None:
    """Print the ratio over blocks of steps, images read and augmented and terms logged as in a run."""
    keep_freed_memory()
    with tempfile.TemporaryDirectory() as temporary:
        shards = Path(temporary) / "shards"
        render(RenderSettings(n=20 * batch_size, size=size), shards)
        settings = TrainSegmenterSettings(
            shards=(str(shards),), validation="0", arch=arch, width=width, batch_size=batch_size, memory=memory,
            device=device, validate_every=10**6, sheet_every=10**6, checkpoint_every=10**6,
        )  # fmt: skip
        processes = Processes(device=device, precision=settings.precision)
        batches = LabelledBatches(settings)
        learner = SegmenterLearner(settings, batches.size, processes)
        folder = RunFolder(Path(temporary) / "run")
        folder.begin({"stage": "benchmark", "settings": {}, "identity": {}})
        begun = 0

        def training() -> None:
            nonlocal begun
            # The last step of a block is told, not measured or kept: the run goes on.
            SegmenterTraining(settings, folder, learner, batches).loop(begun, lambda progress: None, end=begun + BLOCK)
            begun += BLOCK

        batch = batches.batch(range(batch_size)).to(learner.device)

        def network() -> None:
            for _ in range(BLOCK):
                heads = learner.network.heads(batch.images)
                sum(segmentation_loss(head, batch, settings) for head in heads).backward()
                learner.network.zero_grad(set_to_none=True)
            if learner.device.type == "cuda":
                torch.cuda.synchronize()

        whole, bare = medians([training, network], rounds=rounds, warm_up=2)
    print(f"{arch}: {1000 * whole / BLOCK:.0f} ms a step; its network alone: {1000 * bare / BLOCK:.0f} ms")
    print(f"one training step: {whole / bare:.3f} × its network alone")


if __name__ == "__main__":
    main()
