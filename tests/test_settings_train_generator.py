import pytest

from l4f_datagen.errors import UserError
from l4f_datagen.settings import TrainGeneratorSettings, resolve, with_preset


def filled(resolution: int, images: int = 5000, **given) -> TrainGeneratorSettings:
    return with_preset(
        resolve(TrainGeneratorSettings, {}, {"images": "x", **given}), resolution=resolution, images=images
    )


@pytest.mark.parametrize(
    ("resolution", "channels", "batch", "r1", "rate"),
    [
        (256, (512, 512, 512, 512, 256, 128, 64), 16, 0.8192, 0.0025),
        (512, (512, 512, 512, 512, 512, 256, 128, 64), 8, 6.5536, 0.0025),
        (1024, (512, 512, 512, 512, 512, 256, 128, 64, 32), 4, 52.4288, 0.002),
    ],
)
def test_full_is_the_published_configuration(resolution, channels, batch, r1, rate):
    s = filled(resolution)
    assert (s.preset, s.channels, s.batch_size, s.learning_rate) == ("full", channels, batch, rate)
    assert s.r1 == pytest.approx(r1) and s.ema_kimg == pytest.approx(10 * batch / 32)
    assert (s.kimg, s.mapping_layers, s.z_dim, s.augment, s.ada_kimg, s.ema_ramp) == (25_000, 2, 512, "ada", 500, 0.05)
    assert (s.path_length, s.style_mixing) == (2, 0.9)


def test_small_is_the_default_up_to_128_px_and_grows_by_a_level():
    s, larger = filled(64), filled(128)
    assert (s.preset, s.channels, s.z_dim, s.mapping_layers) == ("small", (128, 128, 96, 64, 32), 128, 4)
    assert larger.channels[:-1] == s.channels and larger.preset == "small"
    assert filled(64, preset="full").channels == (512, 512, 512, 512, 256)
    assert s.iterations == 1_000_000 // 8
    assert (s.path_length, s.style_mixing, s.ema_kimg) == (0, 0, 2.5) and s.r1 == pytest.approx(0.3072)
    assert larger.r1 == pytest.approx(4 * 0.3072)


def test_what_is_given_stays_and_what_depends_on_it_follows():
    s = filled(64, batch_size="64", r1="3")
    assert (s.batch_size, s.r1, s.ema_kimg) == (64, 3.0, 20.0)
    assert filled(64, batch_size=64).r1 == pytest.approx(0.0006 * 64**2 / 64)
    assert filled(64, batch_size=64, preset="full").r1 == pytest.approx(0.0002 * 64**2 / 64)
    assert filled(64, path_length=3).path_length == 3 and filled(64, style_mixing=0.5).style_mixing == 0.5
    assert filled(64, grow_from="x").ada_kimg == 100 and filled(64, grow_from="x").ema_ramp == 0
    assert None not in [getattr(s, n) for n in ("kimg", "augment", "ada_kimg", "ema_ramp", "learning_rate")]


def test_many_images_need_no_augmentation():
    assert [filled(256, images).augment for images in (99_999, 100_000)] == ["ada", "off"]
    assert filled(256, 10**6, augment="ada").augment == "ada"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"resolution": "96"}, "a power of two"),
        ({"resolution": "4"}, "a power of two"),
        ({"channels": "8,x"}, "numbers with commas"),
        ({"channels": "8,0"}, "1 to 4096"),
    ],
)
def test_mistakes_are_told(given, words):
    with pytest.raises(UserError, match=words):
        resolve(TrainGeneratorSettings, {}, {"images": "x", **given})
    assert resolve(TrainGeneratorSettings, {}, {"images": "x", "channels": "8, 4"}).channels == (8, 4)
