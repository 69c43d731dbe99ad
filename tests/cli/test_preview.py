import cv2
import numpy as np
import pytest

import l4f_datagen as l4f
from l4f_datagen import sheet
from l4f_datagen.cli import main


@pytest.fixture
def folder(tmp_path, tiny_settings):
    l4f.generate(tiny_settings, tmp_path / "s")
    return tmp_path / "s"


def test_a_sheet_of_what_there_is(folder, tmp_path, capsys):
    out = tmp_path / "new" / "sheet.png"
    assert main(["preview", str(folder), "--out", str(out), "--n", "10", "--columns", "4", "--tile", "32"]) == 0
    image = cv2.cvtColor(cv2.imread(str(out)), cv2.COLOR_BGR2RGB)
    first = next(iter(l4f.open_dataset(folder)))
    y, x, step = sheet._GAP, sheet._MARGIN, 32 + sheet._GAP
    mask = image[y + 2 * step : y + 2 * step + 32, x : x + 32, 0]
    np.testing.assert_array_equal(mask, np.kron(first.mask, np.ones((2, 2))) * 255)
    assert image.shape[0] == 3 * (4 * step + 2 * sheet._GAP)


def test_the_outline_runs_along_the_mask():
    mask = np.zeros((64, 64), np.uint8)
    mask[16:48, 16:48] = 1
    sample = l4f.Sample(image=np.zeros((64, 64, 3), np.uint8), alpha=mask * 255, mask=mask)
    outline = sheet.views(sample, 64)[3]
    drawn = (outline == sheet._OUTLINE).all(-1)
    assert drawn.sum() == 4 * 31
    assert drawn[16, 16:48].all() and drawn[16:48, 47].all() and not drawn[17:47, 17:47].any()


def test_ignored_pixels_are_grey():
    mask = np.zeros((16, 16), np.uint8)
    mask[4:12, 4:12], mask[6] = 1, 255
    sample = l4f.Sample(image=np.zeros((16, 16, 3), np.uint8), alpha=mask, mask=mask)
    shown = sheet.views(sample, 16)[2][..., 0]
    np.testing.assert_array_equal(shown, np.select([mask == 1, mask == 255], [255, 128]))


@pytest.mark.parametrize("name", ["sheet.jpg", "sheet"])
def test_only_png(folder, tmp_path, capsys, name):
    assert main(["preview", str(folder), "--out", str(tmp_path / name)]) == 2
    assert ".png" in capsys.readouterr().err
