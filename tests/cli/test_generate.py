import json

import l4f_datagen as l4f
from l4f_datagen.cli import main


def test_the_default_pair(capsys, tmp_path):
    assert main(["generate", "--n", "12", "--out", str(tmp_path / "s"), "--config", "vessels", "--save", "w"]) == 0
    assert "12 samples in 1 shards; made 12 in" in capsys.readouterr().out
    dataset = l4f.open_dataset(tmp_path / "s")
    assert len(dataset) == 12
    areas = [sample.metadata["mask_area"] for sample in dataset]
    assert min(areas) > 0.05 and max(areas) < 0.6
    assert all(sample.metadata["decisiveness"] > 0.9 for sample in dataset)
    assert dataset.description["checkpoints"]["generator"]["licence"] == "Apache-2.0"
    assert "license: apache-2.0" in (tmp_path / "s" / "README.md").read_text()


def test_flags_reach_the_settings(capsys, tmp_path, tiny_checkpoint):
    flags = {
        "n": 9, "generator": str(tiny_checkpoint), "alpha": str(tiny_checkpoint), "seed": 5, "psi": 0.4,
        "background_psi": 0.9, "threshold": 0.3, "blend": "mask", "switched_off": "constant", "noise": "random",
        "batch_size": 2, "samples_per_shard": 4, "image_format": "webp", "quality": 71, "device": "cpu",
        "min_area": 0.01, "max_area": 0.99, "max_components": 50, "min_decisiveness": 0.01, "min_stability": 0.01,
        "backgrounds": "generator", "refine": 2, "refine_epsilon": 0.01,
        "mask_values": "palette",
    }  # fmt: skip
    words = [word for name, value in flags.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    words += ["--save", "w,foreground,cutout", "--fill-holes", "--no-largest-component", "--ignore-band", "0.25,0.5"]
    assert main(["generate", "--out", str(tmp_path / "s"), *words, "--reject-border", "--dry-run"]) == 0
    assert json.loads(capsys.readouterr().out) == flags | {
        "save": ["cutout", "foreground", "w"], "out": str(tmp_path / "s"), "ignore_band": [0.25, 0.5],
        "reject_border": True, "fill_holes": True, "largest_component": False, "class": None,
    }  # fmt: skip
    assert not (tmp_path / "s").exists()
    assert main(["generate", "--out", str(tmp_path / "s"), *words]) == 0
    sample = next(iter(l4f.open_dataset(tmp_path / "s")))
    assert sample.foreground is not None and sample.background is None and sample.w.shape == (2, 10)
    assert sample.cutout is not None
    assert {k: sample.metadata[k] for k in ("seed", "psi", "background_psi", "threshold")} == {
        "seed": 5, "psi": 0.4, "background_psi": 0.9, "threshold": 0.3,
    }  # fmt: skip


def test_a_flag_beats_the_pipeline_file(capsys, tmp_path):
    (tmp_path / "p.yaml").write_text("domain: d\ngenerate: {psi: 0.5, threshold: 0.6}")
    arguments = ["generate", "--out", str(tmp_path / "s"), "--config", str(tmp_path / "p.yaml"), "--psi", "0.8"]
    assert main([*arguments, "--dry-run"]) == 0
    settings = json.loads(capsys.readouterr().out)
    assert (settings["psi"], settings["threshold"], settings["seed"]) == (0.8, 0.6, 0)
