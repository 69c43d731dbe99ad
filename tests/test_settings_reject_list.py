"""Lists of rejected samples: what their lines may be, and what they name."""

import pytest

from l4f_datagen.errors import UserError
from l4f_datagen.settings import ExportSettings, GenerateSettings
from l4f_datagen.settings.reject_list import RejectList, read_list


@pytest.mark.parametrize(
    "content",
    [
        b"000000012 0\n000000003\n",
        b"\xef\xbb\xbf# as an editor of Windows saves it\r\n000000012 0\r\n000000003\r\n",
        b"3\n12,0\n12 0  # twice\n\n   \n",
        b"000000012\t00\n  0000000003  ",
    ],
)
def test_all_spellings_are_one(content, tmp_path):
    path = tmp_path / "list.txt"
    path.write_bytes(content)
    entries = ("000000003", "000000012 0")
    assert read_list(path, "reject-list") == entries
    assert GenerateSettings(reject_list=str(path)) == GenerateSettings(reject_list=entries)
    assert ExportSettings(format="folder", without=path).without == entries


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"12 0\n12 -1\n", "line 2, '12 -1', which is no KEY CANDIDATE"),
        (b"12 0 7\n", "line 1"),
        (b"000000012.jpg\n", "line 1"),
        (b"key,candidate\n12,0\n", "line 1"),
        (b"\xff\xfe1\x002\x00", "no text"),
        (b"9" * 40, "line 1"),
    ],
)
def test_what_is_no_list_is_told_in_a_line(content, said, tmp_path):
    path = tmp_path / "list.txt"
    path.write_bytes(content)
    with pytest.raises(UserError, match=f"reject-list {path}: ") as error:
        GenerateSettings(reject_list=str(path))
    assert said in str(error.value) and "gallery" in str(error.value) and len(str(error.value)) < 400


@pytest.mark.parametrize("place", ["missing.txt", ".", "s3://bucket/list.txt"])
def test_a_list_that_is_not_there(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="without"):
        ExportSettings(format="coco", without=place)


def test_no_list_and_an_empty_one_are_the_same():
    for empty in (None, "none", (), [], "/dev/null"):
        settings = GenerateSettings(reject_list=empty)
        assert settings.reject_list is None and settings.filters == {}
        assert settings.identity() == GenerateSettings().identity()


def test_which_samples_entries_name():
    listed = RejectList(("000000003", "000000012 0", "000000012 2"))
    assert listed and not RejectList(())
    assert [listed.names(12, candidate) for candidate in range(4)] == [True, False, True, False]
    assert listed.names(3, 0) and listed.names(3, 9) and not listed.names(4, 0)
