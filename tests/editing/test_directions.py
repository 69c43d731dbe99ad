"""Directions that are found in a generator, against what defines them."""

import numpy as np
import pytest
import torch

from l4f_datagen.editing import directions
from tests.conftest import TINY, tiny_generator


@pytest.fixture(scope="module")
def generator():
    return tiny_generator()


def test_no_direction_changes_styles_more_than_sefas_first(generator):
    layers = (1, 2, 3)
    found = directions.sefa(generator, layers)
    rows = torch.cat([directions.affine_weight(generator, layer) for layer in layers])
    rows = rows / rows.norm(dim=1, keepdim=True)
    changes = (rows @ found.vectors.t()).square().sum(0)
    torch.testing.assert_close(changes, found.values, rtol=1e-4, atol=1e-4)
    assert (changes.diff() <= 1e-4).all()
    others = torch.nn.functional.normalize(torch.randn(500, TINY.w_dim, generator=torch.Generator().manual_seed(0)))
    assert ((rows @ others.t()).square().sum(0) <= changes[0] + 1e-4).all()


def test_sefa_looks_at_the_layers_that_are_asked_for(generator):
    first, last = directions.sefa(generator, (0,)), directions.sefa(generator, (TINY.num_ws - 1,))
    assert not torch.allclose(first.vectors, last.vectors, atol=0.1)
    # The last code of w+ has no convolution but the last ToRGB, of as many styles as the last level has channels.
    assert directions.affine_weight(generator, TINY.num_ws - 1).shape == (TINY.channels[-1], TINY.w_dim)
    assert directions.affine_weight(generator, TINY.num_ws - 1) is generator.colours()[-1].affine_weight


def test_principal_components_are_those_of_w(generator):
    found = directions.pca(generator)
    codes = directions._codes(generator).numpy()
    _, lengths, vectors = np.linalg.svd(codes - codes.mean(0), full_matrices=False)
    np.testing.assert_allclose(found.deviations, lengths / np.sqrt(len(codes) - 1), rtol=1e-3, atol=1e-6)
    # The signs are a convention.
    cosines = np.abs((found.vectors.numpy() * vectors).sum(1))
    assert (cosines[lengths > 1e-3] > 0.999).all()


@pytest.mark.parametrize("kind", ["sefa", "pca"])
def test_directions_are_unit_vectors_of_one_sign(generator, kind):
    found = directions.pca(generator) if kind == "pca" else directions.sefa(generator, range(TINY.num_ws))
    torch.testing.assert_close(found.vectors @ found.vectors.t(), torch.eye(TINY.w_dim), rtol=0, atol=1e-4)
    assert (found.vectors.gather(1, found.vectors.abs().argmax(1, keepdim=True)) > 0).all()
    deviations = directions.deviations(generator, found.vectors)
    torch.testing.assert_close(deviations, found.deviations, rtol=1e-3, atol=1e-4)
