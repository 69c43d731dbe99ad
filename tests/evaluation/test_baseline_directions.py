"""Masks from latent directions along which foreground and background differ in brightness."""

import pytest
import torch

from l4f_datagen import editing
from l4f_datagen.evaluation import alpha
from l4f_datagen.evaluation.baselines import directions
from l4f_datagen.evaluation.baselines.directions import Comparison, brightness, parted
from l4f_datagen.settings import EvaluateAlphaSettings


def disc(size: int = 32) -> torch.Tensor:
    """Whether pixels lie in a centred disc, (size, size)."""
    y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    return (y - size / 2) ** 2 + (x - size / 2) ** 2 < (size / 3.5) ** 2


def test_brightness_is_luma_from_0_to_1():
    image = torch.tensor([[-1.0, 1, -3, 5], [-1, 1, 1, 5], [-1, 1, -1, 5]]).view(1, 3, 1, 4)
    assert brightness(image).flatten().tolist() == pytest.approx([0, 1, 0.587, 1])


def test_an_object_that_becomes_brighter_or_darker_than_its_wall_is_parted():
    random = torch.Generator().manual_seed(0)
    object_ = torch.where(disc(), 0.3, -0.2)[None].repeat(3, 1, 1)
    grained = object_ + 0.02 * torch.randn(object_.shape, generator=random)
    (clear, inverted), (dark, other) = parted(grained), parted(-grained)
    assert clear > 0.7 and dark == pytest.approx(clear, abs=1e-3) and (inverted, other) == (False, True)
    stripes = torch.where(torch.arange(32) % 8 < 4, 0.3, -0.2).expand(3, 32, 32)
    noise = torch.randn(object_.shape, generator=random)
    assert max(parted(stripes)[0], parted(noise)[0], parted(torch.full_like(noise, 0.2))[0]) < 0.1 * clear


@pytest.mark.parametrize("inverted", [False, True])
def test_the_mask_is_what_one_move_makes_brighter_than_the_other(inverted):
    drawn = {1.0: torch.where(disc(), 0.5, -0.5), -1.0: torch.zeros(32, 32)}

    def draw(w):
        return torch.stack([drawn[float(code[0, 0])].expand(3, 32, 32) for code in w])

    w, image, move = torch.zeros(2, 4), torch.zeros(2, 3, 32, 32), torch.ones(6, 4)
    for darker in (None, -move):
        masks = Comparison(move, darker, inverted).masks(w, image, draw)
        assert masks.dtype == torch.uint8 and (masks.bool() == disc() ^ inverted).all()


def test_where_both_sides_become_brighter_otsu_parts_them():
    change = torch.where(disc(), 0.5, 0.2)[None] + torch.tensor([0.0, 0.3])[:, None, None]
    assert ((directions.centred(change) > 0) == disc()).all()
    assert not (directions.centred(torch.full((1, 8, 8), 0.3)) > 0).any(), "nothing differs"


@pytest.fixture
def settings(tiny_checkpoint):
    return EvaluateAlphaSettings(n=12, generator=str(tiny_checkpoint), psi="1", device="cpu")


def test_the_best_direction_of_all_is_found(settings, monkeypatch):
    monkeypatch.setattr(editing.directions, "DRAWS", 1000)
    models = alpha.load(settings)
    found = directions.found(settings, models)
    w = directions._codes(settings, models.generator, "baseline-directions", range(8))
    with torch.no_grad():
        before = brightness(models.generator.synthesize(w).image)
        moves = list(directions._candidates(settings, models.generator))
        scores = [parted(brightness(models.generator.synthesize(w[:, None] + m).image) - before)[0] for m in moves]
    best = max(range(len(moves)), key=scores.__getitem__)
    assert len(moves) == 60 and torch.equal(found.brighter, moves[best]) and scores[best] > 2 * min(scores)


def test_optimised_moves_make_images_bright_and_dark_and_keep_edges(settings, monkeypatch):
    models = alpha.load(settings)
    w = directions._codes(settings, models.generator, "new", range(8))

    def gap_and_edges(weight: float) -> tuple[float, float]:
        monkeypatch.setattr(directions, "_EDGES", weight)
        found = directions.optimised(settings.model_copy(update={"n": 8}), models)
        # Four of the six layers shape, two colour.
        assert found.relative and found.darker is not None and not found.brighter[:4].any() and found.brighter[4:].all()
        with torch.no_grad():
            dark, bright = (
                brightness(models.generator.synthesize(w[:, None] + move).image)
                for move in (found.darker, found.brighter)
            )
        return float((bright - dark).mean()), float(torch.diff(bright - dark).abs().mean())

    (bold, changed), (timid, kept) = gap_and_edges(0.0), gap_and_edges(100.0)
    assert bold > 0.05 and timid < bold and kept < 0.9 * changed
