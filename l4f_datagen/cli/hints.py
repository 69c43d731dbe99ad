"""Words of other StyleGAN programs, for people who come from them: what the same thing is called here."""

import click

_COMMANDS = {
    "train": "Here it is train-generator, train-alpha or train-segmenter.",
    "gen_images": "Here it is generate.",
    "gen-images": "Here it is generate.",
    "style_mixing": "There is none; see generate and preview.",
    "dataset_tool": "Folders, tars and zips of dataset_tool are read as they are, with --images.",
    "calc_metrics": "Here it is evaluate; evaluate frechet measures distances of images.",
    "projector": "Projection is not there yet.",
    "export_weights": "Here it is convert.",
    "show": "Here it is preview for data sets and inspect for checkpoints.",
    "predict": "Here it is segment.",
}
_OPTIONS = {
    "--network": "--generator",
    "--pkl": "--generator",
    "--ckpt": "--generator",
    "--checkpoint": "--generator",
    "--model": "--generator",
    "--g": "--generator",
    "--trunc": "--psi",
    "--truncation": "--psi",
    "--truncation-psi": "--psi",
    "--truncation_psi": "--psi",
    "--outdir": "--out",
    "--output": "--out",
    "--out-dir": "--out",
    "--out_dir": "--out",
    "--pics": "--n",
    "--num": "--n",
    "--sample": "--n",
    "--samples": "--n",
    "--count": "--n",
    "--noise-mode": "--noise",
    "--data": "--images",
    "--dataset": "--images",
    "--path": "--images",
    "--bg_extractor": "--alpha",
    "--bg-extractor": "--alpha",
    "--th": "--threshold",
    "--batch": "--batch-size",
    "--batch_size": "--batch-size",
    "--batch-gpu": "--batch-size",
    "--gpus": "--devices",
    "--iter": "--iterations",
    "--steps": "--iterations",
    "--lr": "--learning-rate",
    "--gamma": "--r1",
    "--r1-gamma": "--r1",
    "--aug": "--augment",
    "--cond": "",
    "--class": "",
}
_SEEDS = (
    "samples are numbered from 0, and sample i follows from --seed and i: --seed 0 --n 100 gives what "
    "--seeds 0-99 gives elsewhere, each its own image"
)
_CONDITIONAL = "generators with classes cannot be used here"


def hint_for_command(name: str) -> str | None:
    """What a command of another program is called here; None if it is no word of theirs."""
    return _COMMANDS.get(name.removesuffix(".py"))


def hint_for_option(error: click.NoSuchOption) -> str | None:
    """What an option of another program is called here, if this command has that option; None if there is no hint."""
    name = error.option_name.partition("=")[0]
    if name == "--seeds":
        return _SEEDS
    if name in ("--class", "--cond"):
        return _CONDITIONAL
    ours = _OPTIONS.get(name)
    known = {option for parameter in error.ctx.command.params for option in parameter.opts} if error.ctx else set()
    return f"here it is {ours}" if ours and ours in known else None
