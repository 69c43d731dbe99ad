import csv

import cv2
import pytest

from l4f_datagen.cli import main


@pytest.mark.parametrize("how", ["sefa", "pca"])
def test_directions_as_files(how, tmp_path, tiny_checkpoint, capsys):
    words = ["analyze", "directions", "--generator", str(tiny_checkpoint), "--how", how, "--count", "3", "--n", "2"]
    for name, size in (("a", "1"), ("b", "8")):
        assert main([*words, "--batch-size", size, "--out", str(tmp_path / name)]) == 0
    with (tmp_path / "a" / "table.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["direction"] for row in rows] == [f"{how}:{number}" for number in range(3)]
    assert all(float(row["deviation"]) > 0 and float(row["change"]) > 0 for row in rows)
    assert f"{how}:2" in capsys.readouterr().out
    sheets = [cv2.imread(str(tmp_path / name / "sheet.png")).astype(int) for name in "ab"]
    assert sheets[0].std() > 10 and abs(sheets[0] - sheets[1]).max() <= 2
    assert sheets[0].shape[1] > 6 * 128


@pytest.mark.parametrize(
    ("flags", "words"),
    [(("--count", "11"), "at most 10"), (("--layers", "0-9"), "layers 0 to 5"), (("--n", "0"), "n: got"),
     (("--how", "ica"), "ica"), (("--layers", "x"), "layers: got")],
)  # fmt: skip
def test_mistakes(flags, words, tmp_path, tiny_checkpoint, capsys):
    command = ["analyze", "directions", "--generator", str(tiny_checkpoint), *flags, "--out", str(tmp_path / "out")]
    assert main(command) == 2
    told = capsys.readouterr().err
    assert words in told and told.count("\n") == 1
