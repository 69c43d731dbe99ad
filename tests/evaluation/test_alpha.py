import json

import cv2
import numpy as np
import pytest
import torch

from l4f_datagen import editing
from l4f_datagen.errors import UserError, WorkError
from l4f_datagen.evaluation import alpha, rejection
from l4f_datagen.evaluation.baselines.generated import ON_GENERATOR, opened
from l4f_datagen.evaluation.references import FolderMasker
from l4f_datagen.evaluation.tables import to_json
from l4f_datagen.generation.stream import stream
from l4f_datagen.samples.opening import open_masks
from l4f_datagen.samples.reading import Reading
from l4f_datagen.settings import EvaluateAlphaSettings, GenerateSettings


@pytest.fixture
def settings(tiny_checkpoint):
    return EvaluateAlphaSettings(
        n=7, generator=str(tiny_checkpoint), batch_size=3, psi="0.7,1", threshold="0.5", device="cpu", reject=""
    )


class Told:
    """Masks by name; where there is none, one of nothing."""

    name = "told"

    def __init__(self, masks=None):
        self.masks, self.seen = masks or {}, []

    def __call__(self, images, keys):
        self.seen += keys
        return np.stack([self.masks.get(key, np.zeros(images.shape[1:3], np.uint8)) for key in keys])


def generated(settings, psi, threshold=0.5):
    values = {"n": settings.n, "generator": settings.generator, "psi": psi, "threshold": threshold, "device": "cpu"}
    return list(stream(GenerateSettings(**values, batch_size=7, save=("foreground",))))


def test_samples_are_those_of_generate(settings):
    """With generate's own masks as the reference nothing is wrong; and the images are its foregrounds."""
    samples = {psi: generated(settings, psi) for psi in settings.psi}
    told = Told({alpha.key(psi, s.metadata["index"]): s.mask for psi, found in samples.items() for s in found})
    report = alpha.evaluate_alpha(settings, told)
    assert [(row.labels["psi"], row.labels["threshold"], row.images) for row in report.rows] == [
        (0.7, 0.5, 7),
        (1.0, 0.5, 7),
    ]
    # A batch of another size may round otherwise.
    assert all(row.values["accuracy"] > 0.999 for row in report.rows)
    # What needs no reference is a table of its own.
    assert [row.labels["psi"] for row in report.unreferenced] == [0.7, 1.0]
    areas = [np.mean([s.mask for s in samples[psi]]) for psi in settings.psi]
    assert [row.values["area"] for row in report.unreferenced] == pytest.approx(areas, abs=0.01)
    assert json.loads(to_json(report))["without_reference"][0]["images"] == 7
    assert told.seen == [f"psi{psi}/{i:09d}" for psi in ("0.7", "1") for i in range(7)]
    models = alpha.load(settings)
    images = np.concatenate([batch.images for batch in alpha.draw(settings, models, 1.0)])
    assert np.abs(images.astype(int) - np.stack([s.foreground for s in samples[1.0]])).max() <= 1


def test_every_threshold_has_a_row(settings):
    settings = settings.model_copy(update={"threshold": (0.3, 0.5), "psi": (1.0,)})
    found = generated(settings, 1.0, 0.3)
    report = alpha.evaluate_alpha(settings, Told({alpha.key(1, s.metadata["index"]): s.mask for s in found}))
    low, high = report.rows
    assert (low.labels["threshold"], high.labels["threshold"]) == (0.3, 0.5)
    assert low.values["accuracy"] > 0.999 > high.values["accuracy"]


def test_exported_images_masked_elsewhere_are_a_reference(settings, tmp_path):
    assert alpha.export_images(settings, tmp_path / "images") == 14
    told = {}
    for path in (tmp_path / "images").rglob("*.png"):
        name = path.relative_to(tmp_path / "images").with_suffix("").as_posix()
        mask = (cv2.imread(str(path))[..., 1] > 128).astype(np.uint8)
        told[name] = mask
        (tmp_path / "masks" / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / "masks" / f"{name}.png"), mask * 255)
    outside = FolderMasker(open_masks(str(tmp_path / "masks"), Reading(values="grey", predicted=True)))
    rows = [alpha.evaluate_alpha(settings, reference).rows for reference in (outside, Told(told))]
    assert [row.values for row in rows[0]] == [row.values for row in rows[1]]
    (tmp_path / "masks" / "psi1" / "000000004.png").unlink()
    with pytest.raises(UserError, match=r"1 of 14 images \(psi1/000000004\).*--export-images"):
        alpha.evaluate_alpha(
            settings, FolderMasker(open_masks(str(tmp_path / "masks"), Reading(values="grey", predicted=True)))
        )


def test_drawing_leaves_the_consumer_alone(settings):
    batches = alpha.draw(settings, alpha.load(settings), 1.0)
    next(batches)
    assert not torch.is_inference_mode_enabled()


def two_discs(radius):
    mask = np.zeros((16, 16), np.uint8)
    mask[2:8, 2:8] = 1
    mask[12 : 12 + radius, 12 : 12 + radius] = 1
    return mask


def test_what_the_reference_does_not_see_once_is_rejected():
    assert rejection.rejection(np.zeros((16, 16), np.uint8), 0.01) == "empty"
    assert rejection.rejection(np.full((16, 16), 255, np.uint8), 0.01) == "empty"
    assert rejection.rejection(two_discs(0), 0.01) is None
    assert rejection.rejection(two_discs(1), 0.01) is None  # a speck is no object
    assert rejection.rejection(two_discs(2), 0.01) == "several"
    assert rejection.rejection(two_discs(2), 0.05) is None


def test_rejected_samples_are_counted_and_named(settings):
    masks = {alpha.key(0.7, i): two_discs(3 if i == 2 else 0) for i in range(6)}
    masks |= {alpha.key(1, i): two_discs(0) for i in range(7)}
    wanted = settings.model_copy(update={"reject": ("empty", "several")})
    report = alpha.evaluate_alpha(wanted, Told(masks))
    assert [row.images for row in report.rows] == [5, 7]
    (note,) = (note for note in report.notes if note.startswith("psi 0.7"))
    assert "5 of 7 samples counted, 2 rejected" in note
    assert "nothing in 1 (psi0.7/000000006)" in note and "several objects in 1 (psi0.7/000000002)" in note
    report = alpha.evaluate_alpha(settings.model_copy(update={"reject": ("several",)}), Told(masks))
    assert [row.images for row in report.rows] == [6, 7]


def test_a_reference_that_sees_nothing_at_all(settings):
    with pytest.raises(WorkError, match="rejected all 7 samples.*nothing in 7"):
        alpha.evaluate_alpha(settings.model_copy(update={"reject": ("empty",)}), Told())


@pytest.fixture
def few_draws(monkeypatch):
    """GANSpace's directions of fewer codes."""
    monkeypatch.setattr(editing.directions, "DRAWS", 500)


@pytest.fixture
def threads():
    """Sets torch's number of threads, until the test ends."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def test_baselines_stand_in_the_same_table_and_the_winner_is_told(settings, few_draws, threads):
    """However many threads there are."""
    settings = settings.model_copy(update={"baselines": True, "psi": (1.0,), "reject": ("empty",)})
    found, models = generated(settings, 1.0)[:6], alpha.load(settings)
    reports = []
    for count in (1, 3):
        threads(count)
        told = Told({alpha.key(1, s.metadata["index"]): s.mask for s in found})
        reports.append(alpha.evaluate_alpha(settings, told, models=models))
        assert torch.get_num_threads() == count
    report, other = reports
    assert to_json(report) == to_json(other)
    assert len(report.rows) == 1 + len(ON_GENERATOR) and all(row.images == 6 for row in report.rows)
    assert report.rows[0].values["miou"] > max(row.values["miou"] for row in report.rows[1:])
    (note,) = (note for note in report.notes if "the best baseline" in note)
    difference = report.rows[0].values["miou"] - max(row.values["miou"] for row in report.rows[1:])
    assert "beats the best baseline" in note and f"difference {difference:+.3f}, 95 %:" in note


def test_random_noise_is_the_same_each_time(settings, few_draws):
    settings = settings.model_copy(update={"noise": "random", "psi": (1.0,), "baselines": True})
    models = alpha.load(settings)
    looks = opened(settings, models)
    first, second = (next(alpha.draw(settings, models, 1.0, looks=looks)) for _ in range(2))
    np.testing.assert_array_equal(first.images, second.images)
    assert first.baselines.keys() == ON_GENERATOR.keys()
    for name, masks in first.baselines.items():
        np.testing.assert_array_equal(masks(2), second.baselines[name](2))
