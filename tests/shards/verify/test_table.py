"""Every file of a data set, damaged in every way, alone and beside other damage: named, and brought back."""

import tarfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import l4f_datagen as l4f
from l4f_datagen.engines.remaking import remake
from l4f_datagen.making.render import render
from l4f_datagen.settings import RenderSettings
from l4f_datagen.shards.format import layout
from l4f_datagen.shards.verify.verification import verify

SETTINGS = RenderSettings(n=5, size=16, samples_per_shard=2)
FILES = [*layout.of_shard(1), layout.CARD, *layout.FINAL, layout.DATASET]
WRITTEN_AGAIN = layout.FINAL[1:]
"""A repair removes all files over all shards and writes them anew, whichever of them was damaged and how; one of them
stands for the others where it is not asked that each comes back."""


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> dict[str, bytes]:
    """The files of a data set of three shards, the last one short."""
    folder = tmp_path_factory.mktemp("made") / "s"
    render(SETTINGS, folder)
    return contents(folder)


@pytest.fixture(scope="module")
def others(tmp_path_factory) -> dict[str, bytes]:
    """The files of another data set of the same lengths."""
    folder = tmp_path_factory.mktemp("others") / "s"
    render(SETTINGS.model_copy(update={"quality": 40, "seed": 1}), folder)
    return contents(folder)


def flip(content: bytes, at: float = 0.4) -> bytes:
    place = int(at * len(content))
    return content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :]


def one_more_member(content: bytes, path: Path) -> bytes:
    path.write_bytes(content)
    with tarfile.open(path, "a", format=tarfile.USTAR_FORMAT) as tar:
        member = tarfile.TarInfo("000000004.jpg")
        member.size = 0
        tar.addfile(member)
    return path.read_bytes()


def one_more_row(content: bytes, path: Path) -> bytes:
    rows = pq.read_table(pa.BufferReader(content))
    pq.write_table(pa.concat_tables([rows, rows.slice(0, 1)]), path)
    return path.read_bytes()


DAMAGES = {
    "deleted": lambda name, made, others, path: None,
    "empty": lambda name, made, others, path: b"",
    "zeros": lambda name, made, others, path: bytes(len(made[name])),
    "a flipped bit": lambda name, made, others, path: flip(made[name]),
    "another flipped bit": lambda name, made, others, path: flip(made[name], 0.9),
    "the last bit flipped": lambda name, made, others, path: flip(made[name], 1 - 1e-9),
    "cut": lambda name, made, others, path: made[name][: len(made[name]) // 2],
    "a byte more": lambda name, made, others, path: made[name] + b"\0",
    "a line more": lambda name, made, others, path: made[name] + b"0" * 64 + b"  more\n",
    "another data set's": lambda name, made, others, path: others[name],
    "another shard's": lambda name, made, others, path: made.get(name.replace("00001", "00000"), b"?"),
    "another file's": lambda name, made, others, path: made[layout.WIDS if name != layout.WIDS else layout.TIMM],
    "a member more": lambda name, made, others, path: (
        one_more_member(made[name], path) if name.endswith(".tar") else None
    ),
    "a row more": lambda name, made, others, path: one_more_row(made[name], path) if "parquet" in name else None,
}  # fmt: skip
STATES = {
    "all else is whole": {},
    "another tar is damaged": {layout.tar(0): flip},
    "another Parquet file is damaged": {layout.parquet(2): flip},
    "another shard's stats are lost": {layout.stats(2): None},
    "another shard's stats are damaged": {layout.stats(0): flip},
    "another shard is lost": dict.fromkeys(layout.of_shard(0)),
    "the same shard's stats are lost": {layout.stats(1): None},
    "the same shard's tar is damaged": {layout.tar(1): flip},
    "the checksums are lost": {layout.CHECKSUMS: None},
    "the checksums are damaged": {layout.CHECKSUMS: flip},
    "all other indexes are lost": dict.fromkeys(layout.FINAL),
}


def written(folder: Path, files: dict[str, bytes | None]) -> Path:
    folder.mkdir()
    for name, content in files.items():
        if content is not None:
            (folder / name).write_bytes(content)
    return folder


def damaged(folder: Path, name: str, damage: str, state: str, made, others) -> tuple[Path, set[str]] | None:
    """A folder in which a file and, by the state, others are damaged, and these files; None: that is no damage."""
    content = DAMAGES[damage](name, made, others, folder.parent / "changed")
    if content == made[name]:
        return None  # the same in both data sets
    bad = {file: change and change(made[file]) for file, change in STATES[state].items() if file != name}
    return written(folder, made | bad | {name: content}), {name, *bad}


def check_names(folder: Path, bad: set[str]) -> None:
    """That all that is damaged is named, and nothing else for which something tells that it is whole."""
    named = {finding.file for finding in verify(folder).findings}
    if set(layout.of_shard(0)) <= bad:  # told in one line
        bad = bad - set(layout.of_shard(0)[1:])
    allowed = set()
    if layout.stats(1) in bad and set(layout.FINAL) <= bad:  # as of a run that is under way
        bad, allowed = bad - set(layout.FINAL), set(layout.FINAL)
    if layout.DATASET in bad:  # which alone tells how many shards there are
        assert layout.DATASET in named
        return
    assert named >= bad, f"only {named} named"
    # Without its stats nothing tells which of a shard's files is whole, or whether their checksums are.
    unknown = {file for shard in range(3) if layout.stats(shard) in bad for file in layout.of_shard(shard)}
    assert named <= bad | allowed | unknown | ({layout.CHECKSUMS} if unknown else set()), f"{named - bad} named"


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_named_and_comes_back(tmp_path, made, others, damage):
    for name in FILES:
        if case := damaged(tmp_path / name, name, damage, "all else is whole", made, others):
            check_names(*case)
            if damage == "cut" or name not in WRITTEN_AGAIN:
                check_repair(case[0], name, made)


def check_repair(folder: Path, name: str, made: dict[str, bytes]) -> None:
    before = contents(folder)
    if name == layout.DATASET:
        with pytest.raises(l4f.WorkError, match="dataset.json is damaged"):
            remake(folder)
        assert contents(folder) == before
    else:
        assert remake(folder).left == [] and contents(folder) == made, name


@pytest.mark.parametrize("state", list(STATES)[1:])
@pytest.mark.parametrize("damage", ["deleted", "a flipped bit", "another flipped bit", "another data set's"])
def test_no_damage_hides_another(tmp_path, made, others, damage, state):
    for name in FILES:
        if case := damaged(tmp_path / name, name, damage, state, made, others):
            check_names(*case)
            if damage == "a flipped bit" and name not in WRITTEN_AGAIN:
                check_repair(case[0], name, made)


@pytest.mark.parametrize("state", STATES)
def test_what_else_is_there(tmp_path, made, state):
    """What loaders would read is wrong; other files are the user's, who is told of them."""
    bad = {file: change and change(made[file]) for file, change in STATES[state].items()}
    doubled = {name.replace("00001", "00007"): made[name] for name in layout.of_shard(1)}
    misnamed = {"000001.tar": b"", "copy.tar": made[layout.tar(0)], "more.parquet": b"", "00001 (1).tar": b""}
    left = {".00001.tar.0123abcd.tmp": b"half"}
    users = {"notes.txt": b"mine", ".DS_Store": b"", "0001.txt": b"", "00001.jpg": b""}
    folder = written(tmp_path / "s", made | bad | doubled | misnamed | left | users)
    (folder / "plots").mkdir()
    found = verify(folder)
    named = {finding.file for finding in found.findings}
    assert named >= {*doubled, *misnamed, *left} and not named & {*users, "plots"}
    assert {note.split(" is no file")[0] for note in found.notes} == {*users, "plots"}
    done = remake(folder)
    assert {finding.file for finding in done.left} == set(misnamed), "what is not ours is not removed"
    (folder / "plots").rmdir()
    assert contents(folder) == made | misnamed | users


@pytest.mark.parametrize("name", layout.FINAL)
@pytest.mark.parametrize("state", [state for state in STATES if "indexes" not in state])
def test_a_lost_index_is_named_whatever_else_is_wrong(tmp_path, made, state, name):
    bad = {file: change and change(made[file]) for file, change in STATES[state].items()}
    folder = written(tmp_path / "s", made | bad | {name: None})
    assert (name, "missing") in {(finding.file, finding.problem) for finding in verify(folder).findings}


def test_a_data_set_under_way_lacks_shards_and_no_index(tmp_path, made):
    lost = dict.fromkeys((*layout.of_shard(1), *layout.FINAL))
    found = verify(written(tmp_path / "s", made | lost))
    assert [(f.shard, f.file, f.problem) for f in found.findings] == [
        (1, layout.stats(1), "no such shard: not made yet, or lost")
    ]


@pytest.mark.parametrize("n", [3, 7])
def test_the_description_of_a_shorter_or_longer_data_set(tmp_path, made, n):
    """The same settings and another length: nothing may be removed, or made, by it."""
    render(SETTINGS.model_copy(update={"n": n}), tmp_path / "other")
    folder = written(tmp_path / "s", made | {layout.DATASET: (tmp_path / "other" / layout.DATASET).read_bytes()})
    before = contents(folder)
    assert layout.DATASET in {finding.file for finding in verify(folder).findings}
    with pytest.raises(l4f.WorkError, match="dataset.json is damaged"):
        remake(folder)
    assert contents(folder) == before
