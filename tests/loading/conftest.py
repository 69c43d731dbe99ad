import pytest

from l4f_datagen.making.render import render
from l4f_datagen.settings import RenderSettings


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """47 samples in 5 shards, the last one short."""
    out = tmp_path_factory.mktemp("loading") / "s"
    render(RenderSettings(n=47, size=16, samples_per_shard=10, image_format="png"), out)
    return out
