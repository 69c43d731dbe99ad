"""A few photographs, and codes of them by the tiny networks."""

import numpy as np
import pytest

from l4f_datagen.projection.run import project
from l4f_datagen.settings import ProjectSettings
from l4f_datagen.shards.format import encoding


def photograph(number: int, height: int = 16, width: int = 16) -> np.ndarray:
    """A picture of two colours, whose places depend on its number."""
    picture = np.full((height, width, 3), 40 + 20 * number, np.uint8)
    picture[height // 4 : -height // 4, width // 4 + number % 3 : -width // 4] = (200, 60, 30 * number % 255)
    return picture


def write_photographs(folder, count: int, **sizes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (folder / f"photo{number}.png").write_bytes(encoding.encode_image(photograph(number, **sizes), "png", 100))


@pytest.fixture
def photos(tmp_path):
    write_photographs(tmp_path / "photos", 5)
    return tmp_path / "photos"


@pytest.fixture
def few(photos, tiny_checkpoint) -> ProjectSettings:
    """Five steps in both spaces, two photographs at once."""
    return ProjectSettings(
        images=str(photos), generator=str(tiny_checkpoint), w_steps=2, steps=3, batch_size=2, device="cpu"
    )


@pytest.fixture(scope="session")
def codes_folder(tmp_path_factory, tiny_checkpoint):
    """Codes of five photographs."""
    folder = tmp_path_factory.mktemp("codes")
    write_photographs(folder / "photos", 5)
    settings = ProjectSettings(
        images=str(folder / "photos"), generator=str(tiny_checkpoint), w_steps=1, steps=1, device="cpu"
    )
    project(settings, folder / "codes")
    return folder / "codes"
