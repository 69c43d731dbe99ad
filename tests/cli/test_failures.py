"""Every command that writes, on a disk that fills: one line, nothing half-written, and the same command continues."""

import errno
import json
import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from l4f_datagen.cli import main
from l4f_datagen.networks.segmenters.unet import UNet
from l4f_datagen.settings import TrainGeneratorSettings
from l4f_datagen.storage import atomic
from l4f_datagen.weights import native
from l4f_datagen.weights.onnx import writing as onnx_file

from ..faults import file_size_limit, room_for
from ..filled import filled

COMMANDS = {
    "generate": "generate --generator $/tiny --n 12 --samples-per-shard 5 --threshold 0.5 --reject-list $/rejected.txt"
    " --out @/out",
    "render": "render vessels --n 12 --samples-per-shard 5 --size 16 --out @/out",
    "import": "import $/labelled --out @/out",
    "finalize": "finalize @/ranges",
    "verify": "verify $/shards --json-file @/out/f.json",
    "verify-repair": "verify @/broken --repair --generator $/tiny",
    "run": "run $/pipeline.yaml --out @/out",
    "stats": "stats $/shards --json-file @/out/s.json --out @/out/s.png",
    "preview": "preview $/shards --out @/out/p.png --n 4",
    "gallery": "gallery $/shards --out @/out --n 4",
    "card": "card @/copy",
    "segment": "segment $/labelled/images --segmenter $/segmenter --out @/out --alpha --overlay --device cpu",
    "convert-native": "convert $/tiny --out @/out/native",
    "convert-rosinality": "convert $/square --out @/out/r.pt",
    "convert-onnx": "convert $/segmenter --out @/out/s.onnx",
    "evaluate-masks": "evaluate masks $/labelled/masks $/labelled/masks --json-file @/out/m.json --csv @/out/m.csv",
    "export-images": "evaluate alpha --generator $/tiny --n 3 --export-images @/out --device cpu",
    "edit": "edit --generator $/tiny --direction pca:0 --seeds 1,2 --steps 3 --gif --out @/out --device cpu",
    "analyze-layers": "analyze layers --generator $/tiny --n 2 --out @/out --device cpu",
    **{
        f"export-{form}": f"export $/shards --format {form} --split 0.5/0.5 --out @/out"
        for form in ("coco", "yolo", "voc", "folder", "hf-parquet", "fiftyone")
    },
    "train-alpha": "train-alpha --preset paper --generator $/tiny --images world:vessels --world-images 8"
    " --iterations 2 --batch-size 4 --first-resolution 8 --minibatch-group 2 --log-every 1"
    " --checkpoint-every 1 --sheet-every 1 --device cpu --out @/out",
    "train-generator": "train-generator --images world:vessels --world-images 8 --resolution 16 --channels 4,4,4"
    " --z-dim 4 --mapping-layers 2 --kimg 1 --batch-size 4 --minibatch-group 2 --log-every 1 --checkpoint-every 1"
    " --sheet-every 1 --device cpu --out @/out",
    "project": "project $/labelled/images --generator $/tiny --w-steps 1 --steps 1 --device cpu --out @/out",
    "train-encoder": "train-encoder --generator $/tiny --width 4 --hidden 8 --iterations 2 --batch-size 4"
    " --validation-samples 4 --log-every 1 --validate-every 1 --checkpoint-every 1 --sheet-every 1"
    " --device cpu --out @/out",
    "train-layered": "train-layered --images world:vessels --world-images 8 --resolution 16 --channels 4,4,4 --z-dim 4"
    " --mapping-layers 2 --iterations 2 --batch-size 4 --minibatch-group 2 --log-every 1 --checkpoint-every 1"
    " --sheet-every 1 --device cpu --out @/out",
    "train-segmenter": "train-segmenter --shards $/shards --size 16 --width 4 --depth 2 --iterations 2 --batch-size 4"
    " --validation 0.25 --validate-every 1 --log-every 1 --checkpoint-every 1 --sheet-every 1 --device cpu --out @/out",
}  # fmt: skip


@pytest.fixture(scope="module")
def assets(tmp_path_factory, tiny_checkpoint) -> Path:
    """What the commands read: a data set, a segmenter, labelled images, checkpoints."""
    from ..conftest import GeneratorArchitecture, tiny_generator

    place = tmp_path_factory.mktemp("assets")
    (place / "tiny").symlink_to(tiny_checkpoint)
    square = GeneratorArchitecture(channels=(8, 8), z_dim=6, w_dim=6, mapping_layers=1)
    native.save(place / "square", generator=tiny_generator(square), card={"name": "square"})
    torch.manual_seed(0)
    segmenter = UNet(width=4, depth=2).eval()
    segmenter.size = 16
    native.save(place / "segmenter", segmenter=segmenter, card={"name": "segmenter"})
    words = "generate --generator $ --n 12 --samples-per-shard 5 --threshold 0.5 --device cpu --out"
    assert main([*filled(words, dollar=tiny_checkpoint), str(place / "shards")]) == 0
    (place / "rejected.txt").write_text("000000002 0\n")
    pipeline = {
        "generate": {"generator": str(place / "tiny"), "n": 6, "samples_per_shard": 4, "device": "cpu"},
        "train-segmenter": {
            "size": 16, "width": 4, "depth": 2, "iterations": 2, "batch_size": 4, "validation": "0.25",
            "validate_every": 1, "log_every": 1, "checkpoint_every": 1, "sheet_every": 1, "device": "cpu",
        },
    }  # fmt: skip
    (place / "pipeline.yaml").write_text(json.dumps(pipeline))
    for name in ("images", "masks"):
        (place / "labelled" / name).mkdir(parents=True)
    for index in range(3):
        mask = np.zeros((20, 20), np.uint8)
        mask[5 : 10 + index, 5:12] = 255
        cv2.imwrite(
            str(place / "labelled" / "images" / f"{index}.png"),
            np.random.default_rng(index).integers(0, 255, (20, 20, 3), np.uint8),
        )
        cv2.imwrite(str(place / "labelled" / "masks" / f"{index}.png"), mask)
    return place


@pytest.fixture(autouse=True)
def two_steps(monkeypatch):
    """A thousand images are too many for a test: a generator's training of one kimg ends after two steps."""
    monkeypatch.setattr(TrainGeneratorSettings, "iterations", property(lambda self: 2 * self.kimg))


@pytest.fixture(autouse=True)
def no_exporter(monkeypatch):
    """The ONNX exporter takes seconds; how its bytes are written does not depend on what they are."""
    monkeypatch.setattr(onnx_file, "difference", lambda segmenter, path: 0.0)
    monkeypatch.setattr(onnx_file, "content", lambda segmenter: b"onnx" * 10_000)


def words_of(name: str, assets: Path, place: Path) -> list[str]:
    """The command's words; what it wants to be there is made."""
    (place / "out").parent.mkdir(parents=True, exist_ok=True)
    if name == "finalize" and not (place / "ranges").exists():
        words = COMMANDS["generate"].replace("@/out", "@/ranges") + " --device cpu --shard-range 0:9"
        assert main(filled(words, dollar=assets, at=place)) == 0
    if name == "card" and not (place / "copy").exists():
        shutil.copytree(assets / "shards", place / "copy")
    if name == "verify-repair" and not (place / "broken").exists():
        shutil.copytree(assets / "shards", place / "broken")
        (place / "broken" / "00001.tar").unlink()
    return filled(COMMANDS[name], dollar=assets, at=place)


def check_line(capsys, words: str) -> None:
    error = capsys.readouterr().err
    last = error.splitlines()[-1]
    assert "Traceback" not in error
    assert "Exception ignored" not in error
    assert last.startswith("l4f-datagen: ")
    assert words in last
    assert "run the same command again" in last
    assert "Errno" not in last


def leftovers(place: Path) -> list[str]:
    """Temporary files that stayed."""
    return [str(path) for path in place.rglob(".*") if path.name.endswith((atomic.SUFFIX, ".partial", ".lock"))]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_disk_that_fills(name, assets, capsys, tmp_path, monkeypatch):
    """First nothing can grow, then there is room for some; each time the same command goes on, and ends the same."""
    whole, place, written = tmp_path / "whole", tmp_path / "place", []
    words = words_of(name, assets, whole)
    original = atomic._Raw.write
    with monkeypatch.context() as patch:
        patch.setattr(atomic._Raw, "write", lambda raw, content: written.append(len(content)) or original(raw, content))
        assert main(words) == 0
    words = words_of(name, assets, place)
    before = {path.name for path in place.rglob("*")}
    capsys.readouterr()
    with file_size_limit(0):
        assert main(words) == 1
    check_line(capsys, "File too large")
    assert not [path for path in place.rglob("*") if path.is_file() and path.name not in before]
    for share in (0.5, 0.97):
        with room_for(monkeypatch, int(share * sum(written)), errno.ENOSPC):
            code = main(words)
        assert code == 1 or share > 0.5  # it has less to do than at first
        if code:
            check_line(capsys, os.strerror(errno.ENOSPC))
        assert leftovers(place) == []
    assert main(words) == 0
    assert names(place) == names(whole)


def names(place: Path) -> set[str]:
    return {path.relative_to(place).as_posix() for path in place.rglob("*")}


def test_tensorboards_files_on_a_disk_that_fills(assets, capsys, tmp_path):
    words = [*words_of("train-alpha", assets, tmp_path), "--tensorboard"]
    out = tmp_path / "out"
    assert main(words) == 0
    assert list((out / "tensorboard").iterdir())
    shown = capsys.readouterr().err
    with file_size_limit(max(path.stat().st_size for path in out.rglob("*") if path.suffix == ".safetensors") - 1):
        assert main([*words, "--overwrite"]) == 1
    check_line(capsys, "File too large")
    assert "Traceback" not in shown


def test_too_little_memory_in_a_training_of_the_api(assets, tmp_path, monkeypatch):
    from l4f_datagen.devices import TooLittleMemory
    from l4f_datagen.settings import TrainAlphaSettings
    from l4f_datagen.training.alpha import train as alpha
    from l4f_datagen.training.core.loop import Training

    monkeypatch.setattr(Training, "loop", lambda *_: torch.empty(1 << 60))
    settings = TrainAlphaSettings(
        preset="paper",
        generator=str(assets / "tiny"),
        world_images=8,
        iterations=2,
        batch_size=4,
        first_resolution=8,
        device="cpu",
    )
    with pytest.raises(TooLittleMemory, match="batches of 4: use a smaller --batch-size or a larger --accumulate"):
        alpha.train_alpha(settings, tmp_path / "run")


def test_a_disk_that_cannot_be_read_names_the_file(assets, capsys, tmp_path, monkeypatch):
    import io

    from l4f_datagen.storage.local_store import _Reading

    def failing(self, *_):
        raise self._named(OSError(errno.EIO, os.strerror(errno.EIO)))

    monkeypatch.setattr(_Reading, "readinto", failing)
    monkeypatch.setattr(_Reading, "readall", failing)
    with pytest.raises(OSError, match="Input/output error") as caught:
        io.BufferedReader(_Reading(assets / "shards" / "00000.tar")).read(10)
    assert caught.value.filename.endswith("00000.tar")
    assert main(["preview", str(assets / "shards"), "--out", str(tmp_path / "p.png")]) in (1, 2)
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "Input/output error" in error
