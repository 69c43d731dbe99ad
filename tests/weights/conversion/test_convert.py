import json

import pytest
import torch

from l4f_datagen import weights
from l4f_datagen.errors import UserError, WorkError
from l4f_datagen.weights import native
from l4f_datagen.weights.conversion import to_rosinality
from l4f_datagen.weights.conversion.convert import convert
from l4f_datagen.weights.layouts import rosinality

from .. import forge


def _same(one, other):
    assert one.state_dict().keys() == other.state_dict().keys()
    for name, tensor in other.state_dict().items():
        torch.testing.assert_close(one.state_dict()[name], tensor, atol=0, rtol=0)


@pytest.mark.parametrize(
    "name", ["nvidia-plain-32.pkl", "nvidia-ada-32.pkl", "tensorflow-32.pkl", "rosinality-trained-32.pt"]
)
def test_any_generator_becomes_native(name, goldens, tmp_path):
    done = convert(goldens / name, tmp_path / "made", licence="CC-BY-NC-4.0")
    made, source = weights.read_generator(tmp_path / "made")
    read, origin = weights.read_generator(goldens / name)
    _same(made, read)
    assert made.architecture == read.architecture and source.licence == "CC-BY-NC-4.0"
    assert done.networks == ("generator",) and done.largest_difference <= 1e-4
    card = json.loads((tmp_path / "made" / "model.json").read_text())
    assert card["source"]["generator"]["sha256"] == origin.sha256
    assert card["source"]["generator"]["format"] == origin.format
    assert card["source"]["generator"]["name"] == name and card["licence"] == "CC-BY-NC-4.0"
    assert card["generator"]["architecture"]["resolution"] == 32


def test_native_to_rosinality_and_back_gives_the_same_tensors(tmp_path):
    made = forge.generator()
    native.save(tmp_path / "one", generator=made, card={"licence": "MIT"})
    assert convert(tmp_path / "one", tmp_path / "two.pt").target == "rosinality"
    assert convert(tmp_path / "two.pt", tmp_path / "three").target == "native"
    _same(weights.load_generator(tmp_path / "three"), made)
    assert (tmp_path / "one/generator.safetensors").read_bytes() == (
        tmp_path / "three/generator.safetensors"
    ).read_bytes()


def test_a_native_checkpoint_keeps_its_card(goldens, tmp_path):
    card = {"licence": "MIT", "training": {"images": 1000}, "source": "drawn"}
    native.save(tmp_path / "one", generator=forge.generator(), card=card)
    convert(tmp_path / "one", tmp_path / "two")
    kept = json.loads((tmp_path / "two" / "model.json").read_text())
    assert kept["licence"] == "MIT" and kept["training"] == {"images": 1000}
    assert kept["source"] == {"generator": "drawn"}


def test_the_same_weights_give_the_same_pixels_from_every_layout(goldens, tmp_path):
    convert(goldens / "nvidia-plain-32.pkl", tmp_path / "one")
    convert(tmp_path / "one", tmp_path / "two.pt")
    networks = [weights.load_generator(path) for path in (goldens / "nvidia-plain-32.pkl", *tmp_path.iterdir())]
    assert {tensor.data_ptr() % 64 for network in networks for tensor in network.state_dict().values()} == {0}
    z = torch.randn(2, 32)
    images = [network.synthesize(network.map(z)).image for network in networks]
    assert len(images) == 3 and all(torch.equal(image, images[0]) for image in images)


def test_what_is_written_has_the_names_and_shapes_of_the_original(goldens, tmp_path):
    convert(goldens / "rosinality-converted-32.pt", tmp_path / "ours.pt")
    ours = torch.load(tmp_path / "ours.pt", weights_only=True)
    theirs = torch.load(goldens / "rosinality-converted-32.pt", weights_only=True)
    assert ours["g_ema"].keys() == theirs["g_ema"].keys()
    for name, tensor in theirs["g_ema"].items():
        assert ours["g_ema"][name].shape == tensor.shape
        torch.testing.assert_close(ours["g_ema"][name], tensor)
    torch.testing.assert_close(ours["latent_avg"], theirs["latent_avg"])


def test_an_alpha_network_joins_its_generator(tmp_path):
    native.save(tmp_path / "made", generator=forge.generator(), card={"licence": "MIT", "quality": {"fid": 3}})
    torch.save({"bg_extractor_ema": forge.alpha_state((8, 8, 4))}, tmp_path / "alpha.pt")
    convert(tmp_path / "alpha.pt", tmp_path / "made")
    card = json.loads((tmp_path / "made" / "model.json").read_text())
    assert card["licence"] == "MIT" and card["quality"] == {"fid": 3}
    assert card["source"]["alpha"]["format"] == "labels4free" and "architecture" in card["generator"]
    _same(weights.load_alpha(tmp_path / "made"), weights.load_alpha(tmp_path / "alpha.pt"))
    weights.read_pair(str(tmp_path / "made"), None)


def test_each_network_brings_the_training_of_its_own_card(tmp_path):
    generator = {"licence": "MIT", "training": {"generator": {"kimg": 3}, "alpha": {"psi": 0.5}}}
    native.save(tmp_path / "made", generator=forge.generator(), card=generator)
    torch.save({"bg_extractor_ema": forge.alpha_state((8, 8, 4))}, tmp_path / "alpha.pt")
    alpha = weights.load_alpha(tmp_path / "alpha.pt")
    native.save(tmp_path / "run", alpha=alpha, card={"licence": "MIT", "training": {"alpha": {"psi": 1.0}}})
    convert(tmp_path / "run", tmp_path / "made")
    card = json.loads((tmp_path / "made" / "model.json").read_text())
    assert card["training"] == {"generator": {"kimg": 3}, "alpha": {"psi": 1.0}}


def test_networks_that_do_not_go_together_get_no_common_folder(tmp_path):
    torch.save({"bg_extractor_ema": forge.alpha_state((16, 8, 4))}, tmp_path / "alpha.pt")
    native.save(tmp_path / "made", generator=forge.generator())
    with pytest.raises(UserError, match="8, 8, 8, 4.*16, 8, 4"):
        convert(tmp_path / "alpha.pt", tmp_path / "made")
    assert not (tmp_path / "made" / "alpha.safetensors").exists()
    native.save(tmp_path / "other", alpha=weights.load_alpha(tmp_path / "alpha.pt"))
    with pytest.raises(UserError, match="8, 8, 8, 4.*16, 8, 4"):
        convert(tmp_path / "made", tmp_path / "other")


def test_a_file_with_both_networks_gives_both(tmp_path):
    content = {"g": rosinality.state_dict(forge.generator()), "bg_extractor_ema": forge.alpha_state((8, 8, 4))}
    torch.save(content, tmp_path / "both.pt")
    assert convert(tmp_path / "both.pt", tmp_path / "made").networks == ("generator", "alpha")


def test_what_is_there_is_kept_unless_asked(tmp_path):
    native.save(tmp_path / "one", generator=forge.generator())
    for out in (tmp_path / "two.pt", tmp_path / "two"):
        convert(tmp_path / "one", out)
        with pytest.raises(UserError, match="--overwrite"):
            convert(tmp_path / "one", out)
        convert(tmp_path / "one", out, overwrite=True)
    with pytest.raises(UserError, match="expected a folder to write into"):
        convert(tmp_path / "one", tmp_path / "two.pt", target="native", overwrite=True)
    with pytest.raises(UserError, match="expected a file to write"):
        convert(tmp_path / "one", tmp_path / "two", target="rosinality", overwrite=True)


def test_what_the_layout_cannot_say_is_refused_or_said(goldens, tmp_path):
    native.save(tmp_path / "sizes", generator=forge.generator(z_dim=24))
    with pytest.raises(UserError, match="z of 24 and w of 16"):
        convert(tmp_path / "sizes", tmp_path / "out.pt")
    with pytest.raises(UserError, match="conv_clamp 1.5 changes its images"):
        convert(goldens / "nvidia-ada-32.pkl", tmp_path / "out.pt")
    with pytest.raises(UserError, match="an alpha network alone"):
        convert(goldens / "labels4free-own-256.pt", tmp_path / "out.pt")
    assert not list(tmp_path.glob("*.pt")) and not list(tmp_path.glob(".out*"))
    native.save(tmp_path / "clamp", generator=forge.generator(clamp=1e6))
    assert "conv_clamp 1e+06" in convert(tmp_path / "clamp", tmp_path / "out.pt").notes[0]


def test_a_wrong_result_is_not_kept(monkeypatch, tmp_path):
    native.save(tmp_path / "one", generator=forge.generator())
    wrong = rosinality.state_dict(forge.generator(seed=1))
    monkeypatch.setattr(to_rosinality.rosinality, "state_dict", lambda _: wrong)
    with pytest.raises(WorkError, match="other outputs"):
        convert(tmp_path / "one", tmp_path / "two.pt")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one"]


def test_another_file_is_named(tmp_path):
    torch.save({"conv1.weight": torch.zeros(1), "bn1.weight": torch.zeros(1), "layer1.0.conv1.weight": torch.zeros(1)},
               tmp_path / "resnet.pth")  # fmt: skip
    with pytest.raises(UserError, match="got a ResNet"):
        convert(tmp_path / "resnet.pth", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_weights_that_are_not_finite_need_a_word(tmp_path):
    made = forge.generator()
    made.constant[0, 0, 0] = float("nan")
    native.save(tmp_path / "one", generator=made)
    with pytest.raises(UserError, match="constant"):
        convert(tmp_path / "one", tmp_path / "two")
    convert(tmp_path / "one", tmp_path / "two", allow_nan=True)
    assert weights.load_generator(tmp_path / "two", allow_nan=True).constant[0, 0, 0].isnan()
