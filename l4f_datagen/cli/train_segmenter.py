"""``l4f-datagen train-segmenter``."""

import click

from ..settings import TrainSegmenterSettings, load_pipeline, resolve
from .options import config_option, settings_options
from .output import print_json, result


@click.command("train-segmenter", short_help="Train a segmenter on labelled shards.")
@click.option("--out", required=True, metavar="FOLDER", help="run folder; one that was begun is continued")
@config_option
@settings_options(TrainSegmenterSettings)
@click.option("--onnx", is_flag=True, help="also write FOLDER/final/segmenter.onnx, checked with onnxruntime")
@click.option("--tensorboard", is_flag=True, help="also write the terms for TensorBoard, into FOLDER/tensorboard")
@click.option("--overwrite", is_flag=True, help="replace a run that was made with other settings")
@click.option("--dry-run", is_flag=True, help="print the resolved settings and stop")
def command(
    out: str, config: str | None, onnx: bool, tensorboard: bool, overwrite: bool, dry_run: bool, **flags: object
) -> None:
    """Train a UNet or a BiSeNet on the masks of shards, ours or labelled by hand.

    --shards may be given several times, each with a weight: ``--shards generated/ --shards real/:0.5``.
    FOLDER is what ``segment --segmenter`` takes. Interrupt it when you like: the same command continues.
    Start it with ``accelerate launch`` or ``torchrun`` for several processes.
    """
    section = load_pipeline(config).train_segmenter if config else {}
    settings = resolve(TrainSegmenterSettings, section, flags)
    if dry_run:
        print_json(settings.model_dump(mode="json") | {"out": out})
        return
    train(settings, out, onnx=onnx, tensorboard=tensorboard, overwrite=overwrite)


def train(
    settings: TrainSegmenterSettings,
    out: str,
    *,
    onnx: bool = False,
    tensorboard: bool = False,
    overwrite: bool = False,
) -> int:
    """Train with progress and a closing line. Returns the iterations of this call."""
    # Imported here: torch takes seconds, and a wrong flag is told at once.
    from ..progress.training import TrainingReporter, tell_segmenter
    from ..training.segmenter.train import train_segmenter

    if onnx:
        from ..weights.onnx.writing import check_extra

        check_extra()
    with TrainingReporter(tell_segmenter, out if tensorboard else None) as reporter:
        trained = train_segmenter(settings, out, overwrite=overwrite, report=reporter)
        seconds = reporter.seconds
    if reporter.is_first:
        quality = f"; mIoU {trained.quality['miou']:.4f}" if trained.quality else ""
        made = f"{settings.iterations} iterations, {trained.made} now in {seconds:.1f} s"
        lines = [f"{trained.final}: {made}{quality}"]
        values = {"final": str(trained.final), "iterations": settings.iterations, "made": trained.made}
        values |= {"seconds": round(seconds, 3), "quality": trained.quality}
        if onnx:
            from ..weights.conversion.convert import convert

            done = convert(trained.final, trained.final / "segmenter.onnx", target="onnx", overwrite=True)
            lines.append(f"{done.out}: largest difference {done.largest_difference:.1e}")
            values["onnx"] = done.out
        result("\n".join(lines), values)
    return trained.made
