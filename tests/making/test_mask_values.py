"""What mask files hold: chosen when a data set is begun, kept when it goes on, and known to all that read it."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import l4f_datagen as l4f
from l4f_datagen.analysis import distributions
from l4f_datagen.cli import main
from l4f_datagen.engines import local
from l4f_datagen.making.importing import import_dataset
from l4f_datagen.making.render import render
from l4f_datagen.mask_files import png as mask_png
from l4f_datagen.samples.opening import open_samples
from l4f_datagen.samples.reading import Reading
from l4f_datagen.settings import ImportSettings, RenderSettings, load_pipeline
from l4f_datagen.settings.recommended import completed
from l4f_datagen.shards.format import layout, sealed

from ..older import as_before, kinds

GREY, INDEXED = {0}, {3}
RENDER = ["render", "vessels", "--size", "16", "--samples-per-shard", "2"]


@pytest.fixture(scope="module")
def labelled(tmp_path_factory) -> Path:
    """Images and masks of somebody's."""
    folder = tmp_path_factory.mktemp("labelled")
    for number in range(5):
        for part in ("images", "masks"):
            (folder / part).mkdir(exist_ok=True)
        mask = np.zeros((16, 16), np.uint8)
        mask[number:9, 3:8] = 1
        Image.fromarray(np.repeat(200 * mask[..., None], 3, 2)).save(folder / "images" / f"{number}.png")
        Image.fromarray(mask).save(folder / "masks" / f"{number}.png")
    return folder


@pytest.fixture(params=["generate", "render", "import"])
def command(request, tiny_checkpoint, labelled) -> list[str]:
    """A command that begins a data set, but for how many samples and where."""
    return {
        "generate": ["generate", "--generator", str(tiny_checkpoint), "--device", "cpu", "--samples-per-shard", "2"],
        "render": RENDER,
        "import": ["import", str(labelled), "--samples-per-shard", "2", "--image-format", "png"],
    }[request.param]  # fmt: skip


def described(folder: Path) -> dict:
    return json.loads((folder / layout.DATASET).read_bytes())


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("0*") if path.is_file()}


def test_new_data_sets_hold_grey_class_indices(command, tmp_path):
    assert main([*command, "--n", "3", "--out", str(tmp_path / "set")]) == 0
    assert kinds(tmp_path / "set") == GREY
    description = described(tmp_path / "set")
    assert description["version"] == 3
    assert description["settings"]["mask_values"] == description["identity"]["mask_values"] == "01"
    assert main(["verify", str(tmp_path / "set")]) == 0
    assert "grey of 8 bits: 0 background, 1 foreground" in (tmp_path / "set" / "README.md").read_text()


def test_a_data_set_that_was_begun_with_palettes_goes_on_with_them(command, tmp_path, capsys):
    old, whole = tmp_path / "old", tmp_path / "whole"
    assert main([*command, "--n", "5", "--mask-values", "palette", "--out", str(whole)]) == 0
    assert main([*command, "--n", "3", "--mask-values", "palette", "--out", str(old)]) == 0
    for folder in (old, whole):
        assert [path.name for path in folder.glob("*.parquet")] == ["metadata.parquet"], "each row once"
        as_before(folder)
        assert main(["finalize", str(folder)]) == 0
    before = files(old)
    assert main(["verify", str(old)]) == 0 and main(["stats", str(old)]) == 0
    assert main([command[0], "--n", "5", "--out", str(old)]) == 0, "no flag is needed"
    assert files(old) == files(whole), "the same bytes as if it had been made at once"
    assert files(old)["00000.tar"] == before["00000.tar"]
    assert described(old)["version"] == 2 and kinds(old) == INDEXED
    assert (old / "00002.parquet").is_file() and not list(old.glob("*_rows.pq")), "names of files go on too"
    assert main(["verify", str(old)]) == 0
    assert main([*command, "--n", "5", "--mask-values", "01", "--out", str(old)]) == 2
    assert "mask_values (palette there, 01 here)" in capsys.readouterr().err
    (old / "00001.tar").write_bytes(b"")
    if command[0] != "import":  # which nothing can make again
        assert main(["verify", "--repair", str(old)]) == 0
        assert files(old) == files(whole)


def test_python_too_goes_on_as_it_was_begun(tmp_path, tiny_settings, labelled):
    rendering = RenderSettings(n=2, size=16, samples_per_shard=2)
    importing = ImportSettings(source=str(labelled), n=2, samples_per_shard=2)
    makers: dict[str, tuple[Callable, l4f.GenerateSettings | RenderSettings | ImportSettings]] = {
        "generate": (local.generate, tiny_settings), "render": (render, rendering),
        "import": (import_dataset, importing),
    }  # fmt: skip
    for name, (make, settings) in makers.items():
        make(settings.model_copy(update={"n": 2, "mask_values": "palette"}), tmp_path / name)
        as_before(tmp_path / name)
        make(settings.model_copy(update={"n": 4}), tmp_path / name)
        assert kinds(tmp_path / name) == INDEXED and len(l4f.open_dataset(tmp_path / name)) == 4
        with pytest.raises(l4f.UserError, match="mask_values"):
            make(settings.model_copy(update={"n": 4, "mask_values": "01"}), tmp_path / name)
        make(settings.model_copy(update={"n": 4}), tmp_path / name, overwrite=True)
        assert kinds(tmp_path / name) == GREY, "what replaces it is begun anew"
        assert [path.name for path in (tmp_path / name).glob("*.parquet")] == ["metadata.parquet"]


@pytest.fixture(scope="module")
def alike(tmp_path_factory) -> dict[str, Path]:
    """The same samples, their masks stored in every way."""
    folder = tmp_path_factory.mktemp("alike")
    for values in ("01", "0255", "palette"):
        assert main([*RENDER, "--n", "5", "--mask-values", values, "--out", str(folder / values)]) == 0
    return {values: folder / values for values in ("01", "0255", "palette")}


def test_white_foregrounds_are_white_to_every_viewer(alike):
    for _, members in l4f.open_dataset(alike["0255"]).members():
        assert set(np.unique(mask_png.decode(members["mask.png"], "01"))) == {0, 255}


def stacked(masks) -> np.ndarray:
    return np.stack(list(masks))


READ: dict[str, Callable[[Path], np.ndarray]] = {
    "open_dataset": lambda folder: stacked(sample.mask for sample in l4f.open_dataset(folder)),
    "the loader": lambda folder: torch.stack([mask for _, mask in l4f.TrainingDataset(folder, shuffle=False)]).numpy(),
    "the loader with a transform": lambda folder: stacked(
        l4f.TrainingDataset(folder, shuffle=False, transform=lambda sample: sample.mask)
    ),
    "stats": lambda folder: distributions.measure(l4f.open_dataset(folder)).mean_mask,
    "what trains and evaluates": lambda folder: stacked(
        open_samples(str(folder), Reading()).mask(index) for index in range(5)
    ),
    "what reads tars": lambda folder: stacked(
        open_samples(f"tars:{folder}/*.tar", Reading()).mask(index) for index in range(5)
    ),
}


@pytest.mark.parametrize("reader", READ)
def test_all_of_ours_read_the_same_classes_however_they_are_stored(reader, alike):
    expected = READ[reader](alike["palette"])
    assert expected.any()
    for values in ("01", "0255"):
        np.testing.assert_array_equal(READ[reader](alike[values]), expected)


@pytest.mark.parametrize("form", ["coco", "fiftyone", "folder", "hf-parquet", "voc", "yolo"])
def test_exports_are_the_same_however_masks_are_stored(form, alike, tmp_path):
    found = {}
    for values, folder in alike.items():
        out = tmp_path / values
        assert main(["export", str(folder), "--format", form, "--out", str(out)]) == 0
        found[values] = {p.relative_to(out): p.read_bytes() for p in out.rglob("*") if p.is_file()}
        found[values].pop(Path("README.md"))  # it names the fingerprint of the settings
    assert found["01"] == found["0255"] == found["palette"]


def test_imports_and_previews_are_the_same_however_masks_are_stored(alike, tmp_path):
    found = {}
    for values, folder in alike.items():
        sheet, out = tmp_path / f"{values}.png", tmp_path / values
        assert main(["preview", str(folder), "--out", str(sheet)]) == 0
        assert main(["import", str(folder), "--out", str(out), "--image-format", "png"]) == 0
        assert main(["verify", str(folder)]) == main(["verify", str(out)]) == 0
        found[values] = sheet.read_bytes(), stacked(sample.mask for sample in l4f.open_dataset(out)).tobytes()
        assert kinds(out) == GREY
    assert found["01"] == found["0255"] == found["palette"]


@pytest.mark.parametrize("values", ["01", "0255"])
def test_repairs_make_the_same_masks(values, alike, tmp_path):
    folder = tmp_path / "set"
    assert main([*RENDER, "--n", "5", "--mask-values", values, "--out", str(folder)]) == 0
    (folder / "00001.tar").write_bytes(b"")
    assert main(["verify", "--repair", str(folder)]) == 0
    assert files(folder) == files(alike[values])


def test_a_mask_of_another_kind_than_the_data_set_says_is_told(alike, monkeypatch, tmp_path, capsys):
    encode = mask_png.encode
    monkeypatch.setattr(mask_png, "encode", lambda mask, values: encode(mask, "palette"))
    assert main([*RENDER, "--n", "2", "--out", str(tmp_path / "set")]) == 0
    capsys.readouterr()
    assert main(["verify", str(tmp_path / "set")]) == 1
    assert "colour type 3, not 8-bit grey" in capsys.readouterr().out


@pytest.mark.parametrize(("version", "values"), [(2, "01"), (2, "0255"), (3, None), (3, "white"), (3, 1)])
def test_a_description_that_leaves_it_open_is_damaged(version, values, alike, tmp_path, capsys):
    description = described(alike["01"]) | {"version": version}
    description["settings"] = description["settings"] | {"mask_values": values}
    (tmp_path / layout.DATASET).write_bytes(sealed.seal(description))
    assert main(["stats", str(tmp_path)]) == 1
    assert "settings.mask_values" in capsys.readouterr().err


CONTRADICTORY = ["--mask-values", "0255", "--ignore-band", "0.2,0.8"]


def test_white_foregrounds_beside_ignored_pixels_are_refused(tiny_checkpoint, labelled, tmp_path, capsys):
    generate = ["generate", "--generator", str(tiny_checkpoint), "--device", "cpu", "--n", "2", "--samples-per-shard"]
    assert main([*generate, "2", *CONTRADICTORY, "--out", str(tmp_path / "a")]) == 2
    told = capsys.readouterr().err
    assert "--mask-values" in told and "ignored pixels are 255" in told and told.count("\n") == 1
    assert not (tmp_path / "a").exists()
    with pytest.raises(l4f.UserError, match="ignore_band"):
        completed(l4f.GenerateSettings(mask_values="0255"), {"ignore_band": [0.2, 0.8]})
    ignoring = tmp_path / "ignoring"
    for part in ("images", "masks"):
        (ignoring / part).mkdir(parents=True)
    with Image.open(labelled / "masks" / "1.png") as image:
        mask = np.array(image)
    mask[0] = 255
    Image.fromarray(np.repeat(200 * mask[..., None], 3, 2)).save(ignoring / "images" / "1.png")
    Image.fromarray(mask).save(ignoring / "masks" / "1.png")
    assert main(["import", str(ignoring), "--mask-values", "0255", "--out", str(tmp_path / "b")]) == 2
    told = capsys.readouterr().err
    assert "ignored pixels" in told and told.count("\n") == 1 and not (tmp_path / "b").exists()
    assert main(["import", str(ignoring), "--out", str(tmp_path / "b")]) == 0
    # A data set does not know what was not looked at: its masks tell when they are read.
    assert main(["import", str(tmp_path / "b"), "--mask-values", "0255", "--out", str(tmp_path / "c")]) == 2
    told = capsys.readouterr().err
    assert "ignored pixels" in told and "Traceback" not in told


@pytest.mark.parametrize(("written", "meant"), [("01", "01"), ("'01'", "01"), ("0255", "0255"), ("palette", "palette")])
def test_yaml_may_write_them_as_numbers(written, meant, tmp_path):
    (tmp_path / "p.yaml").write_text(f"generate:\n  mask_values: {written}\n")
    assert l4f.GenerateSettings(**load_pipeline(str(tmp_path / "p.yaml")).generate).mask_values == meant
