"""Projection as a whole: what it leaves, that it finds better codes, that it continues, and what it refuses."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from l4f_datagen import weights
from l4f_datagen.cli import main
from l4f_datagen.errors import UserError
from l4f_datagen.networks.encoders.encoder import Encoder
from l4f_datagen.projection import codes as codes_module
from l4f_datagen.projection import run, unusual
from l4f_datagen.projection.codes import read_codes
from l4f_datagen.projection.results import FOLDERS, read_pictures
from l4f_datagen.projection.run import project
from l4f_datagen.shards.format import encoding
from l4f_datagen.weights import native

from .conftest import photograph, write_photographs


def without_seconds(rows):
    return [{name: value for name, value in vars(row).items() if name != "seconds"} for row in rows]


def test_what_it_leaves(few, tmp_path, tiny_checkpoint):
    told = []
    done = project(few, tmp_path / "codes", report=lambda *now: told.append(now))
    assert (done.made, done.broken, told[-1]) == (5, (), (5, 5))
    found = read_codes(tmp_path / "codes", weights.read_generator(str(tiny_checkpoint)))
    assert [row.key for row in found.rows] == [f"photo{number}" for number in range(5)]
    assert {row.how for row in found.rows} == {"optimise"} and found.noise is None
    table = list(csv.DictReader((tmp_path / "codes" / "index.csv").open(encoding="utf-8")))
    assert [float(line["error"]) for line in table] == [row.error for row in found.rows]
    left = sorted(path.name for path in (tmp_path / "codes").iterdir())
    assert left == sorted([*FOLDERS, "codes.json", "codes.safetensors", "index.csv", "sheet.png"])
    generator = weights.load_generator(str(tiny_checkpoint))
    drawn = generator.synthesize(found.w).image.clamp(-1, 1)
    for number, row in enumerate(found.rows):
        pictures = read_pictures(tmp_path / "codes", row.key)
        assert np.array_equal(pictures["images"], photograph(number))
        again = pictures["reconstructions"].astype(float)
        assert np.abs(again - (drawn[number].permute(1, 2, 0).numpy() + 1) * 127.5).max() < 1
        assert row.error == pytest.approx(np.sqrt(np.square(again - photograph(number)).mean()), abs=0.5)
        assert set(np.unique(pictures["masks"])) <= {0, 1}
        assert np.array_equal(pictures["masks"] == 1, pictures["alphas"] >= 128)


@pytest.mark.parametrize(
    "changes",
    [{"w_steps": 40, "steps": 0, "space": "w"}, {"w_steps": 10, "steps": 30}, {"noise_maps": "optimise", "steps": 40}],
    ids=str,
)
def test_more_steps_find_better_codes(changes, few, tmp_path):
    none = few.model_copy(update={"w_steps": 0, "steps": 0, "batch_size": 5})
    before = project(none, tmp_path / "none").codes
    after = project(few.model_copy(update={"batch_size": 5, **changes}), tmp_path / "some").codes
    assert all(b.error < 0.9 * a.error for a, b in zip(before.rows, after.rows, strict=True))
    same = torch.equal(after.w, after.w[:, :1].expand_as(after.w))
    assert same == (changes.get("space") == "w")
    assert (after.noise is not None) == ("noise_maps" in changes)


def test_a_photograph_is_searched_for_by_itself(few, tmp_path):
    together = project(few.model_copy(update={"batch_size": 5}), tmp_path / "together").codes
    alone = project(few.model_copy(update={"batch_size": 1}), tmp_path / "alone").codes
    assert torch.allclose(together.w, alone.w, atol=1e-4)


class Killed(Exception):
    pass


def test_what_was_finished_stays_whenever_it_is_killed(few, tmp_path):
    whole = project(few, tmp_path / "whole").codes

    def kill(done, count):
        if done >= 2:
            raise Killed

    with pytest.raises(Killed):
        project(few, tmp_path / "codes", report=kill)
    with pytest.raises(UserError, match="was not finished"):
        read_codes(tmp_path / "codes")
    done = project(few, tmp_path / "codes")
    assert done.made == 3
    assert torch.equal(done.codes.w, whole.w) and without_seconds(done.codes.rows) == without_seconds(whole.rows)
    assert project(few, tmp_path / "codes").made == 0


def test_new_photographs_and_changed_ones_are_projected_alone(few, photos, tmp_path):
    before = project(few, tmp_path / "codes").codes
    write_photographs(photos, 7)
    (photos / "photo1.png").write_bytes(encoding.encode_image(photograph(9), "png", 100))
    done = project(few, tmp_path / "codes")
    assert done.made == 3 and len(done.codes) == 7
    assert torch.equal(done.codes.w[0], before.w[0]) and not torch.equal(done.codes.w[1], before.w[1])
    assert done.codes.rows[1].sha256 != before.rows[1].sha256


def test_a_folder_with_palettes_goes_on_with_them(few, photos, tmp_path):
    project(few, tmp_path / "codes")
    write_photographs(photos, 6)
    file = tmp_path / "codes" / "codes.json"
    before = json.loads(file.read_bytes())
    assert before.pop("mask_values") == "01"
    file.write_text(json.dumps(before))
    assert project(few, tmp_path / "codes").made == 1
    colours = [(tmp_path / "codes" / "masks" / f"photo{number}.png").read_bytes()[25] for number in (0, 5)]
    assert colours == [0, 3], "grey, and with a palette"
    assert set(np.unique(read_pictures(tmp_path / "codes", "photo5")["masks"])) <= {0, 1}


def test_other_settings_are_refused_by_name(few, tmp_path):
    project(few, tmp_path / "codes")
    with pytest.raises(UserError, match=r"steps \(3 there, 4 here\)"):
        project(few.model_copy(update={"steps": 4}), tmp_path / "codes")
    assert project(few.model_copy(update={"steps": 4}), tmp_path / "codes", overwrite=True).made == 5
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").write_text("x")
    with pytest.raises(UserError, match=r"holds mine\.txt"):
        project(few, tmp_path / "other")


def test_photographs_that_are_broken_too_small_or_not_square(few, photos, tmp_path, capsys):
    write_photographs(photos, 4, height=9, width=30)
    (photos / "photo4.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    words = ["project", str(photos), "--generator", few.generator, "--w-steps", "1", "--steps", "0", "--device", "cpu"]
    assert main([*words, "--out", str(tmp_path / "codes")]) == 1
    assert "1 photographs could not be read" in capsys.readouterr().err
    rows = read_codes(tmp_path / "codes").rows
    assert len(rows) == 4
    assert "30×9 pixels are fewer than the generator's 16×16" in rows[0].warnings
    assert "less than half of it" in rows[0].warnings


def test_a_dry_run_shows_what_a_run_would_do(photos, tmp_path, capsys):
    words = ["--generator", "vessels64", "--out", str(tmp_path / "codes"), "--dry-run"]
    for more, values in (([], (0.35, 3)), (["--refine", "1"], (0.35, 1)), (["--no-recommended"], (0.5, 0))):
        assert main(["project", str(photos), *words, *more]) == 0
        printed = json.loads(capsys.readouterr().out)
        assert (printed["threshold"], printed["refine"]) == values
    assert main(["project", str(tmp_path / "nowhere"), *words]) == 2
    assert "nowhere" in capsys.readouterr().err and not (tmp_path / "codes").exists()


def test_without_an_alpha_network_there_are_codes_alone(few, tmp_path, tiny_checkpoint):
    generator = tmp_path / "generator"
    native.save(generator, generator=weights.load_generator(str(tiny_checkpoint)))
    project(few.model_copy(update={"generator": str(generator)}), tmp_path / "codes")
    names = {path.name for path in (tmp_path / "codes").iterdir()}
    assert {"images", "reconstructions", "codes.safetensors"} <= names and not {"masks", "alphas", "cutouts"} & names


def test_what_the_generator_cannot_draw_is_told(few, photos, tmp_path, capsys):
    noise = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    (photos / "photo2.png").write_bytes(encoding.encode_image(noise, "png", 100))
    words = [
        "project",
        str(photos),
        "--generator",
        few.generator,
        "--w-steps",
        "30",
        "--steps",
        "30",
        "--device",
        "cpu",
    ]
    assert main([*words, "--out", str(tmp_path / "codes"), "--json"]) == 0
    printed = capsys.readouterr()
    assert "photo2" in json.loads(printed.out)["unusual"]
    assert "photo2.png: the generator cannot draw it well" in printed.err


@pytest.mark.parametrize(
    "how, undrawn, told",
    [("optimise", 0.45, False), ("optimise", 0.6, True), ("encoder+optimise", 0.6, True), ("encoder", 0.6, False),
     ("encoder", 0.75, True)],
)  # fmt: skip
def test_an_encoder_alone_may_leave_more_undrawn(how, undrawn, told):
    row = codes_module.Row(key="a", file="a.png", sha256="", space="w+", how=how, error=9.0, psnr=30.0, undrawn=undrawn,
                    distance=1.0, seconds=0.1)  # fmt: skip
    assert bool(unusual.told([row])[0].warnings) is told
    assert bool(unusual.unknown(undrawn)) is (undrawn > 0.7)


@pytest.mark.parametrize("far, w_steps, told", [(0.0, 2, True), (1e9, 2, False), (0.0, 0, False)])
def test_a_code_of_all_layers_that_lies_far_out_is_told(few, tmp_path, monkeypatch, far, w_steps, told):
    load = run.load_models
    monkeypatch.setattr(run, "load_models", lambda *words: replace(load(*words), far=far, farthest=1e9))
    done = project(few.model_copy(update={"w_steps": w_steps, "steps": 1}), tmp_path / "codes")
    assert all(("no code that the generator often draws from" in row.warnings) is told for row in done.codes.rows)
    if told:
        assert done.unusual == tuple(row.key for row in done.codes.rows)


def encoder_for(sha256: str, **changes) -> Encoder:
    torch.manual_seed(0)
    return Encoder(**{"num_ws": 6, "w_dim": 10, "size": 16, "width": 4, "hidden": 8, "generator": sha256, **changes})


def test_an_encoder_s_answer_is_where_the_search_begins(few, tmp_path, tiny_checkpoint):
    sha256 = weights.read_generator(str(tiny_checkpoint))[1].sha256
    native.save(tmp_path / "encoder", encoder=encoder_for(sha256))
    asked = {**few.model_dump(), "how": "encoder", "encoder": str(tmp_path / "encoder")}
    plain = project(type(few)(**asked | {"refine_steps": 0}), tmp_path / "plain").codes
    refined = project(type(few)(**asked | {"refine_steps": 30}), tmp_path / "refined").codes
    assert plain.rows[0].how == "encoder" and refined.rows[0].how == "encoder+optimise"
    assert all(b.error < a.error for a, b in zip(plain.rows, refined.rows, strict=True))
    # What its answer leaves undrawn is told, though steps from there draw it.
    for before, after in zip(plain.rows, refined.rows, strict=True):
        told = f"the encoder does not know it: the error of its answer is {before.undrawn:.0%} of the contrast"
        assert before.undrawn > unusual.UNANSWERED and "the encoder does not know it" not in before.warnings
        assert "cannot draw it well" in before.warnings and told in after.warnings
    assert unusual.keys_of(refined) == tuple(row.key for row in refined.rows)
    encoder = weights.read_encoder(tmp_path / "encoder")[0]
    pictures = torch.from_numpy(np.stack([photograph(number) for number in range(2)])).permute(0, 3, 1, 2) / 127.5 - 1
    assert torch.allclose(plain.w[:2], encoder(pictures.float()), atol=1e-5)


@pytest.mark.parametrize(
    "words, told",
    [
        (["@photos", "--how", "encoder"], "an encoder with how encoder"),
        (["@photos", "--encoder", "@new/x"], "an encoder with how encoder"),
        (["@photos", "--how", "encoder", "--encoder", "@checkpoint"], "without encoder.safetensors"),
        (["@photos", "--how", "encoder", "--encoder", "@new/other"], "one of the generator bbbbbbbbbbbb…"),
        (["@photos", "--how", "magic"], "magic"),
        (["@photos", "--features", "@checkpoint"], "without a discriminator's state and without a segmenter"),
        (["@photos", "--generator", "@new/none"], "does not exist"),
        (["@new/none"], "images"),
        (["world:cats"], "cats"),
        ([], "name them after project"),
        (["@photos", "--w-steps", "-1"], "w_steps"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_projected_is_told_in_one_line(words, told, photos, tmp_path, tiny_checkpoint, capsys):
    native.save(tmp_path / "other", encoder=encoder_for("b" * 64))
    places = {"@photos": photos, "@new": tmp_path, "@checkpoint": tiny_checkpoint}
    for sign, place in places.items():
        words = [word.replace(sign, str(place)) for word in words]
    generator = [] if "--generator" in words else ["--generator", str(tiny_checkpoint)]
    assert main(["project", *words, *generator, "--out", str(tmp_path / "codes"), "--device", "cpu"]) == 2
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1
    assert not (tmp_path / "codes" / codes_module.CODES).exists()
