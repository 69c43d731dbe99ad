"""The pipeline files: valid, and with the paper's numbers."""

import json
import re
from pathlib import Path

import pytest

from l4f_datagen.errors import UserError
from l4f_datagen.settings import GenerateSettings, TrainAlphaSettings, load_pipeline, resolve

FILES = sorted((Path(__file__).parents[1] / "pipelines").glob("*.yaml"))
PAPER = {
    # iterations, λ1, λ2, φ1, weight of E, φ2, ψ, rate, first resolution
    "ffhq": (1000, 1.2, 0, None, 3, 0.4, 1.0, 2e-4, 32),
    "lsun-cat": (900, 3, 3, 0.25, 4, 0.35, 0.5, 2e-4, 8),
    "lsun-horse": (500, 3, 3, 0.25, 6, 0.6, 1.0, 2e-4, 8),
    "lsun-car": (250, 20, 20, 0.25, 40, 0.75, 0.3, 2e-3, 16),
}


def test_every_domain_has_a_file():
    assert {path.stem for path in FILES} == {"photos", "garden", "vessels", "vessels64", *PAPER}


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_all_sections_are_valid(path):
    pipeline = load_pipeline(path.stem)
    given = {"generator": "g", "alpha": "a"} if path.stem in ("photos", "garden") else {}
    given |= {"images": "photos/"} if path.stem == "photos" else {}
    training, generation = (
        resolve(model, section, {name: value for name, value in given.items() if name in section})
        for model, section in ((TrainAlphaSettings, pipeline.train_alpha), (GenerateSettings, pipeline.generate))
    )
    assert pipeline.domain == path.stem and pipeline.description
    assert training.generator == generation.generator
    assert training.switched_off == generation.switched_off, "an alpha network is used as it was trained"


def test_the_garden_is_planned_from_nothing_and_measured_by_its_truth(capsys, tmp_path):
    """What stages need is made by stages before them; the paper's whole experiment takes an embedded generator."""
    from l4f_datagen.cli import main

    out = tmp_path / "out"
    assert main(["run", "garden", "--out", str(out), "--dry-run"]) == 0
    stages = json.loads(capsys.readouterr().out)
    assert stages["train-alpha"]["generator"] == stages["generate"]["generator"] == str(out / "generator" / "final")
    assert stages["train-alpha"]["images"] == stages["evaluate segmenter unet"]["images"] == "world:garden"
    assert {f"train-segmenter {arch}-supervised" for arch in ("unet", "bisenet")} <= stages.keys()
    assert "evaluate frechet" in stages and "evaluate segmenter baselines" in stages
    assert main(["run", "paper", "--domain", "garden", "--out", str(out), "--dry-run"]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert whole["train-alpha"]["generator"] == whole["generate"]["generator"] == "garden64"
    assert set(stages) - set(whole) == {"train-generator"}
    for plan in (stages, whole):
        assert plan["train-alpha"]["backgrounds"] == plan["generate"]["backgrounds"] == "world:garden"


def test_a_baseline_that_there_is_not_is_refused(tmp_path):
    (tmp_path / "p.yaml").write_text("baselines: [layered, trees]")
    with pytest.raises(UserError, match="baselines: got 'trees'; expected 'layered' or 'untrained'"):
        load_pipeline(str(tmp_path / "p.yaml"))


@pytest.mark.parametrize("domain", PAPER)
def test_the_numbers_are_the_papers(domain):
    s = resolve(TrainAlphaSettings, load_pipeline(domain).train_alpha, {})
    found = (s.iterations, s.lambda_1, s.lambda_2, s.phi_1 if s.lambda_2 else None, s.lambda_3, s.phi_2, s.psi)
    assert (*found, s.alpha_learning_rate, s.first_resolution) == PAPER[domain]
    assert (s.batch_size, s.adversarial_weight, s.r1, s.r1_every, s.share_z) == (8, 0.1, 10, 16, False)
    assert s.discriminator_learning_rate == s.alpha_learning_rate
    assert s.ema_decay == pytest.approx(0.5 ** (32 / 1e4), abs=1e-6)
    assert s.switched_off == ("constant" if domain == "lsun-car" else "first_convolution")
    assert s.content_rows == (384 if domain == "lsun-car" else None)


@pytest.mark.parametrize("domain", PAPER)
def test_every_setting_names_its_source(domain):
    lines = [line for line in (FILES[0].parent / f"{domain}.yaml").read_text().splitlines() if line.startswith("  ")]
    assert len(lines) > 20
    for line in lines:
        assert re.search(r" # .*(paper|code|StyleGAN2|as in training|your|what train-alpha)", line), line


@pytest.mark.parametrize("domain", PAPER)
def test_no_weights_are_made_up(capsys, tmp_path, monkeypatch, domain):
    """A domain whose weights the user has to bring does not fall back to the embedded ones."""
    from l4f_datagen.cli import main

    monkeypatch.chdir(tmp_path)
    assert main(["generate", "--config", domain, "--n", "1", "--out", "out"]) == 2
    assert f"{domain}.pt, which does not exist" in capsys.readouterr().err
