"""Codes become data sets, and are measured."""

import json
import shutil

import numpy as np
import pytest

import l4f_datagen as l4f
from l4f_datagen.cli import main
from l4f_datagen.mask_files import png as mask_png
from l4f_datagen.projection.codes import read_codes
from l4f_datagen.projection.results import read_pictures
from l4f_datagen.shards.format import encoding

from ..older import as_before, kinds


def made(codes_folder, out, *words: str) -> int:
    return main(["generate", "--codes", str(codes_folder), "--out", str(out), "--samples-per-shard", "2", *words])


def test_samples_are_the_photographs_with_the_alphas_of_their_codes(codes_folder, tmp_path):
    assert made(codes_folder, tmp_path / "set", "--image-format", "png", "--save", "foreground,cutout") == 0
    codes, samples = read_codes(codes_folder), list(l4f.open_dataset(tmp_path / "set"))
    assert len(samples) == len(codes) == 5
    for row, sample in zip(codes.rows, samples, strict=True):
        pictures = read_pictures(codes_folder, row.key)
        assert np.array_equal(sample.image, pictures["images"]) and np.array_equal(sample.alpha, pictures["alphas"])
        assert np.array_equal(sample.mask, pictures["masks"])
        assert np.array_equal(sample.foreground, pictures["reconstructions"])
        stored = encoding.decode_cutout((codes_folder / "cutouts" / f"{row.key}.png").read_bytes())
        assert np.array_equal(sample.cutout, stored) and np.array_equal(stored[..., 3], sample.alpha)
        assert sample.metadata["background_source"] == row.key
    assert main(["verify", str(tmp_path / "set")]) == 0
    assert main(["train-segmenter", "--shards", str(tmp_path / "set"), "--out", str(tmp_path / "u"), "--dry-run"]) == 0


def test_it_is_extended_repaired_and_made_again_with_the_same_bytes(codes_folder, tmp_path, capsys):
    assert made(codes_folder, tmp_path / "one") == 0
    assert made(codes_folder, tmp_path / "two", "--n", "3") == 0
    assert main(["generate", "--n", "5", "--out", str(tmp_path / "two")]) == 0
    tars = [f"{shard:05d}.tar" for shard in range(3)]
    assert all((tmp_path / "one" / tar).read_bytes() == (tmp_path / "two" / tar).read_bytes() for tar in tars)
    whole = (tmp_path / "one" / tars[1]).read_bytes()
    (tmp_path / "one" / tars[1]).write_bytes(whole[:700])
    assert main(["verify", "--repair", str(tmp_path / "one")]) == 0
    assert (tmp_path / "one" / tars[1]).read_bytes() == whole
    assert made(codes_folder, tmp_path / "one", "--threshold", "0.9") == 2
    assert "threshold (0.5 there, 0.9 here)" in capsys.readouterr().err


def test_one_that_was_begun_with_palettes_goes_on_with_them(codes_folder, tmp_path):
    assert made(codes_folder, tmp_path / "new", "--n", "1") == 0 and kinds(tmp_path / "new") == {0}
    assert made(codes_folder, tmp_path / "whole", "--mask-values", "palette") == 0
    assert made(codes_folder, tmp_path / "old", "--mask-values", "palette", "--n", "3") == 0
    as_before(tmp_path / "old")
    assert main(["generate", "--n", "5", "--out", str(tmp_path / "old")]) == 0
    assert kinds(tmp_path / "old") == {3}
    whole, old = ((tmp_path / name / "00001.tar").read_bytes() for name in ("whole", "old"))
    assert old == whole
    assert main(["verify", str(tmp_path / "old")]) == 0


@pytest.mark.parametrize(
    "words, told",
    [
        (["--psi", "0.5"], "--psi: got --codes beside it"),
        (["--generator", "vessels64", "--seed", "3"], "--generator, --seed: got --codes"),
        (["--n", "6"], "at most the 5 photographs"),
        (["--max-error", "0.001"], "leaves no photograph"),
        (["--engine", "ray"], "ray with --codes"),
        (["--save", "w"], "save"),
    ],
)
def test_what_means_nothing_to_photographs_is_refused(words, told, codes_folder, tmp_path, capsys):
    assert made(codes_folder, tmp_path / "set", *words) == 2
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1 and not (tmp_path / "set" / "dataset.json").exists()


def test_codes_that_are_not_whole_are_told(codes_folder, tmp_path, capsys):
    assert made(tmp_path / "none", tmp_path / "set") == 2
    assert "no such folder" in capsys.readouterr().err
    copy = shutil.copytree(codes_folder, tmp_path / "copy")
    (copy / "alphas" / "photo2.png").unlink()
    assert made(copy, tmp_path / "set") == 1
    assert "photo2.png is damaged" in capsys.readouterr().err
    description = json.loads((copy / "codes.json").read_text())
    (copy / "codes.json").write_text(json.dumps(description | {"alpha": None}))
    assert made(copy, tmp_path / "other") == 2
    assert "without an alpha network" in capsys.readouterr().err
    assert main(["generate", "--max-error", "3", "--out", str(tmp_path / "x")]) == 2
    assert "--max-error: got 3, which has no effect here; expected --codes beside it" in capsys.readouterr().err


def test_masks_are_measured_beside_segmenters_at_the_size_of_the_projection(codes_folder, tmp_path, capsys):
    codes = read_codes(codes_folder)
    truth = tmp_path / "masks"
    truth.mkdir()
    for row in codes.rows[1:]:
        mask = read_pictures(codes_folder, row.key)["masks"].repeat(2, 0).repeat(2, 1)
        (truth / f"{row.key}.png").write_bytes(mask_png.encode(np.pad(mask, ((0, 0), (5, 5))), "palette"))
    images = tmp_path / "images"
    images.mkdir()
    for row in codes.rows[1:]:
        wide = np.zeros((32, 42, 3), np.uint8)
        (images / f"{row.key}.png").write_bytes(encoding.encode_image(wide, "png", 100))
    words = ["evaluate", "projection", str(codes_folder), "--images", str(images), "--masks", str(truth)]
    words += ["--segmenter", str(codes_folder / "masks"), "--allow-empty", "--resamples", "9", "--json"]
    assert main(words) == 0
    first, second = json.loads(capsys.readouterr().out)["rows"]
    assert first["accuracy"] == second["accuracy"] == 1 and first["images"] == 4
    assert first["error"] > 0 and first["seconds"] > 0 and "error" not in second
    assert main(["evaluate", "projection", str(codes_folder), "--images", "world:vessels"]) == 2
    assert "names are those of no mask" in capsys.readouterr().err
