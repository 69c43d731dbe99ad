import io
import tarfile

import pytest

from l4f_datagen.shards.format.tar import TarWriter

MEMBERS = {"000000000.jpg": b"x" * 512, "a.b.c": b"", "n" * 100: b"y" * 513, "ü.json": b"{}"}


def written() -> tuple[bytes, dict[str, int]]:
    file = io.BytesIO()
    tar = TarWriter(file)
    offsets = {name: tar.add(name, content) for name, content in MEMBERS.items()}
    tar.close()
    return file.getvalue(), offsets


def test_tarfile_reads_what_is_written():
    content, offsets = written()
    assert len(content) % 10240 == 0
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        entries = tar.getmembers()
        assert {entry.name: tar.extractfile(entry).read() for entry in entries} == MEMBERS
    for entry in entries:
        assert (entry.mode, entry.uid, entry.gid, entry.mtime, entry.type) == (0o444, 0, 0, 0, tarfile.REGTYPE)
        assert entry.offset_data == offsets[entry.name]


def test_the_header_is_that_of_tarfile():
    """Byte for byte, but for the device numbers that only devices have."""
    content, _ = written()
    info = tarfile.TarInfo("000000000.jpg")
    info.size, info.mode = 512, 0o444
    expected = bytearray(info.tobuf(tarfile.USTAR_FORMAT))
    if bytes(expected[329:345]).strip(b"\0"):
        pytest.skip("this Python writes device numbers for files")
    assert content[:512] == expected


def test_a_name_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="longer than 100 bytes"):
        TarWriter(io.BytesIO()).add("n" * 101, b"")
