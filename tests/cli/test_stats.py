import json
import sys

import cv2
import numpy as np
import pytest

import l4f_datagen as l4f
from l4f_datagen.analysis import distributions
from l4f_datagen.cli import main


@pytest.fixture
def folder(tmp_path, tiny_settings):
    l4f.generate(tiny_settings.model_copy(update={"min_stability": 0.5, "max_components": 4}), tmp_path / "s")
    return tmp_path / "s"


def test_the_numbers_are_those_of_the_samples(folder, tmp_path, capsys):
    assert (
        main(["stats", str(folder), "--json-file", str(tmp_path / "stats.json"), "--out", str(tmp_path / "plots")]) == 0
    )
    output = capsys.readouterr().out
    found = json.loads((tmp_path / "stats.json").read_text())
    samples = list(l4f.open_dataset(folder))
    for score in distributions.SHARES:
        values = [sample.metadata[score] for sample in samples]
        assert found[score]["mean"] == pytest.approx(np.mean(values), abs=1e-6)
        middle = np.sort(values)[11]
        assert middle <= found[score]["quantiles"]["0.5"] + 1e-9 <= middle + 2e-3
        assert found[score]["histogram"] == np.histogram(values, 1000, (0, 1))[0].tolist()
        assert f"{np.mean(values):.3f}" in output
    counts = np.bincount([sample.metadata["components"] for sample in samples], minlength=22)
    assert found["components"] == counts.tolist()
    np.testing.assert_allclose(found["mean_mask"], np.mean([s.mask == 1 for s in samples], 0), atol=1e-4)
    rejected = sum(sample.metadata["candidate"] for sample in samples)
    assert sum(found["rejected"].values()) == rejected > 0
    assert f"candidates: {23 + rejected}" in output
    assert cv2.imread(str(tmp_path / "plots" / "stats.png")).shape == (700, 1200, 3)


def test_a_part_of_the_masks_comes_from_all_shards(folder):
    found = distributions.measure(l4f.open_dataset(folder), masks=5)
    expected = [s.mask == 1 for s in l4f.open_dataset(folder) if s.metadata["index"] in (0, 1, 10, 11, 20)]
    assert (found.samples, found.masks) == (23, 5)
    np.testing.assert_allclose(found.mean_mask, np.mean(expected, 0), atol=1e-6)


def test_the_table_needs_no_matplotlib_and_the_plot_says_what_to_install(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert main(["stats", str(folder)]) == 0
    assert "23 samples in 3 shards" in capsys.readouterr().out
    assert main(["stats", str(folder), "--out", str(tmp_path / "a.png")]) == 2
    assert "l4f-datagen[analysis]" in capsys.readouterr().err


@pytest.mark.parametrize(("words", "expected"), [(["--out", "{}/a.jpg"], ".png"), (["--sample", "0"], "sample")])
def test_mistakes(folder, tmp_path, capsys, words, expected):
    assert main(["stats", str(folder), *(word.format(tmp_path) for word in words)]) == 2
    assert expected in capsys.readouterr().err


def test_damage_is_told(folder, capsys):
    (folder / "00001_rows.pq").write_bytes(b"x" * (folder / "00001_rows.pq").stat().st_size)
    assert main(["stats", str(folder)]) == 1
    assert "00001_rows.pq is damaged" in capsys.readouterr().err


def test_samples_of_a_list_do_not_count(folder, tmp_path, capsys):
    samples = list(l4f.open_dataset(folder))
    (tmp_path / "list.txt").write_text(
        f"{samples[3].key}\n{samples[12].key} {samples[12].metadata['candidate']}\n4 99\n"
    )
    words = ["stats", str(folder), "--without", str(tmp_path / "list.txt")]
    assert main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    kept = [sample for sample in samples if sample not in (samples[3], samples[12])]
    assert (found["samples"], found["left_out"], found["masks"]) == (21, 2, 21)
    assert found["mask_area"]["mean"] == pytest.approx(np.mean([s.metadata["mask_area"] for s in kept]), abs=1e-6)
    np.testing.assert_allclose(found["mean_mask"], np.mean([s.mask == 1 for s in kept], 0), atol=1e-4)
    assert sum(found["rejected"].values()) == sum(sample.metadata["candidate"] for sample in samples)
    assert main(words) == 0
    assert "left out by the list: 2" in capsys.readouterr().out
    (tmp_path / "list.txt").write_text("\n".join(map(str, range(23))))
    assert main(words) == 2
    assert "all 23 samples" in capsys.readouterr().err
