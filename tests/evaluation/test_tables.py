import csv
import json

import pytest

from l4f_datagen.errors import UserError
from l4f_datagen.evaluation import tables
from l4f_datagen.evaluation.tables import Part, Report, Row

REPORT = Report(
    title="Something measured",
    rows=(
        Row(
            labels={"masks": "a", "psi": 0.7},
            images=3,
            values={"miou": 0.91234, "fid": 12.3456},
            intervals={"miou": (0.9, 0.93)},
            per_image=({"key": "k", "iou_foreground": None, "miou": 0.5},),
        ),
        Row(labels={"masks": "[b]", "psi": 1.0}, images=2, values={"miou": None, "fid": 0.00012}),
    ),
    notes=("A note.",),
    settings={"n": 3},
)


def test_the_table_shows_values_intervals_and_what_is_undefined(capsys):
    tables.render(REPORT, worst={0: REPORT.rows[0].per_image})
    printed = capsys.readouterr().out
    worst = "Worst of a, 0.7: k (mIoU 0.500, IoU fg –)"
    for words in ("0.912", ".900–.930", "12.35", "0.00012", "A note.", "[b]", worst):
        assert words in printed, words
    line = next(line for line in printed.splitlines() if "[b]" in line)
    assert tables.UNDEFINED in line


def test_json_holds_all_digits_and_nulls():
    content = json.loads(tables.to_json(REPORT))
    first, second = content["rows"]
    assert first["miou"] == 0.91234 and first["per_image"][0]["key"] == "k"
    assert first["intervals"] == {"miou": [0.9, 0.93]}
    assert second["miou"] is None and content["settings"] == {"n": 3} and content["notes"] == ["A note."]


def test_csv_has_a_line_per_row(tmp_path):
    tables.write_csv(REPORT, tmp_path / "t.csv")
    with (tmp_path / "t.csv").open() as file:
        first, second = csv.DictReader(file)
    assert first == {
        "masks": "a", "psi": "0.7", "images": "3", "miou": "0.91234", "fid": "12.3456", "miou_low": "0.9",
        "miou_high": "0.93",
    }  # fmt: skip
    assert second["miou"] == second["miou_low"] == ""


SPLIT = Report(
    title="Split",
    rows=(
        Row(
            labels={"segmenter": "ours"}, images=5, values={"miou": 0.8},
            subsets={
                "border": Part(images=2, values={"miou": 0.61, "f1": 0.7}, intervals={"miou": (0.5, 0.7)}),
                "inside": Part(images=1, values={"miou": None, "f1": None}),
            },
        ),
        Row(labels={"segmenter": "theirs"}, images=5, values={"miou": 0.7}),
    ),
)  # fmt: skip


def test_subsets_have_columns_in_the_table_in_json_and_in_csv(capsys, tmp_path):
    tables.render(SPLIT)
    printed = capsys.readouterr().out
    for words in ("mIoU by subset", "border", "inside", "0.610 (2)", ".500–.700", f"{tables.UNDEFINED} (1)"):
        assert words in printed, words
    first, second = json.loads(tables.to_json(SPLIT))["rows"]
    assert first["subsets"]["border"] == {"images": 2, "miou": 0.61, "f1": 0.7, "intervals": {"miou": [0.5, 0.7]}}
    assert first["subsets"]["inside"]["miou"] is None and second["subsets"] == {}
    tables.write_csv(SPLIT, tmp_path / "t.csv")
    with (tmp_path / "t.csv").open() as file:
        first, second = csv.DictReader(file)
    expected = {
        "images_border": "2", "miou_border": "0.61", "miou_border_low": "0.5", "miou_border_high": "0.7",
        "images_inside": "1", "miou_inside": "",
    }  # fmt: skip
    assert {name: first[name] for name in expected} == expected
    assert {name: second[name] for name in expected} == dict.fromkeys(expected, "")


def test_a_place_that_cannot_be_written_is_told_and_what_is_there_stays(tmp_path):
    (tmp_path / "old.json").write_text("old")
    assert tables.check_writable(str(tmp_path / "old.json"), "json").read_text() == "old"
    assert not tables.check_writable(str(tmp_path / "new" / "new.json"), "json").exists()
    assert tables.check_writable(None, "csv") is None
    with pytest.raises(UserError, match="csv"):
        tables.check_writable(str(tmp_path), "csv")
