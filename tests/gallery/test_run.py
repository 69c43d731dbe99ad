"""The folder of a gallery: what is in it, that it is the same every time, and what it takes the place of."""

import json
import re

import cv2
import numpy as np
import pytest

import l4f_datagen as l4f
from l4f_datagen.cli import main
from l4f_datagen.gallery import run
from l4f_datagen.gallery.columns import Columns
from l4f_datagen.sheet import ROWS, views


@pytest.fixture(scope="module")
def shards(tmp_path_factory, tiny_checkpoint):
    folder = tmp_path_factory.mktemp("gallery") / "shards"
    settings = {"generator": str(tiny_checkpoint), "threshold": 0.5, "device": "cpu", "batch_size": 4}
    l4f.generate(l4f.GenerateSettings(n=11, samples_per_shard=4, **settings), folder)
    return folder


def data_of(folder) -> dict:
    return json.loads((folder / run.DATA).read_text().split(" = ", 1)[1].rstrip().rstrip(";"))


def test_every_score_and_every_picture_is_there(shards, tmp_path):
    made = run.make_gallery(shards, tmp_path / "out")
    samples, data = list(l4f.open_dataset(shards)), data_of(tmp_path / "out")
    columns = {column["name"]: column for column in data["columns"]}
    assert {"mask_area", "decisiveness", "stability"} <= set(columns) == set(made.scores)
    for name, column in columns.items():
        assert column["values"] == [sample.metadata[name] for sample in samples]
        assert column["meaning"]
    assert data["constant"]["psi"] == 0.7 and not set(data["constant"]) & set(columns)
    assert data["keys"] == list(range(11)) and data["candidates"] == [0] * 11
    for sample in samples:
        strip = cv2.imread(str(tmp_path / "out" / "pictures" / "000000" / f"{sample.key}.jpg"))[..., ::-1]
        step = 16 + 2 * run._GUTTER
        assert strip.shape == (16, len(ROWS) * step - 2 * run._GUTTER, 3)
        for number, picture in enumerate(views(sample, 16)):
            shown = strip[:, number * step : number * step + 16].astype(int)
            assert np.abs(shown - picture).mean() < 12, ROWS[number]


def test_the_same_data_set_gives_the_same_bytes_and_takes_the_place_of_a_gallery(shards, tmp_path):
    for name in ("one", "two"):
        run.make_gallery(shards, tmp_path / name)
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file())
    assert len(files) == 11 + 7
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    run.make_gallery(shards, tmp_path / "one", n=3)
    assert data_of(tmp_path / "one")["keys"] == [0, 1, 2] and data_of(tmp_path / "one")["of"] == 11
    assert len(list((tmp_path / "one").rglob("*.jpg"))) == 3
    (tmp_path / "one" / "notes.txt").write_text("mine")
    assert main(["gallery", str(shards), "--out", str(tmp_path / "one")]) == 2
    assert (tmp_path / "one" / "notes.txt").read_text() == "mine"


def test_a_list_that_made_the_data_set_goes_on(shards, tmp_path):
    settings = l4f.open_dataset(shards).description["settings"]
    listed = {**settings, "n": 3, "reject_list": ["000000001 0", "000000007"]}
    l4f.generate(l4f.GenerateSettings(**listed), tmp_path / "shards")
    run.make_gallery(tmp_path / "shards", tmp_path / "out")
    data = data_of(tmp_path / "out")
    assert data["rejected_before"] == ["000000001 0", "000000007"] and data["candidates"] == [0, 1, 0]


def test_samples_of_a_list_are_left_out(shards, tmp_path, capsys):
    (tmp_path / "list.txt").write_text("000000001 0\n000000003\n000000004 1\n")
    words = ["gallery", str(shards), "--without", str(tmp_path / "list.txt"), "--out", str(tmp_path / "out")]
    assert main(words) == 0 and ": 9 samples in" in capsys.readouterr().out
    assert data_of(tmp_path / "out")["keys"] == [0, 2, 4, 5, 6, 7, 8, 9, 10] and data_of(tmp_path / "out")["of"] == 11
    assert not list((tmp_path / "out").rglob("000000003.jpg"))
    assert main([*words, "--n", "4"]) == 0
    assert data_of(tmp_path / "out")["keys"] == [0, 2, 4, 5]
    (tmp_path / "list.txt").write_text("\n".join(map(str, range(11))))
    assert main([*words[:-1], str(tmp_path / "none")]) == 2
    assert "all 11 samples" in capsys.readouterr().err and not (tmp_path / "none").exists()


def test_nothing_in_it_is_of_a_network(shards, tmp_path):
    run.make_gallery(shards, tmp_path / "out", n=1)
    for path in (tmp_path / "out").iterdir():
        if path.is_file():
            assert not re.findall(r"(?:https?:)?//(?!www\.w3\.org/2000/svg)[\w.]+\.\w", path.read_text()), path.name


def test_what_is_no_square_is_shown_whole():
    mask = np.zeros((8, 16), np.uint8)
    mask[2:6] = 1
    image = np.full((8, 16, 3), 200, np.uint8)
    for picture in views(l4f.Sample(image=image, alpha=mask * 255, mask=mask), 16):
        assert picture.shape == (16, 16, 3)
        assert (picture[:4] == 128).all() and (picture[12:] == 128).all() and not (picture[4:12] == 128).all()


def test_columns_are_those_that_the_metadata_have():
    columns = Columns()
    for row in (
        {"key": "0", "index": 0, "disagreement": 0.25, "components": 1, "touches_border": True, "psi": 1.0},
        {"key": "1", "index": 1, "components": 3, "touches_border": False, "psi": 1.0, "box": [1]},
        {"key": "2", "index": 2, "disagreement": float("inf"), "components": 2, "touches_border": True, "psi": 1.0},
        {"key": "3", "index": 3, "disagreement": 0.5, "components": 2, "touches_border": True, "psi": 1.0},
    ):
        columns.add(row)
    found = {column["name"]: (column["kind"], column["values"]) for column in columns.varying()}
    assert found == {
        "disagreement": ("number", [0.25, None, None, 0.5]),
        "components": ("whole", [1, 3, 2, 2]),
        "touches_border": ("truth", [True, False, True, True]),
    }
    assert columns.constant() == {"psi": 1.0}
