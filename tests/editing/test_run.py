"""The folder of edits: what lies in it, continuing, other settings, subjects without a foreground."""

import json
import shutil

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

import l4f_datagen as l4f
from l4f_datagen import weights, worlds
from l4f_datagen.cli import main
from l4f_datagen.editing import drawing
from l4f_datagen.projection import codes
from l4f_datagen.settings import resolve
from l4f_datagen.sheet import save_png
from tests.faults import snapshots

NEAR = {"generator": "vessels64", "direction": "pca:0", "seeds": (3, 7), "steps": 3, "device": "cpu"}


def settings(**changed) -> l4f.EditSettings:
    return resolve(l4f.EditSettings, {}, NEAR | changed)


def read(path) -> np.ndarray:
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def edited(tmp_path_factory):
    out = tmp_path_factory.mktemp("edited") / "out"
    done = l4f.edit(settings(gif=True), out)
    return out, done


def test_what_lies_in_the_folder(edited):
    out, done = edited
    assert done.keys == ("seed-3", "seed-7") and done.made == 2 and not done.left_out
    per_step = {f"{kind}/{step:02d}.png" for kind in ("frames", "plain", "masks", "alphas") for step in range(3)}
    per_subject = per_step | {"original.png", "background.png", "sheet.png", "edit.gif", "edit.json"}
    expected = {f"{key}/{name}" for key in done.keys for name in per_subject}
    assert contents(out).keys() == expected | {"settings.json", "edit.json", "sheet.png"}
    with Image.open(out / "seed-3" / "edit.gif") as moving:
        assert moving.n_frames == 4 and moving.size == (128, 64)
    with Image.open(out / "seed-3" / "masks" / "00.png") as mask:
        assert mask.mode == "L" and set(np.unique(mask)) == {0, 1}


def test_frames_are_the_originals_outside_the_masks_and_the_plain_edits_inside(edited):
    out, done = edited
    told = json.loads((out / "edit.json").read_text())
    assert told["worst"] == dict(done.worst)
    for key in done.keys:
        margin = told["subjects"][key]["margin"]
        around = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * margin + 1,) * 2)
        original, middle = read(out / key / "original.png"), read(out / key / "masks" / "01.png") > 0
        for step in range(3):
            frame, plain = (read(out / key / kind / f"{step:02d}.png") for kind in ("frames", "plain"))
            mask = read(out / key / "masks" / f"{step:02d}.png") > 0
            outside = cv2.dilate((mask | middle).astype(np.uint8), around) == 0
            assert outside.any() and mask.any()
            np.testing.assert_array_equal(frame[outside], original[outside])
            noise = np.square(frame[mask].astype(float) - plain[mask]).mean()
            assert noise == 0 or 10 * np.log10(255**2 / noise) > 30
            figures = told["subjects"][key]["steps"][step]
            assert figures["area"] == pytest.approx(mask.mean(), abs=1e-6)
            assert figures["kept_outside"] == 0 and abs(figures["inside_change_db"]) < 1
        # The middle step is of strength 0: nothing changes, but for the rounding of a batch.
        for kind in ("frames", "plain"):
            assert np.abs(read(out / key / kind / "01.png").astype(int) - original).max() <= 1
        figures = told["subjects"][key]["steps"]
        assert [step["strength"] for step in figures] == [-2, 0, 2]
        assert figures[0]["plain_outside"] > 1 and figures[1]["plain_outside"] < 0.01
        assert figures[1]["iou_before"] == figures[0]["iou_original"] < 1


def test_the_same_command_continues_wherever_it_was_killed(edited, tmp_path, monkeypatch):
    out, _ = edited
    before = contents(out)
    (tmp_path / "place").mkdir()
    with snapshots(monkeypatch, tmp_path / "place", tmp_path / "kept") as taken:
        l4f.edit(settings(gif=True), tmp_path / "place" / "out")
    assert contents(tmp_path / "place" / "out") == before
    assert len(taken) > 3
    for state in taken[:: max(1, len(taken) // 4)]:
        for lock in state.rglob(".writing*"):
            lock.unlink()
        seen = {path.parent.name for path in state.glob("out/*/edit.json")}
        done = l4f.edit(settings(gif=True), state / "out")
        assert done.made == 2 - len(seen)
        assert contents(state / "out") == before


def test_more_seeds_extend_and_other_settings_are_refused(edited, tmp_path, capsys):
    out, _ = edited
    folder = tmp_path / "out"
    shutil.copytree(out, folder)
    before = contents(folder)
    assert l4f.edit(settings(gif=True, batch_size=1), folder).made == 0
    assert contents(folder).keys() == before.keys()
    words = ["edit", "--generator", "vessels64", "--direction", "pca:1", "--seeds", "3", "--steps", "3", "--device",
             "cpu", "--out", str(folder)]  # fmt: skip
    assert main(words) == 2
    told = capsys.readouterr().err
    assert "direction (pca:0 there, pca:1 here)" in told and "--overwrite" in told and told.count("\n") == 1
    (folder / "notes.txt").write_text("mine")
    assert main([*words, "--overwrite", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["edits"] == ["seed-3"] and values["worst"]["kept_outside"] == 0
    assert not (folder / "seed-7").exists() and (folder / "notes.txt").read_text() == "mine"
    done = l4f.edit(settings(direction="pca:1", seeds=(3, 7)), folder)
    assert done.made == 1 and done.keys == ("seed-3", "seed-7")


def test_a_folder_with_palettes_goes_on_with_them(edited, tmp_path):
    folder = tmp_path / "out"
    shutil.copytree(edited[0], folder)
    before = json.loads((folder / "settings.json").read_bytes())
    assert before.pop("mask_values") == "01"
    (folder / "settings.json").write_text(json.dumps(before))
    assert l4f.edit(settings(gif=True, seeds=(3, 8)), folder).made == 1
    with Image.open(folder / "seed-8" / "masks" / "00.png") as mask:
        assert mask.mode == "P"


def test_folders_of_other_things_are_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(l4f.UserError, match=r"holds notes\.txt"):
        l4f.edit(settings(), tmp_path)
    (tmp_path / "settings.json").write_text('{"format": "l4f-datagen-run", "version": 1}')
    for overwrite in (False, True):
        with pytest.raises(l4f.UserError, match="l4f-datagen-edit"):
            l4f.edit(settings(), tmp_path, overwrite=overwrite)
    assert {path.name for path in tmp_path.iterdir()} == {"notes.txt", "settings.json"}


def test_any_callable_completes_backgrounds(tmp_path):
    seen = []

    def red(image, hole):
        seen.append(hole.sum())
        return np.full_like(image, (255, 0, 0))

    l4f.edit(settings(seeds=(3,), steps=1), tmp_path / "out", inpaint=red)
    background, original = (read(tmp_path / "out" / "seed-3" / name) for name in ("background.png", "original.png"))
    changed = (background != original).any(2)
    assert changed.sum() == seen[0] and (background[changed] == (0, 0, 255)).all()
    with pytest.raises(l4f.UserError, match="inpaint"):
        l4f.edit(settings(seeds=(3,), steps=1), tmp_path / "out")


def test_a_list_of_codes_needs_no_sample(tmp_path):
    codes = np.random.default_rng(0).standard_normal((3, 1, 128)).astype(np.float32) * 0.3
    np.save(tmp_path / "list.npy", codes)
    done = l4f.edit(resolve(l4f.EditSettings, {}, {
        "generator": "vessels64", "direction": str(tmp_path / "list.npy"), "threshold": "0.1", "device": "cpu",
    }), tmp_path / "out")  # fmt: skip
    assert done.keys == ("list",) and done.steps == 3
    first = read(tmp_path / "out" / "list" / "plain" / "00.png")
    np.testing.assert_array_equal(first, read(tmp_path / "out" / "list" / "original.png"))


@pytest.fixture
def no_foreground(monkeypatch):
    """The networks' alphas are what a test says, by the seed's order; steps have those of their subject."""

    draw = drawing.Editor.draw

    def use(*greys):
        order = iter(greys)

        def changed(editor, codes, noise):
            images, alphas = draw(editor, codes, noise)
            if len(codes) == 1:
                changed.grey = next(order)
            return images, alphas if changed.grey is None else np.full_like(alphas, changed.grey)

        monkeypatch.setattr(drawing.Editor, "draw", changed)

    return use


@pytest.mark.parametrize(("grey", "words"), [(0, "an empty mask (alpha is at most 0"), (255, "leaves no background")])
def test_subjects_with_nothing_to_keep_are_left_out(tmp_path, capsys, caplog, no_foreground, grey, words):
    no_foreground(grey, None)
    command = ["edit", "--generator", "vessels64", "--direction", "pca:0", "--steps", "2", "--device", "cpu"]
    assert main([*command, "--seeds", "3,7", "--out", str(tmp_path / "some")]) == 1
    told = capsys.readouterr()
    assert words in caplog.text and "1 could not be edited (seed-3); the others are done" in told.err
    assert not (tmp_path / "some" / "seed-3").exists() and (tmp_path / "some" / "seed-7" / "edit.json").is_file()
    no_foreground(grey)
    assert main([*command, "--seeds", "3", "--out", str(tmp_path / "none")]) == 2
    told = capsys.readouterr().err
    assert words in told and told.count("l4f-datagen: ") == 1
    said = json.loads((tmp_path / "none" / "edit.json").read_text())
    assert said["left_out"] == ["seed-3"] and said["subjects"] == {}
    no_foreground(None)
    assert main([*command, "--seeds", "3", "--threshold", "0.4", "--out", str(tmp_path / "none")]) == 0


@pytest.fixture(scope="module")
def projected(tmp_path_factory):
    """A folder of codes of two vessels, with noise maps of their own; the photographs are renderings."""
    folder = tmp_path_factory.mktemp("codes")
    generator, source = weights.read_generator("vessels64")
    names = ("one", "sub/two, three")
    w = generator.map(torch.randn(2, 128, generator=torch.Generator().manual_seed(0))) * 0.7
    noise = [torch.randn(2, *size) * 0.1 for size in generator.architecture.noise_sizes]
    values = {"error": 1.0, "psnr": 30.0, "undrawn": 0.1, "distance": 1.0, "seconds": 1.0}
    rows = [
        codes.Row(key=name, file=f"{name}.jpg", sha256="0" * 64, space="w+", how="optimise", **values) for name in names
    ]
    codes.write_file(folder / codes.CODES, w[:, None].expand(-1, 10, -1), rows, noise)
    described = {"format": codes.FORMAT, "version": codes.VERSION, "identity": {},
                 "generator": {"name": source.name, "sha256": source.sha256}}  # fmt: skip
    (folder / codes.DESCRIPTION).write_text(json.dumps(described))
    for index, name in enumerate(names):
        save_png(folder / codes.IMAGES / f"{name}.png", worlds.render("vessels", seed=0, index=index, size=64).image)
    return folder


@pytest.mark.parametrize("keys", [(), ("sub/two, three",), ("one,one",)], ids=str)
def test_backgrounds_of_photographs_are_theirs(projected, keys, tmp_path):
    done = l4f.edit(settings(seeds=(), codes=str(projected), keys=keys), tmp_path / "out")
    assert done.keys == {(): ("one", "sub/two, three"), ("one,one",): ("one",)}.get(keys, keys)
    assert done.worst["kept_outside"] == 0 and done.worst["plain_outside"] > 1
    for key in done.keys:
        photograph = read(projected / codes.IMAGES / f"{key}.png")
        np.testing.assert_array_equal(read(tmp_path / "out" / key / "original.png"), photograph)
        untouched = (read(tmp_path / "out" / key / "frames" / "02.png") == photograph).all(2)
        assert 0.3 < untouched.mean() < 1
    again = l4f.edit(settings(seeds=(), codes=str(projected), keys=keys), tmp_path / "out")
    assert again.made == 0


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"codes": "@"}, "both seeds and codes"),
        ({"keys": "one", "codes": None}, "expected --codes beside it"),
        ({"seeds": (), "codes": "@", "keys": ("nobody",)}, "no photograph of this name"),
        ({"seeds": (), "codes": "@", "generator": "vessels"}, "codes of the generator vessels64"),
        ({"seeds": (), "codes": "@/nowhere"}, "no such folder"),
    ],
)
def test_photographs_that_are_not_there(projected, flags, words, tmp_path):
    flags = {name: str(projected) + value[1:] if name == "codes" and value else value for name, value in flags.items()}
    with pytest.raises(l4f.UserError, match=words):
        l4f.edit(settings(**flags), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [None, b"", b"no picture", "small"], ids=str)
def test_pictures_of_codes_that_are_gone_or_others(projected, content, tmp_path):
    folder = tmp_path / "codes"
    shutil.copytree(projected, folder)
    place = folder / codes.IMAGES / "one.png"
    place.unlink()
    if content == "small":
        save_png(place, np.zeros((8, 8, 3), np.uint8))
    elif content is not None:
        place.write_bytes(content)
    with pytest.raises(l4f.UserError, match="copy the folder again"):
        l4f.edit(settings(seeds=(), codes=str(folder), keys=("one",)), tmp_path / "out")


def test_a_generator_without_an_alpha_network(tmp_path, capsys, tiny_checkpoint):
    bare = tmp_path / "bare"
    shutil.copytree(tiny_checkpoint, bare)
    (bare / "alpha.safetensors").unlink()
    assert main(["edit", "--generator", str(bare), "--direction", "pca:0", "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err
    assert "--alpha" in told and told.count("\n") == 1


@pytest.mark.parametrize("flags", [("--inpaint-onnx", "nowhere.onnx"), ("--seeds", "x"), ("--steps", "0"),
                                   ("--layers", "99"), ("--direction", "nowhere.npy")])  # fmt: skip
def test_mistakes_write_nothing(flags, tmp_path, capsys):
    words = ["edit", "--direction", "pca:0", "--generator", "vessels64", *flags, "--out", str(tmp_path / "out")]
    assert main(words) == 2
    assert capsys.readouterr().err.count("\n") == 1 and not (tmp_path / "out").exists()
