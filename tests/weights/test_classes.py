"""Class-conditional generators: each class is a generator that everything works with."""

import json
import math
import tarfile
from collections import Counter

import pyarrow.parquet as pq
import pytest
import torch

import l4f_datagen as l4f
from l4f_datagen import weights
from l4f_datagen.analysis import distributions
from l4f_datagen.errors import UserError
from l4f_datagen.networks.alpha import AlphaNetwork
from l4f_datagen.networks.inference import freeze
from l4f_datagen.networks.stylegan2 import class_rows
from l4f_datagen.seeding import normal
from l4f_datagen.settings import GenerateSettings
from l4f_datagen.shards.damage import Damaged
from l4f_datagen.shards.format.sealed import seal
from l4f_datagen.shards.verify.sample import problems_of
from l4f_datagen.shards.verify.verification import verify
from l4f_datagen.training.generator.start import open_trained
from l4f_datagen.weights import native
from l4f_datagen.weights.conversion.convert import convert
from l4f_datagen.weights.generators.classes import split_class, with_class
from l4f_datagen.weights.inspection import inspect

from . import forge

CLASSES, EMBEDDED = 3, 6


@pytest.fixture(scope="module")
def made():
    """An unconditional generator, and what makes it a conditional one: first layer, embedding and its shift."""
    torch.manual_seed(1)
    first = torch.randn(16, 16 + EMBEDDED) / 0.01
    return forge.generator(), first, torch.randn(EMBEDDED, CLASSES), torch.randn(EMBEDDED)


def network(made, **attributes):
    """The same as stylegan2-ada-pytorch keeps it."""
    generator, first, embedding, shift = made
    found = forge.nvidia_network(generator, c_dim=CLASSES, **attributes)
    mapping = found.meta["state"]["_modules"]["mapping"].meta["state"]["_modules"]
    bias = generator.mapping.biases[0]
    mapping["fc0"] = forge._linear(first, bias, 0.01)
    mapping["embed"] = forge._linear(embedding, shift)
    return found


def published(made, z, number):
    """NVIDIA's mapping: z and the embedded class, each normalised, side by side."""
    generator, first, embedding, shift = made

    def normalised(x):
        return x * (x.square().mean(1, keepdim=True) + 1e-8).rsqrt()

    one_hot = torch.eye(CLASSES)[[number] * len(z)]
    x = torch.cat([normalised(z), normalised(one_hot @ embedding.t() / math.sqrt(CLASSES) + shift)], 1)
    for weight, bias in zip([first, generator.mapping.weights[1]], generator.mapping.biases, strict=True):
        x = x @ weight.t() * (0.01 / math.sqrt(weight.shape[1])) + bias * 0.01
        x = torch.nn.functional.leaky_relu(x, 0.2) * math.sqrt(2)
    return x


@pytest.fixture(scope="module")
def file(made, tmp_path_factory):
    path = tmp_path_factory.mktemp("classes") / "conditional.pkl"
    discriminator = forge.nvidia_discriminator(forge.discriminator_state(), c_dim=CLASSES)
    path.write_bytes(forge.nvidia_bytes({"G": network(made), "D": discriminator, "G_ema": network(made)}))
    return path


@pytest.mark.parametrize("form", ["nvidia", "modules", "state dict", "native"])
@pytest.mark.parametrize("number", [0, 2])
def test_a_class_is_the_published_one(form, number, made, file, tmp_path):
    path = file
    if form == "modules":
        path = tmp_path / "network.pkl"
        path.write_bytes(forge.plain_bytes({"G_ema": network(made)}))
    elif form == "state dict":
        generator, first, embedding, shift = made
        path, state = tmp_path / "state.pt", forge.nvidia_state(generator)
        state |= {"mapping.fc0.weight": first, "mapping.embed.weight": embedding, "mapping.embed.bias": shift}
        torch.save({"G_ema": state}, path)
    elif form == "native":
        path = tmp_path / "native"
        convert(file, path)
    z = torch.randn(4, 16)
    generator, source = weights.read_generator(f"{path}#class={number}")
    torch.testing.assert_close(generator.map(z), published(made, z, number), atol=1e-5, rtol=1e-5)
    assert generator.architecture.classes == 0 and torch.equal(generator.w_avg, made[0].w_avg)
    assert source.name == f"{path}#class={number}" and f"class {number} of 3" in source.notes


def test_two_classes_have_two_hashes_and_none_is_refused_with_what_to_do(file, tmp_path):
    hashes = {weights.read_generator(f"{file}#class={number}")[1].sha256 for number in range(CLASSES)}
    assert len(hashes) == CLASSES and all(len(one) == 64 for one in hashes)
    for path, said in (
        (
            file,
            r"of 3 classes and no class; expected a class from 0 to 2, several such as 0,2, or all; say it after",
        ),
        (f"{file}#class=3", "3 classes and class 3; expected a class from 0 to 2"),
        (f"{file}#class=x", "a suffix that is no class"),
        (f"{file}#class=1-", "a suffix that is no class"),
        (f"{file}#class=1,1", "a suffix that is no class"),
        (f"{file}#class=1-3", "3 classes and class 1-3; expected a class from 0 to 2, several such as 0,2, or all"),
        ("vessels#class=0", "vessels: got an unconditional generator and class 0"),
    ):
        with pytest.raises(UserError, match=said):
            l4f.load_generator(path)
    # A file of such a name is that file.
    native.save(tmp_path / "odd#class=1", generator=forge.generator())
    assert l4f.load_generator(tmp_path / "odd#class=1").architecture.classes == 0


def test_inspect_and_convert_know_all_classes(file, tmp_path):
    found = inspect(file)
    assert found.what == "a class-conditional StyleGAN2 generator of 3 classes for 32 px" and found.problem is None
    assert found.networks[0].classes == CLASSES
    convert(file, tmp_path / "all")
    assert inspect(tmp_path / "all").networks[0].classes == CLASSES
    convert(f"{file}#class=1", tmp_path / "one")
    assert inspect(tmp_path / "one").networks[0].classes is None
    with pytest.raises(UserError, match="expected one of its classes"):
        convert(file, tmp_path / "r.pt")
    convert(f"{file}#class=1", tmp_path / "r.pt")


def test_without_a_centre_it_is_the_mean_of_all_classes(made, tmp_path):
    without = network(made)
    del without.meta["state"]["_modules"]["mapping"].meta["state"]["_buffers"]["w_avg"]
    path = tmp_path / "network.pkl"
    path.write_bytes(forge.nvidia_bytes({"G_ema": without}))
    mean = torch.stack([published(made, torch.randn(4096, 16), number).mean(0) for number in range(CLASSES)]).mean(0)
    torch.testing.assert_close(l4f.load_generator(f"{path}#class=0").w_avg, mean, atol=0.1, rtol=0.1)


def test_generate_takes_a_class_and_data_sets_of_two_are_told_apart(file, tmp_path):
    torch.manual_seed(0)
    native.save(tmp_path / "alpha", alpha=AlphaNetwork((8, 8, 4)))
    common = {"n": 2, "generator": str(file), "alpha": str(tmp_path / "alpha"), "device": "cpu", "batch_size": 2}
    first, second = (next(iter(l4f.stream(GenerateSettings(**common, class_=number)))) for number in (0, 1))
    assert (first.image != second.image).any()
    by_path = GenerateSettings(**(common | {"generator": f"{file}#class=1"}))
    assert (next(iter(l4f.stream(by_path))).image == second.image).all()
    out = tmp_path / "shards"
    l4f.generate(GenerateSettings(**common, class_=1), out)
    description = l4f.open_dataset(out).description
    assert description["settings"]["class"] == 1 and description["checkpoints"]["generator"]["name"].endswith(
        "#class=1"
    )
    with pytest.raises(UserError, match="generator .another checkpoint."):
        l4f.generate(GenerateSettings(**common, class_=0), out)
    with pytest.raises(UserError, match="no class"):
        l4f.generate(GenerateSettings(**common), tmp_path / "none")


def test_a_training_goes_on_from_one_class(file):
    trained = open_trained(f"{file}#class=2")
    raw, average = trained.begun.beside.raw, trained.generator
    assert torch.equal(raw.mapping.biases[0], average.mapping.biases[0]) and raw.architecture.classes == 0
    assert trained.begun.beside.discriminator is None and "class-conditional" in trained.begun.beside.notes[0]


@pytest.mark.parametrize(
    ("suffix", "classes"),
    [("12", "12"), ("0-2,7", "0-2,7"), ("7,0,2,1", "0-2,7"), ("3-4", "3-4"), ("4,3", "3-4"), ("all", "all")],
)
def test_paths_with_classes(suffix, classes):
    assert split_class(f"a.pkl#class={suffix}") == ("a.pkl", classes)
    assert with_class("a.pkl", GenerateSettings(class_=suffix).class_) == f"a.pkl#class={classes}"
    assert with_class(f"a.pkl#class={classes}", suffix) == f"a.pkl#class={classes}"


def test_paths_without_classes_and_with_others():
    assert split_class("a#b.pkl") == ("a#b.pkl", None) and with_class("a.pkl", None) == "a.pkl"
    assert GenerateSettings(class_=3).class_ == 3 and with_class("a.pkl#class=3", 3) == "a.pkl#class=3"
    for other in (4, "all", "3,4"):
        with pytest.raises(UserError, match=f"class: got {other} beside a.pkl#class=3"):
            with_class("a.pkl#class=3", other)


def test_several_classes_are_one_generator_whose_codes_say_the_class(file):
    mixed, source = weights.read_generator(f"{file}#class=2,0")
    assert source.name == f"{file}#class=0,2" and mixed.architecture.drawn == (0, 2)
    z = torch.randn(64, mixed.architecture.z_dim)
    rows = class_rows(z, mixed.class_bounds)
    w = mixed.map(z)
    for row, number in enumerate(mixed.architecture.drawn):
        alone = l4f.load_generator(f"{file}#class={number}")
        assert 16 < (rows == row).sum() < 48
        torch.testing.assert_close(w[rows == row], alone.map(z[rows == row, :-1]))
    assert torch.equal(freeze(mixed).map(z), w)
    assert len({weights.read_generator(f"{file}#class={said}")[1].sha256 for said in ("all", "0-2", "2,1,0")}) == 1
    for refused in (lambda: convert(f"{file}#class=all", "nowhere"), lambda: open_trained(f"{file}#class=all")):
        with pytest.raises(UserError, match="got 3 classes; expected what .* say one class after the path"):
            refused()


def test_every_sample_of_several_classes_says_its_own(file, tmp_path):
    torch.manual_seed(0)
    native.save(tmp_path / "alpha", alpha=AlphaNetwork((8, 8, 4)))
    common = {"generator": str(file), "alpha": str(tmp_path / "alpha"), "device": "cpu", "samples_per_shard": 4}
    out = tmp_path / "shards"
    l4f.generate(GenerateSettings(**common, n=6, class_="0,2", save=("w",), batch_size=3), out)
    l4f.generate(GenerateSettings(**common, n=10, class_="2,0", save=("w",), batch_size=3), out)
    dataset = l4f.open_dataset(out)
    assert dataset.description["classes"] == "0,2" and not verify(out).findings
    said = [sample.metadata["class"] for sample in dataset]
    assert set(said) == {0, 2} and said == pq.read_table(out / "metadata.parquet")["class"].to_pylist()
    assert distributions.measure(dataset, masks=0).classes == Counter(said)
    of_class = {number: l4f.load_generator(f"{file}#class={number}") for number in (0, 2)}
    for sample in dataset:
        z = normal((17,), 0, "foreground", [sample.metadata["index"]])[:, :-1]
        w = of_class[sample.metadata["class"]]
        torch.testing.assert_close(torch.from_numpy(sample.w)[:1], w.truncate(w.map(z), 0.7))
    of_other_classes(out, dataset.description, said)


def of_other_classes(out, description, said):
    """A class that ``dataset.json`` does not name is found in a sample, and what names no classes in that file."""
    with tarfile.open(out / "00000.tar") as tar:
        members = [(one.name, tar.extractfile(one).read()) for one in tar if one.name.startswith("000000000.")]
    for classes, found in ((f"{said[0]}", []), (f"{said[0] + 1}-5", [f"json: class is {said[0]}; expected one of"])):
        problems = problems_of(members, index=0, shard=0, description={**description, "classes": classes})[1]
        assert len(problems) == len(found) and all(map(str.startswith, problems, found))
    whole = json.loads((out / "dataset.json").read_text())
    for classes in ("2,0", "0,0", "all", "", 3, ["0"]):
        (out / "dataset.json").write_bytes(seal({**whole, "classes": classes}))
        with pytest.raises(Damaged, match="classes: "):
            l4f.open_dataset(out)
