"""Images without the object as backgrounds, in place of what the generator draws."""

import cv2
import numpy as np
import pytest
import torch

import l4f_datagen as l4f
from l4f_datagen import worlds
from l4f_datagen.errors import UserError
from l4f_datagen.networks.inference import InferenceGenerator
from l4f_datagen.photographs.opening import open_scenes
from l4f_datagen.settings import TrainAlphaSettings
from l4f_datagen.training.alpha import heads, learner, phases
from l4f_datagen.training.alpha.train import train_alpha
from l4f_datagen.weights import native

COLOURS = ((255, 0, 0), (0, 255, 0), (0, 0, 255))
AUTO = {
    "preset": "auto", "first_resolution": 8, "phi_2_heads": (0.2, 0.4), "choosing_iterations": 2, "iterations": 2,
    "cut_rounds": 0, "cut_samples": 16, "accumulate": 2,
}  # fmt: skip


@pytest.fixture
def walls(tmp_path):
    """A folder of three pictures, each of one colour."""
    folder = tmp_path / "walls"
    folder.mkdir()
    for number, colour in enumerate(COLOURS):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((16, 20, 3), colour[::-1], np.uint8))
    return folder


@pytest.mark.parametrize(
    "changes", [{}, {"reuse_samples": True, "accumulate": 2}, AUTO, AUTO | {"reuse_samples": True}]
)
def test_composites_are_on_the_images_that_are_given(changes, tiny_training, walls, tmp_path, monkeypatch):
    seen = []
    for module in (learner, heads):
        composite = module.composite

        def noted(alpha, foreground, background, composite=composite):
            seen.append(background)
            return composite(alpha, foreground, background)

        monkeypatch.setattr(module, "composite", noted)
    monkeypatch.setattr(phases, "PROBES", 8)
    monkeypatch.setattr(heads, "POOL", 16)
    monkeypatch.setattr(InferenceGenerator, "background", None)  # nobody asks for one
    settings = tiny_training.model_copy(update={"backgrounds": str(walls), "iterations": 2, "sheet_every": 2})
    settings = TrainAlphaSettings(**settings.model_dump() | changes)
    final = train_alpha(settings, tmp_path / "run").final
    pictures = torch.cat(seen)
    colours = ((pictures.amax((2, 3)) + 1) * 127.5).round().int()
    assert torch.equal(pictures.amin((2, 3)), pictures.amax((2, 3)))
    assert {tuple(one) for one in colours.tolist()} == set(COLOURS)
    if settings.preset == "auto" or not settings.reuse_samples:  # else they are put together once
        # The discriminator's and the alpha network's are others, unless they learn from the same samples.
        batches, parts = [one.flatten(1)[:, 0].tolist() for one in seen], settings.accumulate
        steps = [batches[at : at + 2 * parts] for at in range(0, len(batches), 2 * parts)]
        assert all(one[:parts] == one[parts:] for one in steps) == settings.reuse_samples
    assert native.read_card(final)["source"]["alpha"].endswith(f"before {walls}")
    (sheet,) = (tmp_path / "run" / "samples").glob("*2.png")
    picture = cv2.cvtColor(cv2.imread(str(sheet)), cv2.COLOR_BGR2RGB).reshape(-1, 3)
    assert all((picture == colour).all(1).any() for colour in COLOURS), "a sheet shows them"


def test_they_belong_to_the_run(tiny_training, walls, tmp_path):
    settings = tiny_training.model_copy(update={"iterations": 1})
    train_alpha(settings.model_copy(update={"backgrounds": str(walls)}), tmp_path / "run")
    with pytest.raises(UserError, match="backgrounds"):
        train_alpha(settings, tmp_path / "run")
    (walls / "0.png").rename(walls / "9.png")
    with pytest.raises(UserError, match="backgrounds"):
        train_alpha(settings.model_copy(update={"backgrounds": str(walls)}), tmp_path / "run")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"backgrounds": "world:vessels", "share_z": True}, "share_z wants backgrounds that the generator draws"),
        ({"backgrounds": "world:moon"}, "world: got moon"),
        ({"backgrounds": "@nowhere"}, "^backgrounds: got .*nowhere"),
        ({"backgrounds": ""}, "^backgrounds: got"),
    ],
)
def test_what_cannot_be_is_refused(changes, said, tiny_training, tmp_path):
    changes = {name: value.replace("@", f"{tmp_path}/") if name == "backgrounds" else value
               for name, value in changes.items()}  # fmt: skip
    with pytest.raises((UserError, ValueError), match=said):
        train_alpha(TrainAlphaSettings(**tiny_training.model_dump() | changes), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_scenes_of_a_world_have_no_things():
    scenes = open_scenes("world:garden", world_images=5)
    assert np.array_equal(scenes.read(3, 16), worlds.render("garden", seed=0, index=3, size=16).background)
    assert len(scenes) == 5 and scenes.digest() != open_scenes("world:garden", world_images=6).digest()


def test_generated_samples_stand_before_them_too(tiny_settings):
    settings = tiny_settings.model_copy(update={"n": 3, "backgrounds": "world:vessels", "save": ("background",)})
    for sample in l4f.stream(settings):
        world, index = sample.metadata["background_source"].split("/")
        size = sample.image.shape[0]
        scene = worlds.render(world, seed=0, index=int(index), size=size).background
        assert world == "vessels" and np.array_equal(sample.background, scene)
