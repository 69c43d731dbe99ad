"""Masks that came back are counted against those that were sent."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import l4f_datagen as l4f
from l4f_datagen.cli import main
from l4f_datagen.making.corrections import corrections
from l4f_datagen.samples.opening import open_samples
from l4f_datagen.samples.reading import Reading

from ..export.conftest import write_masks

SIDE = 12


def square(size: int) -> np.ndarray:
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[1 : 1 + size, 1 : 1 + size] = 1
    return mask


BAND = square(4)
BAND[8:] = 255
SENT = [square(4), square(4), square(6), square(3), square(0), square(0), BAND, square(5)]
BACK = {0: square(4), 1: square(2), 2: square(5), 3: square(0), 4: square(3), 5: square(0), 6: square(4) | (BAND >> 7)}
"""By index: the same, two that shrank, one deleted, one added, none as before, and one whose ignored band became
foreground; the last one does not come back."""


@pytest.fixture(scope="module")
def sent(tmp_path_factory) -> Path:
    return write_masks(tmp_path_factory.mktemp("sent") / "set", SENT)


def returned(folder: Path, names: str = "{:09d}") -> Path:
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True)
    for index, mask in BACK.items():
        Image.fromarray(255 * mask).save(folder / "masks" / f"{names.format(index)}.png")
        Image.new("RGB", (SIDE, SIDE)).save(folder / "images" / f"{names.format(index)}.png")
    return folder


def opened(place: Path):
    return open_samples(str(place), Reading())


@pytest.mark.parametrize("names", ["{:09d}", "0a1b2c3d-{:09d}", "frame_{:09d}"])
def test_what_became_of_masks(tmp_path, sent, names):
    found = corrections(opened(sent), opened(returned(tmp_path / "r", names)))
    keys = {name: [int(key) for key in getattr(found, name)] for name in ("unchanged", "changed", "deleted", "added")}
    assert keys == {"unchanged": [0, 5, 6], "changed": [1, 2], "deleted": [3], "added": [4]}
    assert found.not_returned == ("000000007",) and found.not_sent == ()
    expected = {0: 1, 1: 4 / 16, 2: 25 / 36, 3: 0, 4: 0, 6: 1}
    assert {int(key): iou for key, iou in found.ious.items()} == pytest.approx(expected)
    assert found.mean_iou == pytest.approx(sum(expected.values()) / 6)
    assert [int(key) for key, _ in found.worst] == [3, 4, 1, 2]
    assert found.lines()[0].startswith("corrections: 3 unchanged, 2 changed, 1 deleted, 1 added; mean IoU")
    assert found.lines()[2] == "not returned: 1 (000000007)"


def test_what_was_never_sent_and_other_sizes(tmp_path, sent):
    place = returned(tmp_path / "r")
    for kind in ("images", "masks"):
        (place / kind / "000000000.png").rename(place / kind / "lone.png")
    assert corrections(opened(sent), opened(place)).not_sent == ("lone",)
    other = write_masks(tmp_path / "other", [np.ones((8, 8), np.uint8)] * 8)
    with pytest.raises(l4f.UserError, match="12×12 pixels; expected 8×8, as it was sent"):
        corrections(opened(other), opened(place))
    for path in sorted((place / "images").iterdir()) + sorted((place / "masks").iterdir()):
        path.rename(path.with_name(f"x{path.stem[-1]}.png"))
    with pytest.raises(l4f.UserError, match="sent: got .* which has no sample of the names"):
        corrections(opened(sent), opened(place))


def test_two_of_one_key(tmp_path, sent):
    place = returned(tmp_path / "r")
    for kind in ("images", "masks"):
        (place / kind / "000000000.png").rename(place / kind / "a-000000001.png")
    with pytest.raises(l4f.UserError, match="two samples of the key 000000001"):
        corrections(opened(sent), opened(place))


def test_import_tells_of_them(tmp_path, sent, capsys):
    place = returned(tmp_path / "r")
    words = ["import", str(place), "--sent", str(sent), "--out", str(tmp_path / "s")]
    assert main([*words, "--dry-run"]) == 0
    assert "note: corrections: 3 unchanged" in capsys.readouterr().err and not (tmp_path / "s").exists()
    assert main(words) == 0
    assert "corrections: 3 unchanged, 2 changed" in capsys.readouterr().out
    assert main([*words, "--json"]) == 0
    values = json.loads(capsys.readouterr().out)["corrections"]
    assert values["changed"] == ["000000001", "000000002"] and values["worst"][0] == {"key": "000000003", "iou": 0}
    assert main([*words[:2], "--sent", str(tmp_path / "gone"), "--out", str(tmp_path / "t")]) == 2
    assert "gone" in capsys.readouterr().err and not (tmp_path / "t").exists()
