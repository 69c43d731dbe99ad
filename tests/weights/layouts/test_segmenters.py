"""Segmenters as files: native folders and the published face-parsing weights."""

import json

import pytest
import torch
import torch.nn.functional as F

import l4f_datagen as l4f
from l4f_datagen import weights
from l4f_datagen.errors import UserError
from l4f_datagen.networks.segmenters.bisenet import BiSeNet
from l4f_datagen.networks.segmenters.unet import UNet
from l4f_datagen.weights import native
from l4f_datagen.weights.conversion.convert import convert
from l4f_datagen.weights.inspection import inspect

MEAN, STD = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


def published_state(classes: int = 19, width: int = 8) -> dict[str, torch.Tensor]:
    """Tensors by the published names, random, with the published proportions."""
    generator = torch.Generator().manual_seed(3)
    state = {}

    def conv(name: str, outputs: int, inputs: int, kernel: int) -> None:
        shape = (outputs, inputs, kernel, kernel)
        state[f"{name}.weight"] = torch.randn(shape, generator=generator) / (inputs * kernel * kernel) ** 0.5

    def norm(name: str, count: int) -> None:
        for part in ("weight", "running_var"):
            state[f"{name}.{part}"] = 0.5 + torch.rand(count, generator=generator)
        for part in ("bias", "running_mean"):
            state[f"{name}.{part}"] = 0.2 * torch.randn(count, generator=generator)
        state[f"{name}.num_batches_tracked"] = torch.tensor(80000)

    def conv_norm(name: str, outputs: int, inputs: int, kernel: int) -> None:
        conv(f"{name}.conv", outputs, inputs, kernel)
        norm(f"{name}.bn", outputs)

    w = width
    conv("cp.resnet.conv1", w, 3, 7)
    norm("cp.resnet.bn1", w)
    before = w
    for stage, outputs in enumerate((w, 2 * w, 4 * w, 8 * w), 1):
        for block in (0, 1):
            name = f"cp.resnet.layer{stage}.{block}"
            conv(f"{name}.conv1", outputs, before, 3)
            norm(f"{name}.bn1", outputs)
            conv(f"{name}.conv2", outputs, outputs, 3)
            norm(f"{name}.bn2", outputs)
            if before != outputs:
                conv(f"{name}.downsample.0", outputs, before, 1)
                norm(f"{name}.downsample.1", outputs)
            before = outputs
    for name, inputs in (("cp.arm16", 4 * w), ("cp.arm32", 8 * w)):
        conv_norm(f"{name}.conv", 2 * w, inputs, 3)
        conv(f"{name}.conv_atten", 2 * w, 2 * w, 1)
        norm(f"{name}.bn_atten", 2 * w)
    conv_norm("cp.conv_head32", 2 * w, 2 * w, 3)
    conv_norm("cp.conv_head16", 2 * w, 2 * w, 3)
    conv_norm("cp.conv_avg", 2 * w, 8 * w, 1)
    conv_norm("ffm.convblk", 4 * w, 4 * w, 1)
    conv("ffm.conv1", w, 4 * w, 1)
    conv("ffm.conv2", 4 * w, w, 1)
    for name, inputs, middle in (("conv_out", 4 * w, 4 * w), ("conv_out16", 2 * w, w), ("conv_out32", 2 * w, w)):
        conv_norm(f"{name}.conv", middle, inputs, 3)
        conv(f"{name}.conv_out", classes, middle, 1)
    return state


class Published:
    """The published network as plain operations on its named tensors."""

    def __init__(self, state):
        self.state = state

    def conv(self, name, x, stride=1):
        weight = self.state[f"{name}.weight"]
        return F.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2)

    def norm(self, name, x):
        s = self.state
        mean, var = s[f"{name}.running_mean"], s[f"{name}.running_var"]
        return F.batch_norm(x, mean, var, s[f"{name}.weight"], s[f"{name}.bias"])

    def conv_norm(self, name, x):
        return F.relu(self.norm(f"{name}.bn", self.conv(f"{name}.conv", x)))

    def block(self, name, x, stride):
        y = F.relu(self.norm(f"{name}.bn1", self.conv(f"{name}.conv1", x, stride)))
        y = self.norm(f"{name}.bn2", self.conv(f"{name}.conv2", y))
        if f"{name}.downsample.0.weight" in self.state:
            x = self.norm(f"{name}.downsample.1", self.conv(f"{name}.downsample.0", x, stride))
        return F.relu(x + y)

    def attention(self, name, x):
        x = self.conv_norm(f"{name}.conv", x)
        a = self.conv(f"{name}.conv_atten", F.adaptive_avg_pool2d(x, 1))
        return x * torch.sigmoid(self.norm(f"{name}.bn_atten", a))

    def __call__(self, x):
        size = x.shape[2:]
        x = F.relu(self.norm("cp.resnet.bn1", self.conv("cp.resnet.conv1", x, 2)))
        x, features = F.max_pool2d(x, 3, 2, 1), []
        for stage in (1, 2, 3, 4):
            x = self.block(f"cp.resnet.layer{stage}.0", x, 1 if stage == 1 else 2)
            x = self.block(f"cp.resnet.layer{stage}.1", x, 1)
            features.append(x)
        _, f8, f16, f32 = features
        average = F.interpolate(self.conv_norm("cp.conv_avg", F.adaptive_avg_pool2d(f32, 1)), f32.shape[2:])
        x = F.interpolate(self.attention("cp.arm32", f32) + average, f16.shape[2:], mode="nearest")
        context16 = self.conv_norm("cp.conv_head32", x)
        x = F.interpolate(self.attention("cp.arm16", f16) + context16, f8.shape[2:], mode="nearest")
        context8 = self.conv_norm("cp.conv_head16", x)
        f = self.conv_norm("ffm.convblk", torch.cat([f8, context8], 1))
        a = F.relu(self.conv("ffm.conv1", F.adaptive_avg_pool2d(f, 1)))
        f = f * torch.sigmoid(self.conv("ffm.conv2", a)) + f
        heads = {"conv_out": f, "conv_out16": context8, "conv_out32": context16}
        scores = [self.conv(f"{n}.conv_out", self.conv_norm(f"{n}.conv", x)) for n, x in heads.items()]
        return [F.interpolate(s, size, mode="bilinear", align_corners=True) for s in scores]


@pytest.fixture(scope="module")
def parsing(tmp_path_factory):
    """A file like the published one, narrower."""
    path = tmp_path_factory.mktemp("weights") / "79999_iter.pth"
    torch.save(published_state(), path)
    return path


def test_face_parsing_weights_give_the_published_networks_scores(parsing):
    network, source = weights.read_segmenter(parsing)
    assert (network.classes, network.width, network.stem, network.size) == (19, 8, 4, 512)
    assert network.foreground == tuple(range(1, 19)) and source.format == "face-parsing"
    picture = torch.rand(2, 3, 64, 96)
    expected = Published(published_state())((picture - MEAN.view(3, 1, 1)) / STD.view(3, 1, 1))
    for found, wanted in zip(network.heads(picture * 2 - 1), expected, strict=True):
        assert wanted.std() > 0.05
        torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)


def test_prefixes_of_several_gpus_and_missing_counts_change_nothing(parsing, tmp_path):
    state = {f"module.{k}": v for k, v in published_state().items() if not k.endswith("num_batches_tracked")}
    torch.save({"state_dict": state}, tmp_path / "a.pth")
    a, b = l4f.load_segmenter(parsing), l4f.load_segmenter(tmp_path / "a.pth")
    image = torch.randn(1, 3, 32, 32)
    assert torch.equal(a(image), b(image))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s.pop("cp.arm16.bn_atten.bias"), "refine_middle.attention_norm.bias is missing"),
        (lambda s: s.update(extra=torch.zeros(1)), "tensor extra is not known"),
        (lambda s: s.update({"ffm.conv1.weight": torch.zeros(8, 32, 3, 3)}), "fusion.squeeze.weight has shape"),
        (lambda s: s.update({"conv_out.conv_out.weight": torch.zeros(5, 32, 1, 1)}), "has shape"),
    ],
)
def test_reading_is_strict(tmp_path, change, said):
    state = published_state()
    change(state)
    torch.save(state, tmp_path / "a.pth")
    with pytest.raises(UserError, match=said):
        l4f.load_segmenter(tmp_path / "a.pth")


def test_the_foreground_can_be_named(parsing):
    assert l4f.load_segmenter(parsing, foreground=(17, 1)).foreground == (17, 1)
    for wrong in ((19,), ()):
        with pytest.raises(UserError, match="some of the 19 classes"):
            l4f.load_segmenter(parsing, foreground=wrong)


@pytest.mark.parametrize(
    "network",
    [
        UNet(classes=3, depth=2, width=4, foreground=(2,), size=48),
        BiSeNet(classes=2, width=4, stem=1),
        BiSeNet(classes=2, width=4, stem=1, align_corners=False),
    ],
    ids=["unet", "bisenet", "bisenet-edges"],
)
def test_native_round_trip(tmp_path, network):
    network(torch.randn(4, 3, 32, 32))
    native.save(tmp_path / "run" / "final", segmenter=network, card={"name": "mine", "licence": "MIT"})
    # A run stands for its result.
    for place in (tmp_path / "run", tmp_path / "run" / "final"):
        again, source = weights.read_segmenter(place)
        assert source.licence == "MIT"
        assert (again.architecture, again.foreground, again.size) == (
            network.architecture,
            network.foreground,
            network.size,
        )
        image = torch.randn(1, 3, 21, 30)
        torch.testing.assert_close(again(image), network.eval()(image), atol=1e-5, rtol=1e-5)
        state = again.state_dict()
        assert all(torch.equal(tensor, state[name]) for name, tensor in network.state_dict().items())
        assert not again.training and not any(p.requires_grad for p in again.parameters())


@pytest.mark.parametrize(
    "entry",
    [{"stem": 3}, {"stem": "4"}, {"align_corners": 1}, {"foreground": [7]}, {"foreground": 1}, {"size": []}],
)
def test_a_card_that_makes_no_sense_is_refused(tmp_path, entry):
    native.save(tmp_path, segmenter=BiSeNet(width=4, stem=1))
    card = json.loads((tmp_path / "model.json").read_text())
    card["segmenter"]["architecture"] |= entry
    (tmp_path / "model.json").write_text(json.dumps(card))
    with pytest.raises(UserError, match="tensors of a segmenter"):
        l4f.load_segmenter(tmp_path)


def test_other_files_are_no_segmenters(tmp_path, tiny_checkpoint, parsing):
    with pytest.raises(UserError, match=r"without segmenter\.safetensors"):
        l4f.load_segmenter(tiny_checkpoint)
    with pytest.raises(UserError, match="a BiSeNet for face parsing"):
        l4f.load_generator(parsing)


def test_inspect_and_convert(parsing, tmp_path):
    found = inspect(parsing)
    assert (found.layout, found.what) == ("face-parsing", "a BiSeNet of 19 classes")
    assert found.problem is None and found.networks[0].kind == "segmenter" and found.pipelines == ()
    done = convert(parsing, tmp_path / "out")
    assert done.networks == ("segmenter",) and done.largest_difference == 0
    again = inspect(tmp_path / "out")
    assert again.networks[0].parameters == found.networks[0].parameters and again.layout == "native"
    a, b = l4f.load_segmenter(parsing), l4f.load_segmenter(tmp_path / "out")
    assert (b.classes, b.foreground, b.size) == (a.classes, a.foreground, a.size)
    with pytest.raises(UserError, match="segmenter"):
        convert(parsing, tmp_path / "out.pt")
