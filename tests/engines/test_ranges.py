"""Ranges of shards, made by commands that know nothing of each other, and finalize."""

import pytest

from l4f_datagen.cli import main
from l4f_datagen.engines.local import generate
from l4f_datagen.errors import UserError
from l4f_datagen.making.render import render
from l4f_datagen.making.trunk import as_ranges, finalize
from l4f_datagen.settings import RenderSettings
from l4f_datagen.shards.format import layout
from tests import forked
from tests.torture import command, fingerprints


def test_a_job_array_writes_the_same_bytes(tmp_path, tiny_settings):
    """Three commands at once; whichever arrives first creates the folder, the last range reaches beyond its end."""
    settings, out = tiny_settings.model_copy(update={"n": 45}), tmp_path / "array" / "set"
    jobs = [command(settings, out, "--shard-range", f"{start}:{start + 2}")[3:] for start in (0, 2, 4)]
    for ended in forked.together("l4f_datagen", jobs):
        assert ended.returncode == 0, ended.stderr
        assert f"l4f-datagen finalize {out}" in ended.stdout
    assert not any((out / name).exists() for name in layout.FINAL)
    assert main(["finalize", str(out)]) == 0
    generate(settings, tmp_path / "whole" / "set")
    assert fingerprints(out) == fingerprints(tmp_path / "whole" / "set")


def test_finalize_lists_what_is_missing(capsys, tmp_path, tiny_settings):
    settings = tiny_settings.model_copy(update={"n": 65})
    generate(settings, tmp_path, shards=range(2, 3))
    generate(settings, tmp_path, shards=range(5, 6))
    before = fingerprints(tmp_path)
    assert main(["finalize", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert "without 5 of its 7 shards: 0:2, 3:5, 6:7" in error and error.count("\n") == 1
    assert fingerprints(tmp_path) == before
    for start, stop in ((0, 2), (3, 5), (6, 7)):
        generate(settings, tmp_path, shards=range(start, stop))
    assert main(["finalize", str(tmp_path)]) == 0
    assert set(layout.FINAL) <= set(fingerprints(tmp_path))
    complete = fingerprints(tmp_path)
    assert main(["finalize", str(tmp_path)]) == 0
    assert fingerprints(tmp_path) == complete


def test_finalize_of_no_data_set(capsys, tmp_path):
    assert main(["finalize", str(tmp_path / "nowhere")]) == 2
    assert "no such folder" in capsys.readouterr().err
    assert not (tmp_path / "nowhere").exists()


def test_a_range_that_was_cut_short_is_continued(tmp_path, tiny_settings):
    def interrupt(progress):
        if progress.made == 14:
            raise KeyboardInterrupt

    generate(tiny_settings, tmp_path / "a" / "set", shards=range(2, 3))
    with pytest.raises(KeyboardInterrupt):
        generate(tiny_settings, tmp_path / "a" / "set", shards=range(0, 2), report=interrupt)
    progress = generate(tiny_settings, tmp_path / "a" / "set", shards=range(0, 2))
    assert (progress.made, progress.to_make, progress.samples) == (10, 10, 23)
    finalize(tmp_path / "a" / "set")
    generate(tiny_settings, tmp_path / "b" / "set")
    assert fingerprints(tmp_path / "a" / "set") == fingerprints(tmp_path / "b" / "set")


def test_other_settings_and_overwrite_are_refused(tmp_path, tiny_settings):
    generate(tiny_settings, tmp_path, shards=range(0, 1))
    before = fingerprints(tmp_path)
    with pytest.raises(UserError, match="psi .0.7 there, 0.5 here"):
        generate(tiny_settings.model_copy(update={"psi": 0.5}), tmp_path, shards=range(1, 2))
    with pytest.raises(UserError, match="overwrite"):
        generate(tiny_settings, tmp_path, shards=range(1, 2), overwrite=True)
    assert fingerprints(tmp_path) == before


def test_a_range_leaves_what_another_has_in_work(tmp_path, tiny_settings):
    generate(tiny_settings, tmp_path, shards=range(0, 1))
    (tmp_path / ".00001.tar.0123abcd.tmp").write_bytes(b"another's")
    (tmp_path / ".00002_stats.json.0123abcd.tmp").write_bytes(b"a killed run's")
    generate(tiny_settings, tmp_path, shards=range(2, 3))
    assert [p.name for p in tmp_path.glob(".*")] == [".00001.tar.0123abcd.tmp"]


def test_renderings_have_ranges_too(tmp_path):
    settings = RenderSettings(n=23, size=16, samples_per_shard=10)
    words = ["render", "vessels", "--n", "23", "--size", "16", "--samples-per-shard", "10"]
    for numbers in ("0:1", "1:9"):
        assert main([*words, "--out", str(tmp_path / "a" / "set"), "--shard-range", numbers]) == 0
    assert main(["finalize", str(tmp_path / "a" / "set")]) == 0
    render(settings, tmp_path / "b" / "set")
    assert fingerprints(tmp_path / "a" / "set") == fingerprints(tmp_path / "b" / "set")


@pytest.mark.parametrize("numbers", ["3:4", "7:9", "2:2", "2:1", "-1:2", "1", "a:b"])
def test_ranges_that_are_none(capsys, tmp_path, numbers):
    words = ["generate", "--n", "23", "--samples-per-shard", "10", "--out", str(tmp_path / "set")]
    assert main([*words, f"--shard-range={numbers}"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("l4f-datagen: shard_range: got ") and error.count("\n") == 1
    assert not (tmp_path / "set").exists()


def test_numbers_as_ranges():
    assert as_ranges([]) == ""
    assert as_ranges([0, 1, 2, 5, 7, 8]) == "0:3, 5:6, 7:9"
