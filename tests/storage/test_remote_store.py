"""Data sets in a bucket of a real S3 server."""

import multiprocessing
import os
import pickle
import signal
import subprocess
import sys

import fsspec
import pytest

import l4f_datagen as l4f
from l4f_datagen.cli import main
from l4f_datagen.shards.format import layout
from l4f_datagen.storage import remote_files
from l4f_datagen.storage.opening import open_store
from tests import forked
from tests.torture import command, kill_after

SECRET = "wJalrXUtnFEMIxK7MDENGxbPxRfiCYEXAMPLEKEY"


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(remote_files, "PART", 5 << 20)  # S3 takes no smaller ones


@pytest.fixture
def local(tmp_path, tiny_settings):
    l4f.generate(tiny_settings, tmp_path / "set")
    return {path.name: path.read_bytes() for path in (tmp_path / "set").iterdir()}


def test_the_bytes_in_a_bucket_are_those_in_a_folder(s3, tmp_path, tiny_settings, local):
    prefix = "deep/a b/ü ✓ #?%20[x]*/set"
    assert l4f.generate(tiny_settings, s3.address(prefix)).made == 23
    assert s3.contents(prefix) == local and not s3.uploads()
    assert l4f.generate(tiny_settings, s3.address(prefix)).made == 0
    theirs, ours = l4f.open_dataset(tmp_path / "set"), l4f.open_dataset(s3.address(prefix))
    assert len(ours) == 23
    for _ in range(2):
        for a, b in zip(ours, theirs, strict=True):
            assert a.metadata == b.metadata and (a.image == b.image).all() and (a.mask == b.mask).all()


def test_the_whole_bucket_as_a_folder(s3, tiny_settings, local):
    l4f.generate(tiny_settings, f"s3://{s3.bucket}")
    keys = {entry["Key"] for entry in s3.client().list_objects_v2(Bucket=s3.bucket)["Contents"]}
    assert keys == set(local)


def test_what_is_lost_is_made_again_and_more_extends(s3, tiny_settings, local):
    l4f.generate(tiny_settings.model_copy(update={"n": 15}), s3.address("set"))
    s3.client().delete_object(Bucket=s3.bucket, Key=f"set/{layout.parquet(0)}")
    with pytest.raises(l4f.WorkError, match="00000_rows.pq is damaged: missing"):
        l4f.open_dataset(s3.address("set"))
    assert l4f.generate(tiny_settings, s3.address("set")).made == 23
    assert s3.contents("set") == local


def test_ranges_and_finalize_and_overwrite(s3, tiny_settings, local):
    from l4f_datagen.making.trunk import finalize

    for shards in (range(2, 3), range(2)):
        l4f.generate(tiny_settings, s3.address("set"), shards=shards)
    with pytest.raises(l4f.UserError, match="seed"):
        l4f.generate(tiny_settings.model_copy(update={"seed": 3}), s3.address("set"))
    finalize(s3.address("set"))
    assert s3.contents("set") == local
    l4f.generate(tiny_settings.model_copy(update={"seed": 3, "n": 5}), s3.address("set"), overwrite=True)
    assert len(l4f.open_dataset(s3.address("set"))) == 5
    assert not any(name.startswith("00001") for name in s3.contents("set"))


def test_killed_in_the_middle_and_started_again_gives_the_same_bytes(s3, tmp_path, tiny_settings):
    settings = tiny_settings.model_copy(update={"n": 140, "samples_per_shard": 20})
    l4f.generate(settings, tmp_path / "set")
    out, store = s3.address("set"), open_store(s3.address("set"))
    kill_after(settings, out, 70, tmp_path)
    assert 1 <= _finished(store) < settings.shards
    done = forked.run(command(settings, out)[3:])
    assert done.returncode == 0 and "is stale (the process is gone); taken over" in done.stderr
    assert s3.contents("set") == {path.name: path.read_bytes() for path in (tmp_path / "set").iterdir()}
    assert not s3.uploads()


def _finished(store):
    return sum(name.endswith("_stats.json") for name in store.listing())


def test_a_file_of_several_parts(s3, small_parts):
    store, content = open_store(s3.address("a b/ü")), os.urandom(13 << 20)
    with store.replacing("00000.tar") as file:
        for start in range(0, len(content), 700_001):
            file.write(content[start : start + 700_001])
        assert file.tell() == len(content)
        assert store.listing() == {}
    assert store.listing() == {"00000.tar": len(content)}
    assert store.read_bytes("00000.tar") == content
    assert s3.client().head_object(Bucket=s3.bucket, Key="a b/ü/00000.tar")["ETag"].endswith('-3"')
    with store.open("00000.tar") as file:
        assert file.read(10) == content[:10]
        file.seek(12 << 20)
        assert file.read() == content[12 << 20 :]


@pytest.mark.parametrize("megabytes", [0, 1, 12])
def test_a_file_whose_writing_fails_never_appears(s3, small_parts, megabytes):
    store = open_store(s3.address("set"))
    store.write_bytes("file", b"as before")
    with pytest.raises(KeyboardInterrupt), store.replacing("file") as file:
        file.write(bytes(megabytes << 20))
        raise KeyboardInterrupt
    assert store.read_bytes("file") == b"as before"
    assert store.listing() == {"file": 9} and not s3.uploads()


def test_uploads_that_were_cut_off_are_cancelled_but_not_those_of_others(s3):
    program = (
        "import os, sys; from l4f_datagen.storage import opening, remote_files; remote_files.PART = 5 << 20\n"
        "writing = [opening.open_store(sys.argv[1]).replacing(f'0000{shard}.tar') for shard in range(2)]\n"
        "for file in [block.__enter__() for block in writing]:\n"
        "    file.write(bytes(12 << 20)); [sending.result() for sending in file._sending]\n"
        "os.kill(os.getpid(), 9)"
    )
    client = s3.client()
    client.create_multipart_upload(Bucket=s3.bucket, Key="set-of-others/00000.tar")
    assert subprocess.run([sys.executable, "-c", program, s3.address("set")]).returncode == -signal.SIGKILL
    assert s3.uploads() == ["set-of-others/00000.tar", "set/00000.tar", "set/00001.tar"]
    store = open_store(s3.address("set"))
    assert store.listing() == {}
    store.remove_unfinished(lambda name: name == "00001.tar")
    assert s3.uploads() == ["set-of-others/00000.tar", "set/00000.tar"]
    store.remove_unfinished(lambda name: True)
    assert s3.uploads() == ["set-of-others/00000.tar"]


def test_of_two_that_create_a_file_one_succeeds(s3):
    a, b = open_store(s3.address("set")), open_store(s3.address("set"))
    assert a.create_bytes("dataset.json", b"a") and not b.create_bytes("dataset.json", b"b")
    assert b.read_bytes("dataset.json") == b"a" and b.exists("dataset.json") and not b.exists("other")


def test_a_store_in_other_processes(s3):
    store = open_store(s3.address("set"))
    store.write_bytes("file", b"content")
    for method in ("fork", "spawn"):
        with multiprocessing.get_context(method).Pool(1) as pool:
            assert pool.apply(store.read_bytes, ("file",)) == b"content"
    assert pickle.loads(pickle.dumps(store)).listing() == {"file": 7}


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("s3://absent-bucket/set", "got a bucket or repository that does not exist"),
        ("s3://bad bucket ü/set", "Invalid bucket name"),
        (f"s3://AKIAIOSFODNN7EXAMPLE:{SECRET}@bucket/set", "a user or a key in it"),
        ("s3://", "no bucket"),
        ("ftp://server/set", "an address of an unknown kind"),
    ],
)
def test_addresses_that_lead_nowhere(s3, capsys, address, words):
    assert main(["generate", "--no-recommended", "--n", "2", "--out", address]) == 2
    _one_line_without_keys(capsys, words)


def test_another_programs_prefix_is_left_alone(s3, capsys):
    s3.client().put_object(Bucket=s3.bucket, Key="theirs/chapters/1.tex", Body=b"years of work")
    assert main(["generate", "--no-recommended", "--n", "2", "--out", s3.address("theirs")]) == 2
    _one_line_without_keys(capsys, "that holds chapters")
    assert s3.contents("theirs") == {"chapters/1.tex": b"years of work"}


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": SECRET}, "(InvalidAccessKeyId)"),
        (
            {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE\n", "AWS_SECRET_ACCESS_KEY": SECRET},
            "no answer that can be used",
        ),
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "(NoCredentialsError)"),
        (None, "(AccessDenied)"),
    ],
)
def test_wrong_keys_and_missing_rights(s3, capsys, caplog, monkeypatch, environment, words):
    environment = s3.user() if environment is None else environment
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    s3.enforce_rights(after=0)
    assert main(["generate", "--no-recommended", "--n", "2", "--out", s3.address("set")]) == 2
    _one_line_without_keys(capsys, words)
    assert not any(value and value.strip() in caplog.text for value in environment.values())
    with pytest.raises((l4f.UserError, l4f.WorkError)) as error:
        l4f.open_dataset(s3.address("set"))
    assert not any(value and value.strip() in str(error.value) for value in environment.values())


def test_one_who_may_only_read_reads(s3, capsys, monkeypatch, tmp_path, tiny_settings):
    l4f.generate(tiny_settings, s3.address("set"))
    for name, value in s3.user("s3:GetObject", "s3:ListBucket").items():
        monkeypatch.setenv(name, value)
    s3.enforce_rights(after=0)
    assert main(["preview", s3.address("set"), "--out", str(tmp_path / "sheet.png")]) == 0
    with pytest.raises(l4f.UserError, match="AccessDenied"):
        l4f.generate(tiny_settings, s3.address("set"))


def test_rights_that_end_in_the_middle(s3, monkeypatch, tiny_settings, local):
    for name, value in s3.user().items():
        monkeypatch.setenv(name, value)
    s3.enforce_rights(after=32)
    with pytest.raises(l4f.UserError, match="no permission"):
        l4f.generate(tiny_settings, s3.address("set"))
    s3.enforce_rights(after=None)
    assert 1 <= _finished(open_store(s3.address("set"))) < 3
    assert l4f.generate(tiny_settings, s3.address("set")).made < 23
    assert s3.contents("set") == local


def test_a_server_that_is_not_there(s3, capsys, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    assert main(["generate", "--no-recommended", "--n", "2", "--out", s3.address("set")]) == 2
    _one_line_without_keys(capsys, "Could not connect")
    assert main(["preview", s3.address("set"), "--out", "sheet.png"]) == 1
    _one_line_without_keys(capsys, "Could not connect")


def test_in_memory(tmp_path, tiny_settings, local):
    try:
        l4f.generate(tiny_settings, "memory://bucket/a b/set")
        assert {p: open_store("memory://bucket/a b/set").read_bytes(p) for p in local} == local
        assert [s.key for s in l4f.open_dataset("memory://bucket/a b/set")] == [f"{i:09d}" for i in range(23)]
    finally:
        fsspec.filesystem("memory").store.clear()


@pytest.mark.parametrize("scheme", ["s3", "gs", "hf"])
def test_a_missing_library_names_the_extra(scheme, monkeypatch, capsys):
    for module in ("s3fs", "gcsfs", "huggingface_hub"):
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, scheme, raising=False)
    assert main(["generate", "--no-recommended", "--n", "2", "--out", f"{scheme}://somewhere/set"]) == 2
    _one_line_without_keys(capsys, "pip install l4f-datagen[remote]")


def _one_line_without_keys(capsys, words):
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and words in error
    assert not any(secret in error for secret in ("AKIA", SECRET, os.environ.get("AWS_SECRET_ACCESS_KEY")) if secret)
