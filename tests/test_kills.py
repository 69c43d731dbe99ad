"""Whenever a program is killed, readers find the old checkpoint or the new one, and the same call goes on."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from l4f_datagen.cli import main
from l4f_datagen.errors import UserError
from l4f_datagen.storage import atomic, atomic_folders
from l4f_datagen.weights import native
from l4f_datagen.weights.containers import tensor_file
from l4f_datagen.weights.conversion.convert import convert
from l4f_datagen.weights.native.folders import STAGED

from .conftest import TINY, tiny_generator
from .faults import file_size_limit, room_for, snapshots
from .filled import filled


def weights_of(folder: Path, kind: str) -> dict[str, bytes]:
    """A network as the program reads it."""
    network, _ = native.read(folder, kind, str(folder))
    return {name: tensor.numpy().tobytes() for name, tensor in network.state_dict().items()}


def states(folder: Path) -> tuple:
    """All that a reader sees of a native folder; None for what is not there."""
    found = []
    for kind in ("generator", "alpha"):
        try:
            found.append(weights_of(folder, kind))
        except UserError as error:
            assert "without" in str(error) or "no readable" in str(error) or "no such file" in str(error)
            found.append(None)
    return (*found, native.read_card(folder).get("name") if native.is_native(folder) else None)


@pytest.fixture
def pair(tmp_path, tiny_checkpoint) -> tuple[Path, Path]:
    """Two native checkpoints of one architecture, alpha networks too."""
    from l4f_datagen.networks.alpha import AlphaNetwork

    torch.manual_seed(5)
    other = tmp_path / "other"
    alpha = AlphaNetwork(TINY.channels[1:])
    for parameter in alpha.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    native.save(other, generator=tiny_generator(seed=9), alpha=alpha, card={"name": "other", "licence": "MIT"})
    return tiny_checkpoint, other


def test_a_killed_convert_leaves_the_old_or_the_new_checkpoint(pair, tmp_path, monkeypatch):
    old, new = pair
    (tmp_path / "place").mkdir()
    out = tmp_path / "place" / "out"
    shutil.copytree(old, out)
    (out / "notes.txt").write_text("mine")
    before, wanted = states(out), None
    with snapshots(monkeypatch, tmp_path / "place", tmp_path / "kept") as taken:
        convert(new, out, overwrite=True)
    wanted = states(out)
    assert before[:2] != wanted[:2]
    assert len(taken) > 10
    seen = []
    for state in taken:
        found = states(state / "out")
        # The name of the card and both networks change together.
        assert found in (before, wanted)
        seen.append(found == wanted)
        assert (state / "out" / "notes.txt").read_text() == "mine"
        convert(new, state / "out", overwrite=True)  # the same command goes on
        assert states(state / "out") == wanted
        assert sorted(path.name for path in (state / "out").iterdir()) == sorted(path.name for path in out.iterdir())
    assert seen == sorted(seen)
    assert len(set(seen)) == 2


def test_a_killed_first_convert_leaves_nothing_or_all(pair, tmp_path, monkeypatch):
    (tmp_path / "place").mkdir()
    with snapshots(monkeypatch, tmp_path / "place", tmp_path / "kept") as taken:
        convert(pair[0], tmp_path / "place" / "out")
    wanted = states(tmp_path / "place" / "out")
    for state in taken:
        found = states(state / "out")
        assert found in ((None, None, None), wanted)
        convert(pair[0], state / "out", overwrite=found == wanted)
        assert states(state / "out") == wanted


@pytest.mark.parametrize("target", ["r.pt", "s.onnx"])
def test_a_killed_convert_to_a_file(target, tmp_path, monkeypatch):
    from l4f_datagen.networks.stylegan2 import GeneratorArchitecture

    if target.endswith(".onnx"):
        pytest.importorskip("onnx")
        from l4f_datagen.weights.onnx import writing as onnx_file

        monkeypatch.setattr(onnx_file, "content", lambda segmenter: b"new" * 50_000)
        monkeypatch.setattr(onnx_file, "difference", lambda segmenter, path: 0.0)
        from l4f_datagen.networks.segmenters.unet import UNet

        native.save(tmp_path / "a", segmenter=UNet(width=2, depth=1).eval(), card={"name": "a"})
    else:
        square = GeneratorArchitecture(channels=(8, 8), z_dim=6, w_dim=6, mapping_layers=1)
        native.save(tmp_path / "a", generator=tiny_generator(square), card={"name": "a"})
    (tmp_path / "place").mkdir()
    out = tmp_path / "place" / target
    out.write_bytes(b"old")
    with snapshots(monkeypatch, tmp_path / "place", tmp_path / "kept") as taken:
        convert(tmp_path / "a", out, overwrite=True)
    assert {(state / target).read_bytes() for state in taken} <= {b"old", out.read_bytes()}


def test_a_mix_of_two_checkpoints_is_refused(pair, tmp_path):
    out = tmp_path / "mixed"
    shutil.copytree(pair[0], out)
    shutil.copy(pair[1] / "generator.safetensors", out)
    with pytest.raises(UserError, match="not the one of model.json"):
        native.read(out, "generator", "mixed")


@pytest.mark.parametrize("left", ["torn", "of another"])
def test_what_a_killed_save_had_not_finished_is_ignored(left, pair, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(pair[0], out)
    staged = out / STAGED
    staged.mkdir()
    content = (pair[1] / "generator.safetensors").read_bytes()
    (staged / "generator.safetensors").write_bytes(content[: len(content) // 2] if left == "torn" else content)
    assert states(out) == states(pair[0])
    native.save(out, card={"name": "again"})
    assert not staged.exists()
    assert states(out)[:2] == states(pair[0])[:2]


@pytest.mark.parametrize("exchange", [True, False])
def test_a_folder_that_is_replaced_is_the_old_or_the_new_one(exchange, tmp_path, monkeypatch):
    if not exchange:
        monkeypatch.setattr(atomic_folders, "_exchanged", lambda one, other: False)
    place = tmp_path / "place" / "best"

    def write(text: str) -> None:
        with atomic_folders.replacing(place) as folder:
            for name in ("a", "b"):
                atomic.write_bytes(folder / name, text.encode())

    def read(folder: Path) -> list[str]:
        return [path.read_text() for path in sorted(folder.iterdir())]

    place.parent.mkdir()
    write("old")
    with snapshots(monkeypatch, place.parent, tmp_path / "kept") as taken:
        write("new")
    assert read(place) == ["new", "new"]
    for state in taken:
        atomic_folders.settle(state)
        assert [path.name for path in state.iterdir()] == ["best"]
        assert read(state / "best") in (["old", "old"], ["new", "new"])


def test_a_full_disk_leaves_a_checkpoint_as_it_was(pair, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    shutil.copytree(pair[0], out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    for size in (0, 10, 3000, 20_000):
        with file_size_limit(size) if not size else room_for(monkeypatch, size, 28):
            assert main(["convert", str(pair[1]), "--out", str(out), "--overwrite"]) == 1
        assert "no room left" in capsys.readouterr().err
        assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_a_run_that_was_killed_while_it_was_overwritten_can_be_overwritten(tmp_path, monkeypatch):
    from l4f_datagen.training.core.run import RunFolder

    place = tmp_path / "place"
    run = RunFolder(place / "run")
    first, second = ({"stage": "s", "settings": {}, "identity": {"seed": seed}} for seed in (0, 1))
    run.begin(first)
    for iteration in (1, 2):
        with atomic_folders.replacing(run.checkpoint(iteration)) as folder:
            for name in "abc":
                atomic.write_bytes(folder / name, b"x")
    run.log({"iteration": 1})
    with snapshots(monkeypatch, place, tmp_path / "kept") as taken:
        run.begin(second, overwrite=True)
    assert len(taken) > 5
    for state in taken:
        left = RunFolder(state / "run")
        for iteration in left.checkpoints():  # whole, or not there
            assert sorted(path.name for path in left.checkpoint(iteration).iterdir()) == ["a", "b", "c"]
        left.begin(second, overwrite=True)
        assert left.checkpoints() == []
        assert not left.log_file.exists()


@pytest.mark.parametrize("command", ["json", "csv", "sheet", "png"])
def test_a_result_that_is_replaced_is_the_old_or_the_new_one(command, tmp_path, monkeypatch, tiny_checkpoint):
    place = tmp_path / "place"
    place.mkdir()
    data = tmp_path / "shards"
    words = "generate --generator $ --n 4 --threshold 0.5 --device cpu --out @"
    assert main(filled(words, dollar=tiny_checkpoint, at=data)) == 0
    masks = tmp_path / "masks"
    assert main(["export", str(data), "--format", "folder", "--out", str(masks)]) == 0
    out, words = {
        "json": ("m.json", "evaluate masks $/masks/masks $/masks/masks --resamples 10 --json-file @"),
        "csv": ("m.csv", "evaluate masks $/masks/masks $/masks/masks --resamples 10 --csv @"),
        "sheet": ("p.png", "preview $/shards --n 4 --out @"),
        "png": ("s.json", "stats $/shards --json-file @"),
    }[command]
    (place / out).write_bytes(b"old")
    with snapshots(monkeypatch, place, tmp_path / "kept") as taken:
        assert main(filled(words, dollar=tmp_path, at=place / out)) == 0
    assert {(state / out).read_bytes() for state in taken} <= {b"old", (place / out).read_bytes()}
    assert len(taken) > 1


def test_the_record_of_an_experiment_is_the_old_or_the_new_one(tmp_path, monkeypatch):
    from l4f_datagen.experiment.record import FILE, Record

    place = tmp_path / "place"
    place.mkdir()
    with Record(place).timing("one"):
        pass
    with snapshots(monkeypatch, place, tmp_path / "kept") as taken, Record(place).timing("two"):
        pass
    kept = [sorted(json.loads((state / FILE).read_text())["stages"]) for state in taken]
    assert {tuple(stages) for stages in kept} == {("one",), ("one", "two")}


def test_safetensors_are_the_librarys_bytes(tmp_path):
    from safetensors.torch import save_file

    torch.manual_seed(0)
    tensors = {
        "a": torch.randn(3, 4), "b.c": torch.tensor(3.0), "none": torch.zeros(0, 3), "half": torch.randn(5).half(),
        "bf": torch.randn(7).bfloat16(), "i": torch.arange(3), "u": torch.arange(3, dtype=torch.uint8),
        "é\"": torch.ones(2),
        "bool": torch.tensor([True, False]), "double": torch.randn(2, 2).double(), "short": torch.arange(3).short(),
        "int": torch.arange(3).int(), "view": torch.randn(4, 6).t(),
    }  # fmt: skip
    for metadata in (None, {"numbers": '{"a": "é"}'}):
        save_file({name: t.contiguous() for name, t in tensors.items()}, tmp_path / "a", metadata=metadata)
        tensor_file.save(tmp_path / "b", tensors, metadata=metadata)
        assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
