import hashlib
from threading import Event

import numpy as np
import pytest
import torch

from l4f_datagen import masks, scores
from l4f_datagen.errors import WorkError
from l4f_datagen.generation import drawing
from l4f_datagen.generation.filters import CandidateTally, Filters, first_accepted
from l4f_datagen.generation.models import load_models
from l4f_datagen.generation.stream import stream
from l4f_datagen.networks.pixels import image_to_uint8
from l4f_datagen.sample import Sample
from l4f_datagen.seeding import normal
from l4f_datagen.settings import GenerateSettings

PICTURE = np.zeros((2, 2), np.uint8)
AREA = {"max_area": 0.55}  # about one of four of the tiny networks' candidates


def fate(index: int, number: int) -> str:
    """Two thirds of all candidates fail one of two filters, by a hash."""
    digest = hashlib.sha256(f"{index}/{number}".encode()).digest()
    return ("", "min_area", "max_components")[digest[0] % 3]


def found(indices, batch_size: int, drawn: list) -> list[Sample]:
    def draw(candidates):
        drawn.append(list(candidates))
        for index, number in candidates:
            why = fate(index, number)
            row = {"key": str(index), "candidate": number, "mask_area": why != "min_area",
                   "components": 1 + (why == "max_components")}  # fmt: skip
            yield Sample(image=PICTURE, alpha=PICTURE, mask=PICTURE, metadata=row)

    filters = Filters(GenerateSettings(min_area=0.5, max_components=1))
    return first_accepted(
        indices, draw, filters, batch_size=batch_size, tally=CandidateTally(filters.bounds), stopped=Event()
    )  # fmt: skip


@pytest.mark.parametrize("batch_size", [1, 3, 8, 64])
def test_the_first_that_passes_whatever_is_drawn_together(batch_size):
    drawn = []
    samples = found(range(32), batch_size, drawn)
    for index, sample in enumerate(samples):
        fates = [fate(index, number) for number in range(sample.metadata["candidate"] + 1)]
        assert sample.metadata["key"] == str(index)
        assert fates.index("") == len(fates) - 1 and list(sample.rejected) == fates[:-1]
    flat = [candidate for part in drawn for candidate in part]
    assert len(set(flat)) == len(flat) and max(map(len, drawn)) <= batch_size
    # Drawing ahead costs something, but not much.
    needed = sum(sample.metadata["candidate"] + 1 for sample in samples)
    assert needed <= len(flat) <= 1.6 * needed + batch_size


def test_it_is_drawn_the_same_way_every_time():
    first, second = [], []
    found(range(32), 8, first)
    found(range(32), 8, second)
    assert first == second


def test_a_sample_is_the_papers_of_its_first_accepted_candidate(tiny_settings):
    """The stream against the public networks, one candidate at a time."""
    settings = tiny_settings.model_copy(update=AREA | {"n": 8, "save": ("w",)})
    models, numbers = load_models(settings), []
    for index, sample in enumerate(stream(settings)):
        for number in range(100):
            z = {name: normal((6,), 0, name, [index], draws=[number]) for name in ("foreground", "background")}
            w = models.generator.truncate(models.generator.map(z["foreground"]), psi=settings.psi)
            out = models.generator.synthesize(w)
            alpha = models.alpha(out.features)
            stored = drawing.alpha_to_uint8(alpha)[0].numpy()
            if scores.score(stored, masks.make_mask(stored, settings), 0.5)["mask_area"] <= 0.55:
                break
        assert sample.metadata["candidate"] == len(sample.rejected) == number
        np.testing.assert_allclose(sample.w[0], w[0].numpy(), rtol=1e-4, atol=1e-5)
        background = models.generator.background(models.generator.map(z["background"]))
        image = image_to_uint8(alpha * out.image + (1 - alpha) * background)[0].numpy().astype(int)
        assert np.abs(sample.image - image).max() <= 1
        numbers.append(number)
    assert len(set(numbers)) > 2


@pytest.mark.parametrize("noise", ["const", "random"])
def test_neither_batches_nor_shards_change_codes_and_masks(tiny_settings, noise):
    settings = tiny_settings.model_copy(update=AREA | {"noise": noise, "save": ("w",)})
    others = [{"batch_size": 7}, {"samples_per_shard": 1000, "batch_size": 1}]
    expected = list(stream(settings))
    for change in others:
        for a, b in zip(expected, stream(settings.model_copy(update=change)), strict=True):
            assert a.metadata["candidate"] == b.metadata["candidate"] and a.rejected == b.rejected
            np.testing.assert_array_equal(a.mask, b.mask)
            np.testing.assert_allclose(a.w, b.w, rtol=1e-4, atol=1e-5)
            assert np.abs(a.image.astype(int) - b.image).max() <= 1


def test_a_shard_alone_is_the_same_bit_for_bit(tiny_settings):
    settings = tiny_settings.model_copy(update=AREA)
    whole = list(stream(settings))
    for ours, theirs in zip(stream(settings, shards=[2, 1]), whole[20:] + whole[10:20], strict=True):
        assert ours.metadata == theirs.metadata
        np.testing.assert_array_equal(ours.image, theirs.image)
        np.testing.assert_array_equal(ours.alpha, theirs.alpha)


def test_a_first_candidate_that_passes_is_the_sample_without_filters(tiny_settings):
    kept = 0
    for plain, sample in zip(stream(tiny_settings), stream(tiny_settings.model_copy(update=AREA)), strict=True):
        passes = plain.metadata["mask_area"] <= 0.55
        assert passes == (sample.metadata["candidate"] == 0)
        if passes:
            kept += 1
            assert plain.metadata == sample.metadata
            np.testing.assert_array_equal(plain.image, sample.image)
    assert 0 < kept < 23


def test_no_two_candidates_share_codes(tiny_settings):
    """Also not across samples: 32 bits tell generators apart, and two streams would share some."""
    rows = [normal((6,), 0, "foreground", range(50), draws=[k] * 50).numpy() for k in range(40)]
    assert len({row.tobytes() for row in np.concatenate(rows)}) == 2000
    np.testing.assert_array_equal(rows[0], normal((6,), 0, "foreground", range(50)).numpy())


def test_scores_are_those_of_the_changed_mask(tiny_settings):
    changes = {"largest_component": True, "fill_holes": True, "ignore_band": (0.3, 0.6)}
    settings = tiny_settings.model_copy(update=changes | {"save": ("foreground", "background"), "blend": "mask"})
    differ = 0
    for plain, sample in zip(stream(tiny_settings), stream(settings), strict=True):
        np.testing.assert_array_equal(sample.mask, masks.make_mask(sample.alpha, settings))
        assert sample.metadata["mask_area"] == pytest.approx(np.mean(sample.mask == 1), abs=1e-6)
        assert (sample.mask == 255).any()
        differ += plain.metadata["components"] != sample.metadata["components"]
        # Whatever is ignored is blended one way or the other.
        inside = masks.cut_out(sample.alpha, settings)[..., None] == 1
        np.testing.assert_array_equal(sample.image, np.where(inside, sample.foreground, sample.background))
    assert differ > 5


def test_what_hardly_ever_passes_stops_and_names_the_filter(tiny_settings):
    settings = tiny_settings.model_copy(update={"min_area": 0.3, "max_components": 6, "max_area": 0.1})
    with pytest.raises(WorkError, match=r"0 of 1\d\d\d candidates.*fail max_area; raise --max-area, which is 0.1"):
        list(stream(settings))


def test_closing_the_stream_gives_up_searching(tiny_settings):
    asked, closing = [], Event()

    def reference(image, alpha, mask):
        """Agrees with the first block, and with a part of the second."""
        asked.append(1)
        return len(asked) <= 20 or (closing.wait(60) and "enough")

    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        samples = stream(tiny_settings.model_copy(update={"samples_per_shard": 1000, "n": 1000}), reference=reference)
        next(samples)
        closing.set()
        samples.close()
    finally:
        torch.set_num_threads(threads)
    assert len(asked) < 1000  # it would go on to 2001, where hardly any was accepted


def test_the_reference_is_asked_about_every_candidate(tiny_settings):
    def bright(image, alpha, mask):
        return bool(image.mean() > 128) or "dark"

    samples = list(stream(tiny_settings, reference=bright))
    assert all(sample.image.mean() > 128 for sample in samples)
    assert {why for sample in samples for why in sample.rejected} == {"reference: dark"}
