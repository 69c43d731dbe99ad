"""A tiny run: 16 px, three steps of four images."""

import numpy as np
import pytest
from PIL import Image

from l4f_datagen.settings import TrainAlphaSettings


def write_pictures(folder, count: int, size: tuple[int, int] = (20, 16), suffix: str = "png") -> None:
    """Pictures of smooth random colours, every other one in a folder of its own."""
    random = np.random.default_rng(5)
    for index in range(count):
        place = folder / ("even" if index % 2 else "") / f"{index:03d}.{suffix}"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)).save(place)


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """A folder of 14 pictures, 20×16."""
    folder = tmp_path_factory.mktemp("pictures")
    write_pictures(folder, 14)
    return folder


@pytest.fixture
def tiny_training(tiny_checkpoint, pictures) -> TrainAlphaSettings:
    """Everything that can be random is; lazy R1 and annealing happen."""
    return TrainAlphaSettings(
        preset="paper",
        generator=str(tiny_checkpoint), images=str(pictures), mirror=True, first_resolution=8, iterations=6,
        batch_size=4, alpha_learning_rate=0.01, discriminator_learning_rate=0.005, adversarial_weight=1.0,
        lambda_2=1.0, r1_every=2, anneal=0.5, minibatch_group=2, noise="random", psi=0.8, log_every=2,
        sheet_every=3, checkpoint_every=2, device="cpu",
    )  # fmt: skip
