"""Cards for a hub, read back by the hub's own library."""

import json
import re

import pytest
import torch

import l4f_datagen as l4f
from l4f_datagen.cli import main
from l4f_datagen.errors import UserError
from l4f_datagen.making.render import render
from l4f_datagen.networks.segmenters.unet import UNet
from l4f_datagen.publishing.cards import MARK, write
from l4f_datagen.settings import GenerateSettings, RenderSettings
from l4f_datagen.shards.format import provenance
from l4f_datagen.weights import native
from tests.pages import PAGES

from ..conftest import tiny_generator

hub = pytest.importorskip("huggingface_hub")
RESULT = {
    "title": "Masks | of samples", "notes": ["Foreground is the object."], "settings": {},
    "rows": [{"masks": "alpha", "images": 4, "miou": 0.98765, "f1": None, "intervals": {"miou": [0.97, 0.99]}}],
}  # fmt: skip
QUALITY = {"validation": "0.2", "images": 6, "miou": 0.91, "iou_foreground": 0.9, "accuracy": 0.99}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """The networks of a tiny checkpoint whose card says what they learned from, and how good the alpha network is."""
    from l4f_datagen.networks.alpha import AlphaNetwork

    generator = tiny_generator()
    card = {
        "name": "tiny", "licence": "MIT", "quality": {"reference": "a UNet", "rows": [{"psi": 0.7, "miou": 0.9781}]},
        "source": {"generator": "trained here", "alpha": "trained here"},
        "training": {"generator": {"images": "photos", "images_found": 70}, "alpha": {"images": "photos"}},
    }  # fmt: skip
    folder = tmp_path_factory.mktemp("checkpoints") / "tiny"
    torch.manual_seed(1)
    native.save(folder, generator=generator, alpha=AlphaNetwork(generator.architecture.channels[1:]), card=card)
    return folder


@pytest.fixture
def shards(checkpoint, tmp_path):
    l4f.generate(GenerateSettings(n=2, generator=str(checkpoint), device="cpu"), tmp_path / "shards")
    return tmp_path / "shards"


def test_a_data_set_says_what_it_was_made_of_and_how_good_it_is(shards, tmp_path, capsys):
    (tmp_path / "alpha.json").write_text(json.dumps(RESULT))
    words = ["card", str(shards), "--evaluation", str(tmp_path / "alpha.json")]
    assert main(words) == 0
    card = hub.DatasetCard.load(shards / "README.md")
    assert card.data.license == "mit" and card.data.configs[0]["data_files"][0]["path"] == "*.tar"
    text = card.text
    for checkpoint in l4f.open_dataset(shards).description["checkpoints"].values():
        assert re.search(
            rf"\| `{re.escape(checkpoint['name'])}` \(native\) \| `{checkpoint['sha256']}` \| MIT \|", text
        )
    assert "No mask network of a third party made, corrected or selected them." in text
    assert "generator learned from `photos` (70 images)" in text and "| 0.7 | 0.9781 |" in text
    assert "### Masks \\| of samples" in text and "| alpha | 4 | 0.9877 (0.97–0.99) | – |" in text
    before = (shards / "README.md").read_bytes()
    assert main(words) == 0 and (shards / "README.md").read_bytes() == before
    assert main(["verify", str(shards)]) == 0


def test_a_card_of_somebody_elses_stays(shards):
    (shards / "README.md").write_text("mine")
    with pytest.raises(UserError, match="--overwrite"):
        write(str(shards))
    assert (shards / "README.md").read_text() == "mine"
    write(str(shards), overwrite=True)
    assert (shards / "README.md").read_text().rstrip().endswith(MARK)


CHECKPOINTS = {
    "generator": {"name": "g", "format": "nvidia", "sha256": "a" * 64, "licence": "NVIDIA"},
    "alpha": {"name": "a", "format": "native", "sha256": "b" * 64, "licence": "MIT"},
}
NOBODY = "No mask network of a third party"
MADE = {
    "its own backgrounds": ({"checkpoints": CHECKPOINTS}, ["| backgrounds | the generator's own |", NOBODY]),
    "backgrounds from elsewhere": (
        {"checkpoints": CHECKPOINTS, "backgrounds": {"images": 9, "sha256": "c" * 64}},
        [f"| backgrounds | 9 images from elsewhere | `{'c' * 64}` | not known here |", NOBODY],
    ),
    "a detector": (
        {"checkpoints": CHECKPOINTS, "reference": {"name": "detector.onnx", "sha256": "d" * 64}},
        [
            f"| selection | the detector `detector.onnx` | `{'d' * 64}` | not known here |",
            "`detector.onnx`, of a third",
        ],
    ),
    "a reference": (
        {"checkpoints": CHECKPOINTS, "reference": "runs/unet"},
        ["| selection | the reference `runs/unet` |", "`runs/unet`, of a third party, selected samples"],
    ),
    "a world": ({"world": {"name": "vessels", "licence": "CC0"}}, ["procedural world `vessels`", "they are exact"]),
    "annotations": (
        {"source": {"name": "x", "kind": "COCO", "licence": "unknown"}},
        ["| images and masks | `x` (COCO) | – | unknown |", "the source's annotations"],
    ),
    "photographs, and networks that are known": (
        {
            "codes": {
                "name": "c",
                "sha256": "e" * 64,
                "generator": "g",
                "alpha": "a",
                "licence": "unknown",
                "networks": {"generator": {"sha256": "f" * 64, "licence": "MIT"}, "alpha": {"sha256": "0" * 64}},
            }
        },
        [f"| generator | `g` | `{'f' * 64}` | MIT |", f"| alpha network | `a` | `{'0' * 64}` | unknown |", NOBODY],
    ),
    "photographs of older data sets": (
        {"codes": {"name": "c", "sha256": "e" * 64, "generator": "g", "alpha": "a", "licence": "MIT"}},
        ["| photographs | named in `background_source` |", "| codes | `c` |", NOBODY],
    ),
}


@pytest.mark.parametrize("what", MADE)
def test_provenance_of_every_kind_of_data_set(what):
    description, said = MADE[what]
    text = "\n".join(provenance.table({"settings": {}, "checkpoints": {}, **description}))
    for words in said:
        assert words in text
    assert (NOBODY in text) == (NOBODY in said)


def test_a_checkpoint_has_a_model_card(checkpoint, tmp_path):
    write(str(checkpoint))
    card = hub.ModelCard.load(checkpoint / "README.md")
    assert card.data.license == "mit" and card.data.pipeline_tag == "unconditional-image-generation"
    assert "| alpha network | trained here | `" in card.text and "l4f.load_alpha('PATH/OF/THIS/FOLDER')" in card.text
    native.save(
        tmp_path / "run" / "final", segmenter=UNet(width=4, depth=1),
        card={"name": "unet", "licence": "own terms", "quality": QUALITY, "source": {"segmenter": "trained | here"}},
    )  # fmt: skip
    (tmp_path / "segmenter.json").write_text(json.dumps(RESULT))
    assert write(str(tmp_path / "run"), evaluations=[str(tmp_path / "segmenter.json")]).kind == "model"
    card = hub.ModelCard.load(tmp_path / "run" / "final" / "README.md")
    found = {result.metric_type: result.metric_value for result in card.data.eval_results}
    assert card.data.eval_results[0].dataset_name == "a share of 0.2 of the training shards, held out"
    assert found == {"miou": 0.91, "iou_foreground": 0.9, "accuracy": 0.99} and card.data.license == "other"
    assert "A UNet of 2 classes" in card.text and "trained \\| here" in card.text and "0.9877" in card.text
    assert l4f.load_segmenter(tmp_path / "run").classes == 2


@pytest.mark.parametrize("content, said", [(None, "No such file"), ("{}", "without rows"), ("[", "evaluation")])
def test_a_file_without_a_result_is_told_before_anything_is_written(content, said, tmp_path):
    render(RenderSettings(n=1, size=16), tmp_path / "shards")
    before = (tmp_path / "shards" / "README.md").read_bytes()
    if content is not None:
        (tmp_path / "x.json").write_text(content)
    with pytest.raises(UserError, match=said):
        write(str(tmp_path / "shards"), evaluations=[str(tmp_path / "x.json")])
    assert (tmp_path / "shards" / "README.md").read_bytes() == before


def test_folders_of_another_kind_are_told(tmp_path):
    with pytest.raises(UserError, match="a folder that is neither"):
        write(str(tmp_path))


def test_the_page_says_what_the_card_says():
    page = PAGES["docs/ecosystem.md"]
    assert provenance.masks({"checkpoints": CHECKPOINTS}).split(". ")[1] in page and "l4f-datagen card shards/" in page
