"""Lists of rejected samples: the lines that ``generate --reject-list``, ``export --without`` and ``stats`` read."""

from collections.abc import Mapping
from pathlib import Path

from l4f_datagen.settings import GenerateSettings
from l4f_datagen.settings.reject_list import RejectList

TOKENS = (
    b"\n", b"\r\n", b"\r", b"\t", b" ", b",", b";", b"#", b"-1", b"1e9", b"0x1", b"9" * 30, b"\xff", b"\xef\xbb\xbf",
    b"\x00", b"\xd9\xa3", b"\xe2\x80\xa8", b"\xc2\x85", b"KEY", b"a" * 5000, b"\x1b[31m",
)  # fmt: skip
IN_SUITE = 60


def seeds() -> Mapping[str, bytes]:
    """As the gallery saves one, and as people write them."""
    saved = (
        b"# l4f-datagen reject list: KEY CANDIDATE\n# of l4f-datagen-dataset-0, 9 samples\n000000003 0\n000000007 12\n"
    )
    return {"saved": saved, "keys": b"000000003\r\n7\r\n", "short": b"3\n5 1\n"}


def read(content: bytes) -> None:
    """As ``generate`` does; what is read is read again as the same."""
    Path("list.txt").write_bytes(content)
    listed = GenerateSettings(reject_list="list.txt").reject_list or ()
    assert (GenerateSettings(reject_list=listed).reject_list or ()) == listed
    RejectList(listed).names(3, 0)
