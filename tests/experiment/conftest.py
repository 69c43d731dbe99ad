"""A whole experiment on tiny networks, 16 px: what a pipeline file of all sections says."""

import json

import pytest

from l4f_datagen.cli import main

ALPHA = {
    "preset": "paper",
    "images": "world:vessels", "world_images": 8, "iterations": 4, "batch_size": 4, "first_resolution": 8,
    "minibatch_group": 2, "log_every": 2, "checkpoint_every": 2, "sheet_every": 4, "device": "cpu",
}  # fmt: skip
LAYERED = {
    "world_images": 8, "resolution": 16, "channels": "4,4,4", "z_dim": 4, "mapping_layers": 2, "iterations": 2,
    "batch_size": 4, "minibatch_group": 2, "device": "cpu",
}  # fmt: skip
SEGMENTER = {
    "world_images": 12, "validation": 0.25, "size": 16, "width": 4, "depth": 2, "iterations": 3, "batch_size": 4,
    "log_every": 1, "validate_every": 3, "checkpoint_every": 3, "sheet_every": 3, "device": "cpu",
}  # fmt: skip


def tiny_pipeline(checkpoint) -> dict:
    """Two architectures and their counterparts, two seeds, every evaluation."""
    counting = {"resamples": 20, "device": "cpu", "baselines": True}
    return {
        "domain": "tiny",
        "train-alpha": ALPHA | {"generator": str(checkpoint)},
        "generate": {"generator": str(checkpoint), "n": 12, "save": "foreground", "threshold": 0.5, "device": "cpu"},
        "train-segmenter": SEGMENTER,
        "baselines": ["layered"],
        "train-layered": LAYERED,
        "segmenters": {"archs": {"unet": None, "bisenet": {"width": 2}}, "supervised": "world:vessels", "seeds": 2},
        "evaluate": {
            # Networks with random weights: their reference must not reject anything.
            "alpha": {"n": 6, "psi": "0.7,1.0", "threshold": "0.5,0.9", "reject": "", **counting},
            "segmenter": {"images": "world:vessels", "n": 6, "size": 16, **counting},
            "frechet": {"n": 12, "size": 16, "kid_subsets": 2, "device": "cpu"},
        },
    }


def contents(folder) -> dict[str, bytes]:
    """Every file of a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="session")
def experiment(tiny_checkpoint, tmp_path_factory):
    """The folder of a finished one; its pipeline file lies beside it. Not to be changed."""
    place = tmp_path_factory.mktemp("experiment")
    # JSON is YAML.
    (place / "tiny.yaml").write_text(json.dumps(tiny_pipeline(tiny_checkpoint)))
    assert main(["run", str(place / "tiny.yaml"), "--out", str(place / "out")]) == 0
    return place / "out"
