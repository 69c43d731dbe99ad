"""The folder of codes: written whole, read back, refused where it is damaged or another generator's."""

import csv
import io
import json

import pytest
import torch

from l4f_datagen.errors import UserError
from l4f_datagen.networks.stylegan2 import Generator, GeneratorArchitecture
from l4f_datagen.projection import codes
from l4f_datagen.projection.codes import Row, read_codes
from l4f_datagen.weights.source import Source

ARCHITECTURE = GeneratorArchitecture(channels=(8, 4), z_dim=4, w_dim=6, mapping_layers=1)
SOURCE = Source(name="tiny", format="native", sha256="a" * 64)


def row(key: str) -> Row:
    return Row(
        key=key, file=f"photos/{key}.jpg", sha256="0" * 64, space="w+", how="optimise", error=3.5, psnr=37.2,
        undrawn=0.1, distance=1.1, seconds=0.25,
    )  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    description = {
        "format": codes.FORMAT, "version": codes.VERSION, "identity": {},
        "generator": {"name": "tiny", "sha256": SOURCE.sha256},
    }  # fmt: skip
    (tmp_path / codes.DESCRIPTION).write_text(json.dumps(description))
    w = torch.arange(48.0).view(2, 4, 6)
    noise = [torch.full((2, *size), 0.5) for size in ARCHITECTURE.noise_sizes]
    codes.write_file(tmp_path / codes.CODES, w, [row("one"), row("sub/zwei, größer")], noise)
    return tmp_path


def test_what_was_written_is_read(folder):
    found = read_codes(folder, (Generator(ARCHITECTURE), SOURCE))
    assert len(found) == 2 and torch.equal(found.w, torch.arange(48.0).view(2, 4, 6))
    assert found.rows == (row("one"), row("sub/zwei, größer"))
    assert found.image(1) == folder / "images" / "sub" / "zwei, größer.png"
    assert found.number("one") == 0
    with pytest.raises(UserError, match="no photograph of this name"):
        found.number("two")
    drawn = Generator(ARCHITECTURE).synthesize(found.w[1:], found.noise_of(slice(1, 2)))
    assert drawn.image.shape == (1, 3, 8, 8)
    table = list(csv.DictReader(io.StringIO(codes.as_csv(found.rows).decode())))
    assert [line["row"] for line in table] == ["0", "1"] and table[1]["key"] == "sub/zwei, größer"


def _cut(folder):
    path = folder / codes.CODES
    path.write_bytes(path.read_bytes()[:-7])


def _with_rows(*rows):
    return lambda folder: codes.write_file(folder / codes.CODES, torch.zeros(2, 4, 6), rows, None)


def _described(**changes):
    def change(folder):
        path = folder / codes.DESCRIPTION
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


@pytest.mark.parametrize(
    "damage, told",
    [
        (_cut, "a damaged file"),
        (_with_rows(row("one")), "1 rows beside codes of the shape (2, 4, 6)"),
        (_with_rows(row("one"), row("../two")), "a key ../two that is no name"),
        (_with_rows(row("one"), row("/etc/two")), "that is no name"),
        (lambda folder: (folder / codes.CODES).unlink(), "was not finished"),
        (lambda folder: (folder / codes.DESCRIPTION).unlink(), "no such file"),
        (lambda folder: (folder / codes.DESCRIPTION).write_text("{"), "no JSON"),
        (_described(format="other"), '"format"'),
        (_described(version=9), '"version": 9'),
        (_described(generator={"name": "x"}), "for generator"),
        (_described(identity=3), "for identity"),
        (_described(generator={"name": "faces", "sha256": "b" * 64}), "codes of the generator faces (bbbbbbbbbbbb…)"),
        (
            lambda folder: codes.write_file(
                folder / codes.CODES, torch.full((2, 4, 6), torch.nan), [row("a"), row("b")], None
            ),
            "not finite",
        ),
        (
            lambda folder: codes.write_file(folder / codes.CODES, torch.zeros(2, 5, 6), [row("a"), row("b")], None),
            "5 layers × 6",
        ),
        (
            lambda folder: codes.write_file(
                folder / codes.CODES, torch.zeros(2, 4, 6), [row("a"), row("b")], [torch.zeros(2, 4, 4)]
            ),
            "4 layers × 6",
        ),
    ],
)  # fmt: skip
def test_what_is_not_as_it_was_written_is_told_in_one_line(damage, told, folder):
    damage(folder)
    with pytest.raises(UserError) as error:
        read_codes(folder, (Generator(ARCHITECTURE), SOURCE))
    assert told in str(error.value) and "\n" not in str(error.value)
