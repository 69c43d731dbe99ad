"""Projection and editing draw with the inference network, and ask for gradients where they search alone."""

import numpy as np
import pytest
import torch

import l4f_datagen as l4f
from l4f_datagen.networks.inference import InferenceGenerator
from l4f_datagen.networks.synthesis import Synthesis
from l4f_datagen.projection.results import ALPHAS, read_pictures
from l4f_datagen.projection.run import project
from tests.hardware import DEVICES


@pytest.mark.parametrize("device", DEVICES)
def test_gradients_are_taken_where_codes_are_searched_for_alone(device, few, tmp_path, monkeypatch):
    passes, draw = [], Synthesis.synthesize

    def watched(self, codes, *others):
        assert isinstance(self, InferenceGenerator) and codes.device.type == device
        passes.append("gradient" if codes.requires_grad and torch.is_grad_enabled() else "none")
        assert torch.is_inference_mode_enabled() == (passes[-1] == "none")
        return draw(self, codes, *others)

    monkeypatch.setattr(Synthesis, "synthesize", watched)
    project(few.model_copy(update={"device": device}), tmp_path / "codes")
    # Two photographs at once, five steps for each pair, then one pass that draws what was found.
    assert passes == 3 * [*(few.w_steps + few.steps) * ["gradient"], "none"]
    passes.clear()
    alpha = read_pictures(tmp_path / "codes", "photo0")[ALPHAS] / 255
    settings = l4f.EditSettings(
        generator=few.generator, codes=str(tmp_path / "codes"), keys=("photo0",), direction="pca:0", steps=2, margin=0,
        threshold=float(np.median(alpha)), device=device,
    )  # fmt: skip
    assert l4f.edit(settings, tmp_path / "edits").keys == ("photo0",)
    assert passes and set(passes) == {"none"}
