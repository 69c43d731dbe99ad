"""From a world alone to the report: the pipeline ``garden`` itself, with tiny networks."""

import json

import pytest
import yaml

from l4f_datagen import resources
from l4f_datagen.cli import main

from .test_photos import SMALL

SMALLER = SMALL | {
    "train-generator": SMALL["train-generator"] | {"world_images": 30},
    "train-alpha": SMALL["train-alpha"] | {"world_images": 30},
    "train-segmenter": SMALL["train-segmenter"] | {"world_images": 12, "validate_every": 2},
}
EVALUATION = {
    "reference": "supervised",
    "alpha": {"n": 4, "psi": [1.0], "device": "cpu"},
    "segmenter": {"images": "world:garden", "n": 4, "device": "cpu", "resamples": 3},
    "frechet": {"n": 6, "device": "cpu", "kid_subsets": 2},
}


@pytest.mark.slow
def test_from_a_world_to_the_report(tmp_path):
    content = yaml.safe_load((resources.folder("pipelines") / "garden.yaml").read_text())
    for name, values in SMALLER.items():
        content[name] = content.get(name, {}) | values
    content["segmenters"] |= {"seeds": 1}
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(content | {"evaluate": EVALUATION}))
    out = tmp_path / "out"
    words = ["run", str(tmp_path / "small.yaml"), "--resolution", "16", "--device", "cpu", "--out", str(out), "-q"]
    assert main(words) == 0
    report = json.loads((out / "report.json").read_text())
    names = [stage["name"] for stage in report["stages"]]
    assert names[:3] == ["train-generator", "train-alpha", "generate"]
    assert {"train-segmenter unet", "train-segmenter unet-supervised"} <= set(names)
    roles = {row["role"] for row in report["tables"]["segmenters"]["rows"]}
    assert {"measured", "supervised"} <= roles, roles
    assert report["tables"]["frechet"]["rows"] and report["tables"]["alpha"]["rows"]
