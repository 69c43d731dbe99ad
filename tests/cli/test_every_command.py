"""What all commands have: -h, -q, -v, --json, defaults from the environment, hints, completion; and what extends."""

import json
import os
import re
import subprocess
import sys

import click
import pytest

import l4f_datagen as l4f
from l4f_datagen import cli
from l4f_datagen.cli import main
from l4f_datagen.cli.commands import command_names
from l4f_datagen.making.extending import stored_settings
from l4f_datagen.progress import training
from l4f_datagen.shards.format import sealed

GENERATE = ("generate", "--generator", "vessels64", "--device", "cpu", "--samples-per-shard", "8")


def leaves(command: click.Command, words: tuple[str, ...] = ()):
    """Every command that does something, with the words that call it."""
    if not isinstance(command, click.Group):
        yield words, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        yield from leaves(command.get_command(context, name), (*words, name))


LEAVES = dict(leaves(cli.group))


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_all_take_the_same_options(words, capsys):
    options = {option for parameter in LEAVES[words].params for option in parameter.opts}
    assert {"-q", "--quiet", "-v", "--verbose", "--json"} <= options
    assert main([*words, "-h"]) == 0
    assert "Usage:" in capsys.readouterr().out


def test_the_files_of_commands_are_found():
    assert {words[0] for words in LEAVES} == set(command_names()) >= {"generate", "import", "evaluate", "run"}


def test_help_imports_nothing_heavy():
    heavy = ("torch", "numpy", "pydantic", "rich", "yaml", "pyarrow", "cv2", "PIL")
    program = (
        "import sys\nfrom l4f_datagen.cli import main\nassert main(['--help']) == 0\n"
        f"print([name for name in {heavy} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert "Generate images with masks" in done.stdout


@pytest.mark.parametrize(
    "words, said",
    [
        (("genrate",), "Did you mean 'generate'?"),
        (("train-segmentor",), "Did you mean 'train-segmenter'?"),
        (("gen_images.py",), "Here it is generate."),
        (("projector.py",), "Here it is project."),
        (("dataset_tool",), "--images"),
        (("generate", "--network", "x.pkl"), "here it is --generator"),
        (("generate", "--trunc=0.7"), "here it is --psi"),
        (("generate", "--seeds", "0-99"), "--seed 0 --n 100"),
        (("generate", "--outdir", "x"), "here it is --out"),
        (("generate", "--pics", "9"), "here it is --n"),
        (("generate", "--class-idx", "3"), "here it is --class"),
        (("project", "--class", "3"), "FILE#class=3"),
        (("generate", "--psy", "1"), "--psi"),
        (("generate", "--size", "256", "512"), "as wide and as high as the generator's file says"),
        (("train-generator", "--size", "64"), "here it is --resolution"),
        (("train-generator", "--data", "x"), "here it is --images"),
        (("train-alpha", "--ckpt", "x"), "here it is --generator"),
        (("verify", "--trunc", "1"), "No such option"),
        (("generate", "--seeds=85,265,297"), "--seed 85 --n 3"),
        (("generate", "--seeds", "600-605"), "--seed 600 --n 6"),
        (("generate", "--truncation_psi", "1"), "here it is --psi"),
        (("generate", "--image_format", "png"), "it is written --image-format"),
        (("generate", "--pkl", "x"), "here it is --generator"),
        (("generate", "--sample", "4"), "here it is --n"),
        (("train-generator", "--snap", "3"), "here it is --checkpoint-every"),
        (("train-generator", "--resume", "x.pkl"), "the same command with the same --out"),
        (("train-generator", "--gpus", "2"), "torchrun"),
        (("train-generator", "--cfg", "auto"), "here it is --preset"),
        (("train-segmenter", "--lr", "1"), "here it is --learning-rate"),
        (("segment", "x", "--ckpt", "y"), "here it is --segmenter"),
        (("evaluate", "frechet", "--metrics", "fid50k_full"), "No such option"),
        (("apply_factor.py",), "edit --direction sefa:K"),
        (("edit", "--degree", "5"), "here it is --strength"),
        (("evaluate", "alpa"), "Did you mean 'alpha'?"),
        (("evaluate", "fid"), "evaluate frechet"),
        (("analyze", "layer"), "Did you mean 'layers'?"),
        (("inspect", "vessels64", "--json", "found.json"), "--json takes no value"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_words_that_are_not_ours_are_told_ours(words, said, capsys):
    assert main(list(words)) == 2
    printed = capsys.readouterr()
    assert said in printed.err and printed.out == "" and printed.err.count("\n") == 1


def resolved(capsys, *words: str) -> dict:
    assert main([*GENERATE, "--out", "nowhere", "--dry-run", *words]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_environment_stands_between_flags_and_pipeline_files(capsys, monkeypatch, tmp_path):
    (tmp_path / "mine.yaml").write_text("generate:\n  psi: 0.25\n  seed: 4\n")
    monkeypatch.setenv("L4F_GENERATE_PSI", "0.5")
    monkeypatch.setenv("L4F_GENERATE_REJECT_BORDER", "1")
    found = resolved(capsys, "--config", str(tmp_path / "mine.yaml"))
    assert (found["psi"], found["seed"], found["reject_border"]) == (0.5, 4, True)
    assert resolved(capsys, "--psi", "1")["psi"] == 1


@pytest.mark.parametrize("name, value", [("PSI", "9"), ("IMAGE_FORMAT", "gif"), ("N", "many"), ("ENGINE", "steam")])
def test_a_wrong_variable_is_named(name, value, capsys, monkeypatch):
    monkeypatch.setenv(f"L4F_GENERATE_{name}", value)
    assert main(["generate", "--out", "nowhere", "--dry-run"]) == 2
    assert f"L4F_GENERATE_{name}" in capsys.readouterr().err


def test_a_variable_of_no_option_is_refused(capsys, monkeypatch):
    monkeypatch.setenv("L4F_GENERATE_PSY", "0.5")
    monkeypatch.setenv("L4F_TIMEOUT", "60")
    monkeypatch.setenv("L4F_RENDER_PSI", "0.5")
    assert main(["generate", "--out", "nowhere", "--dry-run"]) == 2
    assert "L4F_GENERATE_PSY: got an environment variable of no option" in (told := capsys.readouterr().err)
    assert "did you mean L4F_GENERATE_PSI?" in told and told.count("\n") == 1


@pytest.mark.parametrize(
    ("command", "names"),
    [
        ("train-alpha", ("discriminator", "adversarial", "B", "C", "E", "area")),
        ("train-generator", ("discriminator", "generator", "real_sign", "ada_p", "frechet")),
        ("train-segmenter", ("loss", "miou")),
        ("train-encoder", ("code", "image", "photo", "error", "photo_error")),
        ("train-layered", ("discriminator", "generator", "real_sign", "B", "C", "E", "area")),
    ],
)
def test_terms_that_a_training_shows_are_explained(command, names, capsys):
    tell = getattr(training, f"tell_{command.removeprefix('train-')}")
    assert main([command, "--help"]) == 0
    told = capsys.readouterr().out.partition("shows means")[2].partition("Options:")[0]
    for term in tell(dict.fromkeys(names, 1.0)):
        assert re.search(rf"^ +(\w+, )*{term.split()[0]}\b", told, re.MULTILINE), term


def test_quiet_verbose_and_json_before_and_after_the_command(capsys, tmp_path, caplog):
    words = [*GENERATE, "--n", "8", "--out", str(tmp_path / "shards")]
    assert main(["-q", *words, "--json"]) == 0
    printed = capsys.readouterr()
    found = json.loads(printed.out)
    assert (found["samples"], found["made"], found["shards"]) == (8, 8, 1) and printed.err == ""
    assert main([*words, "-v"]) == 0
    printed = capsys.readouterr()
    assert "generator of vessels64: read as native" in caplog.text and "GiB of memory" in printed.err
    assert "8 samples in 1 shards" in printed.out
    assert main(["-v", *words, "-q"]) == 0
    assert main(words) == 0
    assert "GiB" not in capsys.readouterr().err.splitlines()[-1:]


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("every") / "shards"
    assert main([*GENERATE, "--n", "8", "--psi", "0.6", "--image-format", "png", "--out", str(folder), "-q"]) == 0
    return folder


@pytest.mark.parametrize(
    "words, keys",
    [
        (("preview", "@shards", "--out", "@new/sheet.png"), {"out", "drawn", "samples", "keys"}),
        (("gallery", "@shards", "--out", "@new/pages"), {"out", "page", "samples", "scores"}),
        (("export", "@shards", "--format", "folder", "--out", "@new/plain"), {"out", "format", "samples", "notes"}),
        (("card", "@shards"), {"out", "kind"}),
        (("finalize", "@shards"), {"out", "samples", "shards"}),
        (("render", "vessels", "--n", "4", "--size", "32", "--out", "@new/world"), {"samples", "made", "seconds"}),
        (("import", "@shards", "--out", "@new/imported"), {"samples", "made"}),
        (("analyze", "layers", "--generator", "vessels64", "--n", "2", "--out", "@new/layers"), {"first_resolution"}),
        (("analyze", "backgrounds", "--generator", "vessels64", "--n", "2", "--out", "@new/off"), {"switched_off"}),
        (("analyze", "directions", "--generator", "vessels64", "--n", "2", "--out", "@new/d"), {"directions", "out"}),
        (("edit", "--direction", "pca:0", "--seeds", "3", "--steps", "2", "--out", "@new/edits"), {"edits", "worst"}),
        (("stats", "@shards"), {"samples", "mask_area", "components", "mean_mask"}),
        (("verify", "@shards"), {"folder", "samples", "findings"}),
        (("segment", "@shards", "--segmenter", "@new/none", "--out", "@new/masks", "--dry-run"), {"images", "size"}),
        (("evaluate", "masks", "@shards", "@shards", "--resamples", "9"), {"title", "rows", "settings"}),
        (("run", "vessels64", "--out", "@new/run", "--dry-run"), {"train-alpha", "generate", "evaluate alpha"}),
        (("convert", "vessels64", "--out", "@new/native"), {"source", "out", "networks"}),
        (("inspect", "vessels64"), {"what", "networks", "layout"}),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_results_as_json(words, keys, shards, tmp_path, capsys):
    if words[0] == "analyze":
        pytest.importorskip("matplotlib")
    capsys.readouterr()
    typed = [word.replace("@shards", str(shards)).replace("@new", str(tmp_path)) for word in words]
    assert main([*typed, "--json"]) == 0
    assert keys <= json.loads(capsys.readouterr().out).keys()


def test_who_extends_says_nothing_again(tmp_path, capsys):
    folder = tmp_path / "shards"
    assert main([*GENERATE, "--n", "8", "--psi", "0.6", "--image-format", "png", "--out", str(folder)]) == 0
    assert main(["generate", "--n", "20", "--out", str(folder)]) == 0
    settings = l4f.open_dataset(folder).description["settings"]
    assert (settings["n"], settings["psi"], settings["image_format"]) == (20, 0.6, "png")
    assert main([*GENERATE, "--n", "20", "--psi", "0.6", "--image-format", "png", "--out", str(tmp_path / "once")]) == 0
    for shard in ("00000.tar", "00002.tar"):
        assert (folder / shard).read_bytes() == (tmp_path / "once" / shard).read_bytes()
    assert main(["generate", "--psi", "0.9", "--out", str(folder)]) == 2
    assert "psi (0.6 there, 0.9 here)" in capsys.readouterr().err
    assert main(["generate", "--out", str(folder)]) == 0, "what is complete stays as it is"


def test_a_world_is_extended_and_another_command_is_refused(tmp_path, capsys):
    folder = tmp_path / "world"
    assert main(["render", "vessels", "--n", "4", "--size", "32", "--seed", "5", "--out", str(folder)]) == 0
    assert main(["render", "vessels", "--n", "6", "--out", str(folder)]) == 0
    settings = l4f.open_dataset(folder).description["settings"]
    assert (settings["n"], settings["seed"], settings["size"]) == (6, 5, 32)
    assert main(["render", "--n", "8", "--out", str(folder)]) == 0
    assert l4f.open_dataset(folder).description["settings"]["size"] == 32
    assert main(["render", "--n", "8", "--out", str(tmp_path / "other")]) == 2
    assert "name it after render" in capsys.readouterr().err
    assert main([*GENERATE, "--n", "8", "--out", str(folder)]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_an_import_is_extended(shards, tmp_path, capsys):
    source, folder = tmp_path / "plain", tmp_path / "imported"
    assert main(["export", str(shards), "--format", "folder", "--out", str(source)]) == 0
    words = ["import", str(source), "--size", "32", "--samples-per-shard", "3", "--out", str(folder)]
    assert main([*words, "--n", "4"]) == 0
    assert main(["import", "--n", "7", "--out", str(folder)]) == 0
    settings = l4f.open_dataset(folder).description["settings"]
    assert (settings["n"], settings["size"], settings["samples_per_shard"]) == (7, 32, 3)
    assert main(["import", "--out", str(tmp_path / "new")]) == 2
    assert "name their place after import" in capsys.readouterr().err


def test_stored_addresses_have_lost_their_keys_and_that_is_said(tmp_path, capsys):
    folder, seen = tmp_path / "shards", "http://127.0.0.1:9/g.pt"
    assert main([*GENERATE, "--n", "2", "--out", str(folder)]) == 0
    content = json.loads((folder / "dataset.json").read_bytes())
    content["settings"]["generator"] = seen
    (folder / "dataset.json").write_bytes(sealed.seal(content))
    capsys.readouterr()
    assert main(["generate", "--n", "9", "--out", str(folder)]) == 2
    told = capsys.readouterr().err
    assert "give --generator again" in told and "without user, password or token" in told
    assert main(["generate", "--n", "9", "--generator", seen, "--out", str(folder)]) == 2
    assert "give --generator again" not in capsys.readouterr().err


def test_the_device_is_a_kind_of_device(tmp_path):
    folder = tmp_path / "shards"
    assert main([*GENERATE, "--n", "2", "--out", str(folder)]) == 0
    content = json.loads((folder / "dataset.json").read_bytes())
    content["settings"]["device"] = "cuda:3"
    (folder / "dataset.json").write_bytes(sealed.seal(content))
    assert stored_settings(l4f.GenerateSettings, str(folder))["device"] == "cuda"


def completed(words: str, count: int) -> list[str]:
    environment = {
        **os.environ,
        "_L4F_DATAGEN_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(count),
    }
    command = [sys.executable, "-m", "l4f_datagen"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    "words, count, expected",
    [
        ("l4f-datagen gen", 1, "generate"),
        ("l4f-datagen train-", 1, "train-alpha"),
        ("l4f-datagen generate --image-f", 2, "--image-format"),
        ("l4f-datagen generate --image-format w", 3, "webp"),
        ("l4f-datagen generate --generator v", 3, "vessels64"),
        ("l4f-datagen generate --config lsun-c", 3, "lsun-cat"),
        ("l4f-datagen run vess", 2, "vessels64"),
        ("l4f-datagen evaluate se", 2, "segmenter"),
        ("l4f-datagen export x --format ", 4, "coco"),
    ],
)
def test_shells_complete(words, count, expected):
    assert expected in completed(words, count)


@pytest.fixture(scope="module")
def bash(tmp_path_factory):
    """What a real bash completes a line to, after it took our script."""
    place = tmp_path_factory.mktemp("bash")
    (place / "l4f-datagen").write_text(f'#!/bin/sh\nexec {sys.executable} -m l4f_datagen "$@"\n')
    (place / "l4f-datagen").chmod(0o755)
    script = 'eval "$(_L4F_DATAGEN_COMPLETE=bash_source l4f-datagen)"; complete -p l4f-datagen >&2\n'
    # compopt works within bash's own completion only.
    script += 'compopt() { echo "$@"; }\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))\n'
    script += "_l4f_datagen_completion l4f-datagen; printf '%s\\n' \"${COMPREPLY[@]}\""

    def complete(*words: str) -> list[str]:
        environment = {**os.environ, "PATH": f"{place}:{os.environ['PATH']}"}
        command = ["bash", "--norc", "-c", script, "bash", "l4f-datagen", *words]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        assert "_l4f_datagen_completion l4f-datagen" in done.stderr
        return done.stdout.split()

    return complete


@pytest.mark.parametrize(
    "words, expected",
    [
        (("gener",), {"generate"}),
        (("-q", "train-a"), {"train-alpha"}),
        (("evaluate", "al"), {"alpha"}),
        (("generate", "--noise", ""), {"const", "none", "random"}),
        (("generate", "--generator", "vessels6"), {"vessels64"}),
        (("generate", "--background-"), {"--background-psi"}),
        (("run", "lsun-ca"), {"lsun-car", "lsun-cat"}),
        (("generate", "--out", "x"), {"-o", "dirnames"}),
        (("preview", "x"), {"-o", "dirnames"}),
        (("inspect", "x"), {"-o", "default"}),
        (("generate", "--psi", ""), set()),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_bash_completes(words, expected, bash):
    assert set(bash(*words)) == expected
