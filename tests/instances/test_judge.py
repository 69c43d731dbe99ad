"""A detector as the reference of samples: whoever draws them asks it, and its weights tell it from others."""

import numpy as np
import pytest

from l4f_datagen.engines.local import generate
from l4f_datagen.errors import UserError
from l4f_datagen.generation.by_index import SamplesByIndex
from l4f_datagen.generation.models import load_models
from l4f_datagen.generation.stream import stream
from l4f_datagen.samples.generator import settings_of
from l4f_datagen.weights.onnx import model
from tests.detectors import lists

onnx = pytest.importorskip("onnx")


@pytest.fixture
def settings(tiny_settings, tmp_path):
    return tiny_settings.model_copy(update={"n": 8, "reference": lists(tmp_path / "d.onnx"), "object_area": 0.3})


def test_samples_by_index_are_those_of_the_stream(settings, tiny_settings):
    streamed = list(stream(settings))
    drawing = SamplesByIndex(settings, load_models(tiny_settings))  # networks that know of no reference
    drawn = drawing.draw(range(8))
    assert sum(sample.metadata["candidate"] for sample in streamed) > 0
    for one, other in zip(streamed, drawn, strict=True):
        assert one.metadata == other.metadata
        np.testing.assert_array_equal(one.image, other.image)
    assert drawing.identity["reference_sha256"] and "reference_sha256" not in SamplesByIndex(tiny_settings).identity


def agrees(image, alpha, mask):
    return True


def test_samples_that_a_function_judged_are_drawn_by_nobody_else(settings, tiny_settings, tmp_path):
    few = {"n": 2}
    generate(settings.model_copy(update=few), tmp_path / "detector")
    assert settings_of(str(tmp_path / "detector")).reference == settings.reference
    generate(tiny_settings.model_copy(update=few), tmp_path / "function", reference=agrees)
    with pytest.raises(UserError, match=r"a function judged, .*test_judge\.agrees"):
        settings_of(str(tmp_path / "function"))


def test_weights_that_lie_beside_a_model_are_part_of_its_hash(tmp_path):
    path = tmp_path / "d.onnx"
    lists(path)
    alone = model.sha256(path, "d.onnx")
    made = onnx.load(path)
    onnx.save(made, path, save_as_external_data=True, location="weights", size_threshold=0)
    outside = model.sha256(path, "d.onnx")
    content = (tmp_path / "weights").read_bytes()
    (tmp_path / "weights").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert len({alone, outside, model.sha256(path, "d.onnx")}) == 3
