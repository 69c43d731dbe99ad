import json
from itertools import islice

import cv2
import numpy as np
import pytest

import l4f_datagen as l4f
from l4f_datagen import sheet
from l4f_datagen.cli import main, preview
from l4f_datagen.shards import choosing
from l4f_datagen.shards.format.rows import SHARES
from l4f_datagen.shards.reader import open_dataset


@pytest.fixture
def folder(tmp_path, tiny_settings):
    l4f.generate(tiny_settings, tmp_path / "s")
    return tmp_path / "s"


def test_a_sheet_of_what_there_is(folder, tmp_path, capsys):
    out = tmp_path / "new" / "sheet.png"
    assert main(["preview", str(folder), "--out", str(out), "--n", "10", "--columns", "4", "--tile", "32"]) == 0
    image = cv2.cvtColor(cv2.imread(str(out)), cv2.COLOR_BGR2RGB)
    first = next(iter(l4f.open_dataset(folder)))
    y, x, step = sheet._GAP, sheet._margin(("key", *SHARES)), 32 + sheet._GAP
    mask = image[y + 2 * step : y + 2 * step + 32, x : x + 32, 0]
    np.testing.assert_array_equal(mask, np.kron(first.mask, np.ones((2, 2))) * 255)
    assert image.shape[0] == 3 * (4 * step + 2 * sheet._GAP + 4 * sheet._LINE)


def test_the_outline_runs_along_the_mask():
    mask = np.zeros((64, 64), np.uint8)
    mask[16:48, 16:48] = 1
    sample = l4f.Sample(image=np.zeros((64, 64, 3), np.uint8), alpha=mask * 255, mask=mask)
    outline = sheet.views(sample, 64)[3]
    drawn = (outline == sheet._OUTLINE).all(-1)
    assert drawn.sum() == 4 * 31
    assert drawn[16, 16:48].all() and drawn[16:48, 47].all() and not drawn[17:47, 17:47].any()


def test_ignored_pixels_are_grey():
    mask = np.zeros((16, 16), np.uint8)
    mask[4:12, 4:12], mask[6] = 1, 255
    sample = l4f.Sample(image=np.zeros((16, 16, 3), np.uint8), alpha=mask, mask=mask)
    shown = sheet.views(sample, 16)[2][..., 0]
    np.testing.assert_array_equal(shown, np.select([mask == 1, mask == 255], [255, 128]))


@pytest.mark.parametrize("name", ["sheet.jpg", "sheet"])
def test_only_png(folder, tmp_path, capsys, name):
    assert main(["preview", str(folder), "--out", str(tmp_path / name)]) == 2
    assert ".png" in capsys.readouterr().err


@pytest.fixture(scope="module")
def scored(tmp_path_factory, tiny_checkpoint):
    """A data set in shards of 5 of which the one in the middle is not there, and the rows of its samples."""
    folder = tmp_path_factory.mktemp("scored") / "s"
    settings = {"generator": str(tiny_checkpoint), "threshold": 0.5, "device": "cpu", "samples_per_shard": 5}
    l4f.generate(l4f.GenerateSettings(n=18, max_components=3, **settings), folder)
    for name in ("00001_stats.json", "SHA256SUMS"):
        (folder / name).unlink()
    return folder, [sample.metadata for sample in open_dataset(folder, allow_incomplete=True)]


def drawn(folder, tmp_path, capsys, *words: str) -> list[str]:
    """The keys that a sheet shows."""
    assert main(["preview", str(folder), "--out", str(tmp_path / "sheet.png"), "--json", "--tile", "16", *words]) == 0
    return json.loads(capsys.readouterr().out)["keys"]


@pytest.mark.parametrize("score", choosing.SCORES)
def test_the_worst_by_any_score(score, scored, tmp_path, capsys, monkeypatch):
    folder, rows = scored
    shown = []
    monkeypatch.setattr(preview, "contact_sheet", lambda samples, **how: sheet.contact_sheet(
        [shown.append((one.key, how["told"])) or one for one in samples], **how))  # fmt: skip
    sign = -1 if score in ("components", "touches_border", "candidate") else 1
    wanted = [row["key"] for row in sorted(rows, key=lambda row: (sign * row[score], row["index"]))][:6]
    assert drawn(folder, tmp_path, capsys, "--worst", score, "--n", "6") == wanted == [key for key, _ in shown]
    assert {"key", "mask_area", "decisiveness", "stability", score} == set(shown[0][1])


def test_by_chance_but_the_same_for_a_seed(scored, tmp_path, capsys):
    folder, rows = scored
    taken = [drawn(folder, tmp_path, capsys, "--random", "--n", "5", "--seed", seed) for seed in ("0", "0", "1")]
    assert taken[0] == taken[1] != taken[2]
    for keys in taken:
        assert len(set(keys)) == 5 and set(keys) < {row["key"] for row in rows} and keys == sorted(keys)
    assert drawn(folder, tmp_path, capsys, "--random", "--n", "99") == [row["key"] for row in rows]
    assert drawn(folder, tmp_path, capsys, "--n", "7") == [row["key"] for row in rows[:7]]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--worst", "decisivness"), "did you mean decisiveness?"),
        (("--worst", "key"), "expected one of candidate"),
        (("--worst", "stability", "--random"), "leave one out"),
    ],
)
def test_what_cannot_be_chosen_is_told(words, said, scored, tmp_path, capsys):
    assert main(["preview", str(scored[0]), "--out", str(tmp_path / "sheet.png"), *words]) == 2
    assert said in capsys.readouterr().err and not (tmp_path / "sheet.png").exists()


def test_keys_and_scores_stand_under_their_pictures(scored):
    samples = list(islice(open_dataset(scored[0], allow_incomplete=True), 3))
    for tile in (16, 128):
        plain, told = (sheet.contact_sheet(samples, columns=3, tile=tile, told=names) for names in ((), ("key", "x")))
        below = told[len(plain) :]
        assert len(below) == 2 * sheet._LINE and plain.shape[1] <= told.shape[1]
        ink = np.flatnonzero((below[: sheet._LINE] < 128).all(-1).any(0))
        gaps = np.flatnonzero(np.diff(ink) >= 2 * sheet._GAP)
        assert len(gaps) == 3, "a name and three keys, apart from each other"
        assert ink[-1] < told.shape[1] - 1, "nothing is cut off"
    assert [sheet._value(value) for value in ("000000012", 0.95364, True, 3)] == ["000000012", "0.954", "yes", "3"]
