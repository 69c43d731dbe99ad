"""Words of other StyleGAN programs, for people who come from them: what the same thing is called here.

The words are those of NVIDIA's ``stylegan2-ada-pytorch`` and ``stylegan3``, rosinality's ``stylegan2-pytorch`` and
Labels4Free's published code, and what people are used to elsewhere.
"""

import difflib
import re
from collections.abc import Mapping, Sequence

import click

_COMMANDS = {
    "train": "Here it is train-generator, train-alpha or train-segmenter.",
    "gen-images": "Here it is generate.",
    "sample": "Here it is generate.",
    "style-mixing": "There is none; see generate and preview.",
    "dataset-tool": "Folders, tars and zips of dataset_tool are read as they are, with --images.",
    "prepare-data": "Folders, tars and zips of images are read as they are, with --images.",
    "calc-metrics": "Here it is evaluate; evaluate frechet measures distances of images.",
    "fid": "Here it is evaluate frechet.",
    "projector": "Here it is project.",
    "closed-form-factorization": "Here it is analyze directions.",
    "apply-factor": "Here it is edit --direction sefa:K.",
    "export-weights": "Here it is convert.",
    "convert-weight": "Here it is convert.",
    "legacy": "Here it is convert.",
    "show": "Here it is preview for data sets and inspect for checkpoints.",
    "predict": "Here it is segment.",
    "infer": "Here it is segment.",
    "test": "Here it is evaluate.",
}
_SIZES = ("size", "res", "resolution", "img-size", "image-size", "imsize")
_OURS: Mapping[str, tuple[str, ...]] = {
    "generator": ("network", "network-pkl", "pkl", "ckpt", "checkpoint", "model", "weights", "g", "resume-pkl"),
    "segmenter": ("network", "ckpt", "checkpoint", "model", "weights"),
    "alpha": ("bg-extractor", "bg-extractor-path", "alpha-net", "alpha-network", "matte"),
    "psi": ("trunc", "truncation", "truncation-psi", "psi-trunc"),
    "out": ("outdir", "output", "output-dir", "out-dir", "outfile", "dest", "save-dir", "result-dir", "results"),
    "n": (
        "pics",
        "num",
        "sample",
        "samples",
        "count",
        "n-sample",
        "n-samples",
        "num-samples",
        "num-images",
        "max-images",
    ),
    "noise": ("noise-mode", "randomize-noise"),
    "images": ("data", "dataset", "path", "source", "data-dir", "dataroot", "image-dir", "real"),
    "shards": ("data", "dataset", "path", "source", "data-dir", "dataroot"),
    "threshold": ("th", "thresh", "cutoff"),
    "batch-size": ("batch", "batch-gpu", "bs", "minibatch"),
    "devices": ("gpus", "gpu", "num-gpus"),
    "device": ("gpu", "cuda"),
    "iterations": ("iter", "iters", "steps", "niter", "max-iter", "num-steps", "epochs"),
    "kimg": ("total-kimg", "iter", "iterations", "steps"),
    "learning-rate": ("lr", "glr", "dlr"),
    "alpha-learning-rate": ("lr", "glr", "learning-rate"),
    "discriminator-learning-rate": ("dlr",),
    "r1": ("gamma", "r1-gamma", "r1-weight"),
    "r1-every": ("d-reg-every",),
    "path-length": ("path-regularize", "pl-weight"),
    "path-length-every": ("g-reg-every",),
    "style-mixing": ("mixing", "style-mixing-prob"),
    "augment": ("aug", "augpipe"),
    "augment-p": ("p",),
    "ada-target": ("target",),
    "ada-kimg": ("ada-length",),
    "mirror": ("xflip", "flip", "hflip"),
    "resolution": _SIZES,
    "size": (*_SIZES, "crop-size"),
    "checkpoint-every": ("snap", "save-every", "save-freq", "snapshot-every"),
    "frechet-every": ("metrics", "fid-every"),
    "minibatch-group": ("mbstd-group",),
    "mapping-layers": ("map-depth", "n-mlp"),
    "z-dim": ("latent",),
    "channels": ("channel-multiplier", "cbase", "cmax", "fmaps"),
    "precision": ("fp32", "fp16", "amp", "bf16"),
    "preset": ("cfg",),
    "config": ("cfg", "yaml", "pipeline"),
    "report": ("wandb", "mlflow", "report-to", "logger", "tracker"),
    "workers": ("num-workers",),
    "arch": ("architecture", "backbone"),
    "direction": ("index", "factor", "boundary", "latent-direction"),
    "strength": ("degree", "alpha", "magnitude", "start-distance", "end-distance"),
    "image-format": ("ext", "format"),
}
"""Options of ours, and what they are called elsewhere."""
_SEEDS = re.compile(r"(\d+)(?:-(\d+))?")
_CONDITIONAL = "a class is said after the path of its generator, as in FILE#class=3"
_OF_GENERATOR = "images are as wide and as high as the generator's file says; inspect tells"
_CONTINUES = "the same command with the same --out continues a run, --from goes on from another checkpoint"
_PROCESSES = "start the command with torchrun --nproc-per-node N for several GPUs"


def hint_for_command(name: str) -> str | None:
    """What a command of another program is called here; None if it is no word of theirs."""
    return _COMMANDS.get(name.removesuffix(".py").replace("_", "-"))


def hint_for_option(error: click.NoSuchOption, words: Sequence[str] = ()) -> str | None:
    """What an option is called here, or is for; None if nothing is like it.

    Args:
        words: of the command line.
    """
    known = {option for parameter in error.ctx.command.params for option in parameter.opts} if error.ctx else set()
    typed = error.option_name.partition("=")[0]
    name = typed.lstrip("-").lower().replace("_", "-")
    if f"--{name}" in known:
        return f"it is written --{name}"
    if name in ("seeds", "seed-range") and "--seed" in known:
        return _seeds(_value(typed, words))
    if name in ("class", "cond", "class-idx"):
        return "here it is --class" if "--class" in known else _CONDITIONAL
    if name == "resume" and "--out" in known and "--images" in known:
        return _CONTINUES
    ours = [f"--{option}" for option, theirs in _OURS.items() if name in theirs and f"--{option}" in known]
    if ours:
        return f"here it is {' or '.join(ours)}"
    if name in ("gpus", "num-gpus", "local-rank") and "--tensorboard" in known:
        return _PROCESSES
    if name in _SIZES and "--generator" in known:
        return _OF_GENERATOR
    nearest = difflib.get_close_matches(f"--{name}", sorted(known), n=2, cutoff=0.6)
    return f"did you mean {' or '.join(nearest)}?" if nearest else None


def _seeds(value: str) -> str:
    """How the images of a list of seeds are asked for here."""
    value = value or "0-99"
    parts = [(int(found[1]), int(found[2] or found[1])) for found in map(_SEEDS.fullmatch, value.split(",")) if found]
    first = parts[0][0] if parts else 0
    count = max(1, sum(last - begin + 1 for begin, last in parts))
    return (
        "one --seed stands for a whole data set, whose samples are numbered from 0; "
        f"--seed {first} --n {count} gives as many images, each its own, as --seeds {value} does elsewhere"
    )


def _value(typed: str, words: Sequence[str]) -> str:
    """What was typed for an option."""
    for place, word in enumerate(words):
        name, sign, value = word.partition("=")
        if name == typed:
            value = value if sign else " ".join(words[place + 1 : place + 2])
            return value if re.fullmatch(r"[\d,-]{1,40}", value) else ""
    return ""
