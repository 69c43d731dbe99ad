"""A sample says in few words what it is, and shows itself where pictures can be shown."""

import base64
import io
import re

import numpy as np
from PIL import Image

import l4f_datagen as l4f
from l4f_datagen.sample import Sample


def sample(**more) -> Sample:
    image = np.random.default_rng(0).integers(0, 256, (6, 4, 3), np.uint8)
    alpha = np.linspace(0, 255, 24).astype(np.uint8).reshape(6, 4)
    mask = np.zeros((6, 4), np.uint8)
    mask[:2], mask[5] = 1, 255
    return Sample(image=image, alpha=alpha, mask=mask, metadata={"key": "000000007"}, **more)


def test_its_repr_is_short():
    assert repr(sample()) == "Sample('000000007', 6×4, foreground 33.3%)"
    assert repr(sample(w=np.zeros((2, 3)))) == "Sample('000000007', 6×4, foreground 33.3%, with w)"
    assert repr(Sample(image=sample().image, alpha=sample().alpha, mask=sample().mask)).startswith("Sample(''")


def test_it_shows_image_alpha_and_mask():
    shown = sample()
    picture = np.asarray(Image.open(io.BytesIO(shown._repr_png_())).convert("RGB"))
    assert picture.shape == (6, 12, 3)
    np.testing.assert_array_equal(picture[:, :4], shown.image)
    np.testing.assert_array_equal(picture[:, 4:8, 1], shown.alpha)
    assert picture[0, 8, 0] == 255 and picture[3, 8, 0] == 0 and picture[5, 8, 0] == 128
    (content,) = re.findall(r'src="data:image/png;base64,([^"]+)"', shown._repr_html_())
    assert base64.b64decode(content) == shown._repr_png_()


def test_samples_are_compared_as_objects():
    one = sample()
    assert one == one and one in [sample(), one] and one != sample() and len({one, one}) == 1


def test_data_sets_say_what_they_are(tmp_path):
    l4f.generate(l4f.GenerateSettings(generator="vessels64", n=3, samples_per_shard=2), tmp_path)
    assert repr(l4f.open_dataset(tmp_path)) == f"Dataset('{tmp_path}', 3 samples in 2 shards)"
    assert repr(l4f.TrainingDataset(tmp_path)) == f"TrainingDataset('{tmp_path}', 3 samples)"
    half = l4f.TrainingDataset(tmp_path, rank=1, world_size=2)
    assert repr(half) == f"TrainingDataset('{tmp_path}', 3 samples, 2 of them for rank 1 of 2)"


def test_the_public_names_are_listed_and_no_others():
    assert {name for name in dir(l4f) if not name.startswith("__")} == set(l4f.__all__) and "__version__" in dir(l4f)
    assert all(getattr(l4f, name) is not None for name in l4f.__all__)
