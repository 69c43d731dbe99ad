import io
import random
import tarfile

import pytest

from l4f_datagen.shards.format.tar import TarWriter
from l4f_datagen.shards.format.untar import NotPlainTar, members

MEMBERS = {"000000000.jpg": b"x" * 512, "a.b.c": b"", "n" * 100: b"y" * 513, "ü.json": b"{}"}


@pytest.fixture(scope="module")
def archive() -> bytes:
    file = io.BytesIO()
    tar = TarWriter(file)
    for name, content in MEMBERS.items():
        tar.add(name, content)
    tar.close()
    return file.getvalue()


@pytest.mark.parametrize("strict", [False, True])
def test_what_is_written_is_read(archive, strict):
    found = list(members(io.BytesIO(archive), strict=strict))
    assert {m.name: m.content for m in found} == MEMBERS
    assert all(archive[m.offset : m.offset + len(m.content)] == m.content for m in found)


def test_it_starts_at_any_member(archive):
    third = list(members(io.BytesIO(archive)))[2]
    file = io.BytesIO(archive)
    file.seek(third.offset - 512)
    assert [m.name for m in members(file, start=third.offset - 512)] == list(MEMBERS)[2:]


@pytest.mark.parametrize("name", ["short.jpg", "folder/" * 20 + "name.png"])
def test_ustar_archives_of_others_are_read(name):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mtime, entry.uname = 700, 1234567, "someone"
        tar.addfile(entry, io.BytesIO(b"z" * 700))
    file.seek(0)
    assert [(m.name, m.content) for m in members(file)] == [(name, b"z" * 700)]


def test_a_name_that_we_could_not_write_is_not_ours():
    """USTAR puts longer names together from two fields; strictly read, such a member is damage, not a bug."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo("folder/" * 20 + "name.png"))
    buffer.seek(0)
    with pytest.raises(NotPlainTar, match="not as it was written"):
        list(members(buffer, strict=True))


def test_other_kinds_of_archives_are_told():
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(tarfile.TarInfo("ä" * 120), io.BytesIO())
    file.seek(0)
    with pytest.raises(NotPlainTar, match="type 'x'; only regular files of USTAR"):
        list(members(file))


def test_every_byte_but_the_contents_is_held_to(archive):
    found = list(members(io.BytesIO(archive)))
    inside = {at for m in found for at in range(m.offset, m.offset + len(m.content))}
    outside = [at for at in range(len(archive)) if at not in inside]
    for at in [*range(512), *random.Random(0).sample(outside, 1500)]:
        for bit in (0, 6):
            damaged = bytearray(archive)
            damaged[at] ^= 1 << bit
            with pytest.raises(NotPlainTar):
                list(members(io.BytesIO(damaged), strict=True))


def test_no_damaged_header_is_taken_for_another_member(archive):
    """Without ``strict`` too: a header holds by its checksum."""
    start = list(members(io.BytesIO(archive)))[1].offset - 512
    for at in range(start, start + 500):
        damaged = bytearray(archive)
        damaged[at] ^= 1
        with pytest.raises(NotPlainTar):
            list(members(io.BytesIO(damaged)))


@pytest.mark.parametrize("strict", [False, True])
def test_an_archive_that_is_cut_is_told(archive, strict):
    for length in (0, 100, 512, 700, 1024, 1536 + 512):
        with pytest.raises(NotPlainTar, match="ends at byte"):
            list(members(io.BytesIO(archive[:length]), strict=strict))


def test_zeros_too_many_or_too_few_are_told(archive):
    for content in (archive[:-512], archive + bytes(512)):
        with pytest.raises(NotPlainTar, match="zero bytes at the end"):
            list(members(io.BytesIO(content), strict=True))


def test_names_that_are_not_ours_are_told_in_one_line(archive):
    """Another program's header: a long name, and one that a terminal would obey."""
    for name, prefix in ((b"a" * 100, b"b" * 155), (b"\x1b[31m\n000.jpg", b"")):
        changed = bytearray(archive)
        changed[:100], changed[345:500] = name.ljust(100, b"\0"), prefix.ljust(155, b"\0")
        changed[148:156] = b" " * 8
        changed[148:156] = b"%06o\0 " % sum(changed[:512])
        assert len(list(members(io.BytesIO(changed)))) == len(list(members(io.BytesIO(archive))))
        with pytest.raises(NotPlainTar) as refused:
            for _ in members(io.BytesIO(changed), strict=True):
                pass
            for _ in members(io.BytesIO(changed[:600])):
                pass
        assert str(refused.value).isprintable() and len(str(refused.value)) < 200
