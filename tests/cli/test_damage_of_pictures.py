"""What takes pictures, or labelled images, of anybody knows a data set of ours, and tells what is wrong with one."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from l4f_datagen.cli import main
from l4f_datagen.making.render import render
from l4f_datagen.networks.segmenters.unet import UNet
from l4f_datagen.photographs.places import open_images
from l4f_datagen.shards.damage import Damaged
from l4f_datagen.shards.format import layout
from l4f_datagen.weights import native
from tests.damages import EVERYWHERE, INDEX, OF_SAMPLES, SETTINGS, STATS, TAR, told
from tests.training.conftest import write_pictures

_CPU = ["--device", "cpu"]
COMMANDS = {
    "train-alpha": ["train-alpha", "--preset", "paper", "--images", "SET", "--generator", "NETWORKS/tiny",
                    "--out", "OUT/run", "--iterations", "4", "--batch-size", "8", "--first-resolution", "8",
                    "--minibatch-group", "2", *_CPU],
    "train-generator": ["train-generator", "--images", "SET", "--out", "OUT/run", "--resolution", "16",
                        "--channels", "4,4,4", "--z-dim", "4", "--mapping-layers", "1", "--batch-size", "8",
                        "--minibatch-group", "2", "--kimg", "1", *_CPU],
    "generate": ["generate", "--backgrounds", "SET", "--generator", "NETWORKS/tiny", "--out", "OUT/made", "--n", "40",
                 *_CPU],
    "evaluate frechet": ["evaluate", "frechet", "SET", "NETWORKS/pictures", "--features", "NETWORKS/unet", *_CPU],
    "segment": ["segment", "SET", "--segmenter", "NETWORKS/unet", "--out", "OUT/masks", *_CPU],
    "evaluate segmenter": ["evaluate", "segmenter", "NETWORKS/unet", "--images", "SET", *_CPU],
    "import": ["import", "SET", "--out", "OUT/imported"],
    "import of tars": ["import", "tars:SET", "--foreground-values", "1", "--out", "OUT/imported"],
}  # fmt: skip
_WHOLE = ["a tar cut at a member", "no tar", "empty stats", "an empty description"]
_INSIDE = ["a tar with a zeroed header", "an image that is cut"]
LABELLED = ("evaluate segmenter", "import", "import of tars")
"""Commands that read masks, too."""


@pytest.fixture(scope="module")
def networks(tmp_path_factory, tiny_checkpoint) -> Path:
    folder = tmp_path_factory.mktemp("networks")
    shutil.copytree(tiny_checkpoint, folder / "tiny")
    torch.manual_seed(0)
    native.save(folder / "unet", segmenter=UNet(width=4, depth=2).eval(), card={"name": "unet", "licence": "MIT"})
    write_pictures(folder / "pictures", 4)
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "set"
    render(SETTINGS, folder)
    return folder


@pytest.fixture
def folder(made, tmp_path) -> Path:
    return shutil.copytree(made, tmp_path / "set")


def run(command: str, folder: Path, networks: Path, tmp_path: Path, capfd) -> tuple[int, str]:
    places = {"SET": folder, "OUT": tmp_path, "NETWORKS": networks}
    words = COMMANDS[command]
    for name, place in places.items():
        words = [word.replace(name, str(place)) for word in words]
    code = main(words)
    return code, capfd.readouterr().err


def _pairs() -> list[tuple[str, str]]:
    """All damages with the quickest command of each kind, and a few with all commands."""
    all_damages = [*EVERYWHERE, *OF_SAMPLES]
    pairs = [(command, case) for command in ("segment", "import") for case in all_damages]
    pairs += [(command, case) for command in COMMANDS for case in (*_WHOLE, *_INSIDE)]
    return [pair for pair in dict.fromkeys(pairs) if not _not_read(*pair)]


def _not_read(command: str, case: str) -> bool:
    of_labels = command not in LABELLED and "mask" in case
    of_sizes = command not in LABELLED and "another size" in case
    return case in OF_SAMPLES and ("metadata" in case or of_labels or of_sizes)


@pytest.mark.parametrize(("command", "case"), _pairs())
def test_damage_is_told(command, case, folder, networks, tmp_path, capfd):
    damage, named = (EVERYWHERE | OF_SAMPLES)[case]
    damage(folder)
    code, said = run(command, folder, networks, tmp_path, capfd)
    told(code, said, named)
    assert "verify --repair" in said or layout.DATASET in named


@pytest.mark.parametrize("command", COMMANDS)
def test_a_whole_data_set_is_read(command, folder, networks, tmp_path, capfd):
    if command == "train-generator":
        pytest.skip("a whole kimg takes too long")
    code, said = run(command, folder, networks, tmp_path, capfd)
    assert code == 0 and "damaged" not in said, said


@pytest.mark.parametrize("prefix", ["", "tars:", "shards:"])
@pytest.mark.parametrize("place", ["SET", "SET/*.tar", "PARENT", f"SET/{TAR}"])
@pytest.mark.parametrize("case", ["a tar cut at a member", "no tar", "a tar of zeros", "an image that is cut"])
def test_however_it_is_named(prefix, place, case, folder):
    damage, _ = (EVERYWHERE | OF_SAMPLES)[case]
    damage(folder)
    place = place.replace("SET", str(folder)).replace("PARENT", str(folder.parent))
    if case == "no tar" and place.endswith(TAR):
        pytest.skip("a path that is not there")
    with pytest.raises(Damaged):
        source = open_images(prefix + place)
        for index in range(len(source)):
            source.read(index, 16)


def test_a_single_shard_is_not_asked_for_the_others(folder):
    (folder / layout.tar(2)).unlink()
    source = open_images(str(folder / TAR))
    assert [source.relative_name(index) for index in range(len(source))] == [
        f"{TAR}/{index:09d}.jpg" for index in range(4, 8)
    ]


@pytest.mark.parametrize("name", [INDEX, STATS])
def test_tars_of_others_are_read_as_before(name, folder):
    """img2dataset's folders have stats beside their tars, stylegan2's a ``dataset.json`` of labels."""
    for path in folder.iterdir():
        if path.suffix != ".tar" and path.name != name:
            path.unlink()
    (folder / layout.DATASET).write_text(json.dumps({"labels": []}))
    assert len(open_images(str(folder))) == 12
    (folder / layout.DATASET).write_text("{")
    assert len(open_images(str(folder))) == 12


def test_nothing_else_changed(folder):
    """Names and digest, which tell trainings and backgrounds whether images are the same, are those of plain tars."""
    plain = folder.parent / "plain"
    plain.mkdir()
    for path in folder.glob("*.tar"):
        shutil.copy(path, plain)
    ours, others = open_images(str(folder)), open_images(str(plain))
    assert ours.digest() == others.digest() and len(ours) == len(others) == 12
    assert [ours.relative_name(i) for i in range(12)] == [others.relative_name(i) for i in range(12)]
    assert all((ours.read(i, 16) == others.read(i, 16)).all() for i in range(12))
