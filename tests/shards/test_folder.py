import json
from pathlib import Path

import pytest

from l4f_datagen.engines.description import describe
from l4f_datagen.errors import UserError
from l4f_datagen.generation.models import load_models
from l4f_datagen.shards import folder as folders
from l4f_datagen.shards.format import layout, sealed


@pytest.fixture
def description(tiny_settings):
    return describe(tiny_settings, load_models(tiny_settings))


def with_identity(description, **changes):
    return description | {"identity": description["identity"] | changes}


def test_a_new_folder_says_what_it_is(tmp_path, description):
    out = tmp_path / "a b" / "ü"
    folders.open_for_writing(out, description)
    assert sorted(p.name for p in out.iterdir()) == ["README.md", "dataset.json"]
    saved = folders.read_description(out)
    assert saved["settings"]["psi"] == 0.7 and saved["counts"] == {"samples": 23, "shards": 3}
    assert len(saved["fingerprint"]) == 64
    assert "license: mit" in (out / "README.md").read_text()


def test_begun_and_cut_short_it_is_a_data_set_already(tmp_path, description):
    folders.open_for_writing(tmp_path, description)
    card = (tmp_path / layout.CARD).read_bytes()
    (tmp_path / layout.CARD).unlink()
    folders.open_for_writing(tmp_path, description)
    assert (tmp_path / layout.CARD).read_bytes() == card


def test_other_settings_are_refused_by_name(tmp_path, description):
    folders.open_for_writing(tmp_path, description)
    before = (tmp_path / layout.DATASET).read_bytes()
    with pytest.raises(UserError) as error:
        folders.open_for_writing(tmp_path, with_identity(description, psi=0.5, alpha_sha256="0" * 64))
    message = str(error.value)
    assert "psi (0.7 there, 0.5 here)" in message and "alpha (another checkpoint)" in message
    assert "seed" not in message and "--overwrite" in message
    assert (tmp_path / layout.DATASET).read_bytes() == before


def test_fewer_samples_are_refused_more_extend(tmp_path, description):
    folders.open_for_writing(tmp_path, description)
    for name in layout.FINAL:
        (tmp_path / name).write_text("of 23 samples")
    with pytest.raises(UserError, match="at least the 23"):
        folders.open_for_writing(tmp_path, description | {"counts": {"samples": 22, "shards": 3}})
    folders.open_for_writing(tmp_path, description)
    assert (tmp_path / layout.METADATA).exists()
    folders.open_for_writing(tmp_path, description | {"counts": {"samples": 40, "shards": 4}})
    assert not any((tmp_path / name).exists() for name in layout.FINAL)
    assert folders.read_description(tmp_path)["counts"]["samples"] == 40


def test_overwrite_removes_the_data_set_and_nothing_else(tmp_path, description):
    folders.open_for_writing(tmp_path, description)
    for name in (*layout.of_shard(0), *layout.of_shard(2), *layout.FINAL, "notes.txt"):
        (tmp_path / name).write_text("x")
    folders.open_for_writing(tmp_path, with_identity(description, psi=0.5), overwrite=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["README.md", "dataset.json", "notes.txt"]
    assert folders.read_description(tmp_path)["identity"]["psi"] == 0.5


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_of_something_else_is_left_alone(tmp_path, description, overwrite):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(UserError, match="thesis.tex"):
        folders.open_for_writing(tmp_path, description, overwrite=overwrite)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_folder_that_holds_folders_is_left_alone(tmp_path, description):
    (tmp_path / "chapters").mkdir()
    with pytest.raises(UserError, match="chapters"):
        folders.open_for_writing(tmp_path, description)
    assert [p.name for p in tmp_path.iterdir()] == ["chapters"]


def test_a_dataset_json_of_another_program_is_left_alone(tmp_path, description):
    (tmp_path / layout.DATASET).write_text('{"format": "theirs", "version": 1}')
    with pytest.raises(UserError, match="'theirs'"):
        folders.open_for_writing(tmp_path, description, overwrite=True)
    assert json.loads((tmp_path / layout.DATASET).read_text())["format"] == "theirs"


def test_out_that_is_a_file_or_below_one_is_refused(tmp_path, description):
    (tmp_path / "file").write_text("x")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UserError, match="got a file; expected a folder"):
            folders.open_for_writing(out, description)


def test_out_that_cannot_be_written_is_refused(description):
    with pytest.raises(UserError, match="cannot be written"):
        folders.open_for_writing(Path("/proc/l4f-datagen-shards"), description)


def test_what_a_killed_run_left_is_removed(tmp_path, description):
    folders.open_for_writing(tmp_path, description)
    (tmp_path / ".00001.tar.tmp").write_bytes(b"half")
    folders.open_for_writing(tmp_path, description)
    assert not (tmp_path / ".00001.tar.tmp").exists()


def test_a_shard_is_done_when_its_stats_and_all_its_files_are_there(tmp_path):
    files = {name: {"bytes": 3, "md5": "0" * 32, "sha256": "0" * 64} for name in layout.of_shard(0)[1:]}
    stats = {"shard": 0, "samples": 5, "rejected": {}, "files": files, "means": {}}
    (tmp_path / layout.stats(0)).write_bytes(sealed.seal(stats))
    assert not folders.shard_done(tmp_path, 0, 5)
    for name in files:
        (tmp_path / name).write_bytes(b"abc")
    assert folders.shard_done(tmp_path, 0, 5)
    assert not folders.shard_done(tmp_path, 0, 6)
    (tmp_path / layout.tar(0)).write_bytes(b"ab")
    assert not folders.shard_done(tmp_path, 0, 5)
    (tmp_path / layout.stats(0)).write_text("{")
    assert not folders.shard_done(tmp_path, 0, 5)
