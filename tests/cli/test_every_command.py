"""What all commands have: -h, -q, -v, --json, defaults from the environment, hints, completion; and what extends."""

import json
import os
import subprocess
import sys

import click
import pytest

import l4f_datagen as l4f
from l4f_datagen import cli
from l4f_datagen.cli import main
from l4f_datagen.cli.commands import command_names

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
        (("dataset_tool",), "--images"),
        (("generate", "--network", "x.pkl"), "here it is --generator"),
        (("generate", "--trunc=0.7"), "here it is --psi"),
        (("generate", "--seeds", "0-99"), "--seed 0 --n 100"),
        (("generate", "--outdir", "x"), "here it is --out"),
        (("generate", "--pics", "9"), "here it is --n"),
        (("generate", "--class", "3"), "generators with classes"),
        (("generate", "--psy", "1"), "--psi"),
        (("train-generator", "--data", "x"), "here it is --images"),
        (("train-alpha", "--ckpt", "x"), "here it is --generator"),
        (("verify", "--trunc", "1"), "No such option"),
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
        (("preview", "@shards", "--out", "@new/sheet.png"), {"out", "drawn", "samples"}),
        (("export", "@shards", "--format", "folder", "--out", "@new/plain"), {"out", "format", "samples", "notes"}),
        (("finalize", "@shards"), {"out", "samples", "shards"}),
        (("render", "vessels", "--n", "4", "--size", "32", "--out", "@new/world"), {"samples", "made", "seconds"}),
        (("import", "@shards", "--out", "@new/imported"), {"samples", "made"}),
        (("analyze", "layers", "--generator", "vessels64", "--n", "2", "--out", "@new/layers"), {"first_resolution"}),
        (("analyze", "backgrounds", "--generator", "vessels64", "--n", "2", "--out", "@new/off"), {"switched_off"}),
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
    assert main([*GENERATE, "--n", "8", "--out", str(folder)]) == 2
    assert "Traceback" not in capsys.readouterr().err


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


def test_bash_takes_the_script():
    environment = {**os.environ, "_L4F_DATAGEN_COMPLETE": "bash_source"}
    command = [sys.executable, "-m", "l4f_datagen"]
    script = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert "complete" in script
    asked = "\ncomplete -p l4f-datagen"
    done = subprocess.run(["bash", "-c", script + asked], capture_output=True, text=True)
    assert done.returncode == 0 and "l4f_datagen_completion" in done.stdout
