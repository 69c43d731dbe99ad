"""One law of masks: what a data set holds is what is verified, trained on and evaluated, for all settings."""

import itertools
import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

import l4f_datagen as l4f
from l4f_datagen import scores
from l4f_datagen import settings as settings_module
from l4f_datagen.making.render import arithmetic
from l4f_datagen.making.trunk import write_dataset
from l4f_datagen.masks import HALF, MaskLaw, law_of, make_mask
from l4f_datagen.sample import Sample
from l4f_datagen.samples.sample import Labelled
from l4f_datagen.settings import GenerateSettings, RenderSettings, TrainSegmenterSettings
from l4f_datagen.shards.verify.verification import verify
from l4f_datagen.training.segmenter import augmentation
from l4f_datagen.training.segmenter.batches import LabelledBatches
from l4f_datagen.versions import versions

STILL = {"flip": 0, "scale": 0, "scaled": 0, "crop": 0, "colour": 0, "blur": 0, "jpeg": 0, "validation": "0"}
SIZE, COUNT = 24, 5
CHOICES = {
    "threshold": (0.5, 0.9),
    "largest_component": (False, True),
    "fill_holes": (False, True),
    "ignore_band": (None, (0.2, 0.8)),
    "blend": ("alpha", "mask"),
}
COMBINATIONS = [dict(zip(CHOICES, values, strict=True)) for values in itertools.product(*CHOICES.values())]


def clouds(number: int, height: int = SIZE, width: int = SIZE) -> np.ndarray:
    """An alpha of several soft components, some with holes."""
    noise = np.random.default_rng(number).normal(size=(height, width)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 1.6)
    return np.clip(127 + 400 * smooth, 0, 255).astype(np.uint8)


def name(value) -> str:
    return "-".join(map(str, value.values())) if isinstance(value, dict) else str(value)


def write(folder, **choices) -> GenerateSettings:
    """A data set as ``generate`` writes it, of alphas that are worth cutting."""
    settings = GenerateSettings(n=COUNT, device="cpu", image_format="png", **choices)
    identity = settings_module.identity(settings, {"generator": "0" * 64, "alpha": "0" * 64}, "cpu")
    description = {
        "settings": settings.model_dump(mode="json"), "identity": identity,
        "fingerprint": settings_module.fingerprint(identity), "versions": versions(["numpy"]),
        "checkpoints": {
            part: {"name": "none", "format": "native", "sha256": "0" * 64, "licence": "MIT"}
            for part in ("generator", "alpha")
        },
        "counts": {"samples": settings.n, "shards": settings.shards},
    }  # fmt: skip

    def sample(index: int) -> Sample:
        alpha = clouds(index)
        mask = make_mask(alpha, settings)
        metadata = {
            "key": f"{index:09d}", "shard": 0, "index": index, "seed": 0, "foreground_code": index,
            "background_code": index, "candidate": 0, "background_source": "generator", "psi": settings.psi,
            "background_psi": settings.background_psi, "threshold": settings.threshold, "height": SIZE, "width": SIZE,
            **scores.score(alpha, mask, settings.threshold),
        }  # fmt: skip
        return Sample(image=np.repeat(alpha[..., None], 3, 2), alpha=alpha, mask=mask, metadata=metadata)

    write_dataset(
        settings, folder, description, lambda shards: (sample(i) for i in range(COUNT)), overwrite=False,
        report=lambda progress: None, probe=lambda: arithmetic(RenderSettings()),
    )  # fmt: skip
    return settings


def batches(folder, **changes) -> LabelledBatches:
    return LabelledBatches(TrainSegmenterSettings(shards=(str(folder),), **{**STILL, **changes}))


def learned(found: LabelledBatches) -> dict[bytes, tuple[np.ndarray, np.ndarray]]:
    """Masks and soft labels by the bytes of their image: of the first epoch."""
    batch = found.batch(range(COUNT))
    images = batch.images.permute(0, 2, 3, 1).add(1).mul(127.5).round().byte().numpy()
    return {
        image.tobytes(): (mask, np.rint(255 * alpha))
        for image, mask, alpha in zip(images, batch.masks.numpy(), batch.alphas.numpy(), strict=True)
    }


@pytest.fixture(scope="module", params=COMBINATIONS, ids=name)
def made(request, tmp_path_factory) -> tuple[Path, GenerateSettings, dict]:
    """A data set of each combination, which is only read; its settings, and what was chosen."""
    folder = tmp_path_factory.mktemp("law") / "s"
    return folder, write(folder, **request.param), request.param


def test_the_stored_mask_is_what_is_learned_and_verified(made):
    folder, _, choices = made
    assert not verify(folder).findings
    found = learned(batches(folder))
    for sample in l4f.open_dataset(folder):
        mask, soft = found[sample.image.tobytes()]
        np.testing.assert_array_equal(mask, sample.mask)
        np.testing.assert_array_equal(soft, 255 * (sample.mask == 1) if choices["blend"] == "mask" else sample.alpha)


def test_another_threshold_keeps_the_rest_of_the_law(made):
    folder, settings, _ = made
    found = learned(batches(folder, threshold=0.7))
    for sample in l4f.open_dataset(folder):
        mask, _ = found[sample.image.tobytes()]
        np.testing.assert_array_equal(mask, make_mask(sample.alpha, settings.model_copy(update={"threshold": 0.7})))


@pytest.mark.parametrize("size", [SIZE // 2, 2 * SIZE])
def test_a_resized_alpha_is_cut_by_the_same_law(made, size):
    folder, settings, _ = made
    part = batches(folder, size=size).parts[0]
    for index, sample in enumerate(l4f.open_dataset(folder)):
        way = cv2.INTER_AREA if size < SIZE else cv2.INTER_LINEAR
        alpha = cv2.resize(sample.alpha, (size, size), interpolation=way)
        np.testing.assert_array_equal(part.read(index).mask, make_mask(alpha, settings))


def test_a_threshold_that_blended_composites_do_not_show_is_told(tmp_path, caplog):
    write(tmp_path / "s", blend="mask", threshold=0.9)
    batches(tmp_path / "s", threshold=0.9)
    assert "composites" not in caplog.text
    batches(tmp_path / "s", threshold=0.5)
    assert "threshold 0.5: composites that were blended with their masks show those of 0.9" in caplog.text


LAWS = [
    MaskLaw(threshold=threshold, largest_component=largest, fill_holes=holes, ignore_band=band)
    for threshold, largest, holes, band in itertools.product(*list(CHOICES.values())[:4])
]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: name(vars(law)))
@pytest.mark.parametrize("shape", [(24, 24), (24, 40)], ids=str)
def test_augmented_masks_are_parts_of_the_scaled_whole(law, shape):
    """Held against the whole image scaled by the same factor, cut, and then moved, cropped and mirrored."""
    alpha = clouds(7, *shape)
    labelled = Labelled(np.repeat(alpha[..., None], 3, 2), alpha, make_mask(alpha, law), law=law)
    for number in range(12):
        settings = TrainSegmenterSettings(**{**STILL, "flip": 0.5, "scale": 0.6, "scaled": 0.7, "crop": 0.3})
        found = augmentation.augment(labelled, 24, settings, np.random.default_rng(number))
        plain = augmentation.augment(
            replace(labelled, law=replace(law, largest_component=False, fill_holes=False)), 24, settings,
            np.random.default_rng(number),
        )  # fmt: skip
        stored = augmentation.augment(replace(labelled, law=None), 24, settings, np.random.default_rng(number))
        np.testing.assert_array_equal(found.alpha, plain.alpha)
        if law.local:
            np.testing.assert_array_equal(found.mask, plain.mask)
        # Beside outlines, which scaling moves within a pixel, it is the stored mask that was moved.
        edges = cv2.morphologyEx(stored.mask, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
        assert (found.mask != stored.mask)[~edges].mean() < 0.06, number


def test_a_component_that_a_crop_cuts_in_two_stays_one():
    """A horseshoe whose bow lies outside the crop: both arms belong to the largest component."""
    alpha = np.zeros((24, 60), np.uint8)
    alpha[4:8, 10:50], alpha[16:20, 10:50], alpha[4:20, 46:50] = 255, 255, 255
    alpha[11:13, 12:16] = 255  # a speck between the arms
    law = MaskLaw(threshold=0.5, largest_component=True)
    labelled = Labelled(np.repeat(alpha[..., None], 3, 2), alpha, make_mask(alpha, law), law=law)
    for number in range(30):
        settings = TrainSegmenterSettings(**{**STILL, "flip": 0.5, "scale": 0.2, "scaled": 1.0})
        found = augmentation.augment(labelled, 24, settings, np.random.default_rng(number))
        rows = found.mask[:, 12]
        assert (rows[5] == 1 and rows[18] == 1) or not found.alpha[5].any(), number
        speck = cv2.connectedComponents((found.alpha >= 128).astype(np.uint8))[1][12]
        assert not found.mask[12][speck > 0].any() or found.alpha[:, -1].any() or found.alpha[:, 0].any()


def test_every_law_is_told_by_its_description():
    for choices in COMBINATIONS:
        settings = GenerateSettings(**choices)
        law = law_of({"settings": json.loads(settings.model_dump_json())})
        for number in range(3):
            alpha = clouds(number)
            np.testing.assert_array_equal(make_mask(alpha, law), make_mask(alpha, settings))
    assert law_of({"settings": {"threshold": 0.5}}) == HALF
    assert law_of({"settings": {"threshold": 0.5}, "source": {"name": "elsewhere"}}) is None
