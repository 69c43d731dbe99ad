"""Every mistake a user can make ends in one line and exit 2, with nothing written."""

import pickle
import subprocess
import sys

import pytest
import torch

from l4f_datagen import __version__
from l4f_datagen.cli import main
from l4f_datagen.cli.commands import command_names


class Touch:
    """A pickle that creates a file when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.fixture
def files(tmp_path):
    """Files that are no checkpoints, by name."""
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "text.pt").write_text("hello")
    (folder / "empty.pt").touch()
    (folder / "page.pt").write_text("<!DOCTYPE html><html>quota exceeded</html>")
    (folder / "lfs.pt").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    torch.save({"model": {"weight": torch.zeros(3)}, "epoch": 3}, folder / "other.pt")
    torch.save({"g_ema": {"conv1.conv.modulation.weight": torch.zeros(3, 3)}}, folder / "misfit.pt")
    whole = (folder / "other.pt").read_bytes()
    (folder / "truncated.pt").write_bytes(whole[: len(whole) // 2])
    torch.save({"g_ema": Touch(tmp_path / "ran")}, folder / "attack.pt")
    torch.save({"g_ema": Touch(tmp_path / "ran")}, folder / "legacy-attack.pt", _use_new_zipfile_serialization=False)
    (folder / "attack.pkl").write_bytes(pickle.dumps(Touch(tmp_path / "ran")))
    (folder / "unknown-key.yaml").write_text("generate: {psy: 0.5}")
    return folder


def run(capsys, *arguments) -> tuple[int, str]:
    code = main([str(a) for a in arguments])
    return code, capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--n", "0"], ["n: got '0'", "greater than 0"]),
        (["--n", "-3"], ["n: got '-3'"]),
        (["--psi", "1.51"], ["psi", "1.5"]),
        (["--background-psi", "-1"], ["background_psi", "--background-psi"]),
        (["--noise", "wild"], ["--noise", "wild", "const"]),
        (["--config", "{files}/unknown-key.yaml"], ["psy", "did you mean psi?"]),
        (["--config", "{files}/none.yaml"], ["none.yaml", "vessels"]),
        (["--generator", "{files}/text.pt"], ["text.pt", "a text file"]),
        (["--generator", "{files}/empty.pt"], ["empty file"]),
        (["--generator", "{files}/page.pt"], ["web page"]),
        (["--generator", "{files}/lfs.pt"], ["Git LFS pointer"]),
        (["--generator", "{files}/truncated.pt"], ["truncated"]),
        (["--generator", "{files}/other.pt"], ["model, epoch"]),
        (["--generator", "{files}/misfit.pt"], ["misfit.pt"]),
        (["--generator", "{files}/attack.pt"], ["open"]),
        (["--generator", "{files}/legacy-attack.pt"], ["open"]),
        (["--generator", "{files}/attack.pkl"], ["attack.pkl"]),
        (["--generator", "{files}/nowhere.pt"], ["does not exist", "vessels"]),
        (["--generator", "{files}"], ["model.json"]),
        (["--alpha", "{files}/other.pt"], ["model, epoch"]),
        (["--alpha", "{files}/attack.pt"], ["open"]),
        (["--device", "cuda:97"], ["cuda:97"]),
    ],
    ids=lambda value: " ".join(value) if value and value[0].startswith("--") else "",
)
def test_mistakes(capsys, tmp_path, files, arguments, words):
    out = tmp_path / "out"
    code, message = run(capsys, "generate", "--out", out, *(a.format(files=files) for a in arguments))
    assert code == 2
    assert message.count("\n") == 1 and message.startswith("l4f-datagen: ")
    assert all(word in message for word in words), message
    assert not out.exists()
    assert not (tmp_path / "ran").exists(), "a checkpoint was executed"


def test_the_attack_would_work(tmp_path):
    """Else the test above could not fail."""
    torch.save(Touch(tmp_path / "ran"), tmp_path / "attack.pt")
    torch.load(tmp_path / "attack.pt", weights_only=False)
    assert (tmp_path / "ran").exists()


def test_an_alpha_network_of_another_generator_says_how_it_differs(capsys, tmp_path, tiny_checkpoint):
    code, message = run(capsys, "generate", "--out", tmp_path / "out", "--alpha", tiny_checkpoint)
    assert code == 2 and not (tmp_path / "out").exists()
    assert "12, 8 channels" in message and "32, 16" in message


def test_a_generator_without_an_alpha_network(capsys, tmp_path, tiny_checkpoint):
    lone = tmp_path / "lone"
    lone.mkdir()
    for name in ("generator.safetensors", "model.json"):
        (lone / name).write_bytes((tiny_checkpoint / name).read_bytes())
    code, message = run(capsys, "generate", "--out", tmp_path / "out", "--generator", lone)
    assert code == 2 and "--alpha" in message and message.count("\n") == 1


def test_out_that_holds_other_settings(capsys, tmp_path, tiny_checkpoint):
    arguments = ["generate", "--out", tmp_path / "out", "--generator", tiny_checkpoint, "--n", 4]
    assert run(capsys, *arguments)[0] == 0
    code, message = run(capsys, *arguments, "--psi", "0.5")
    assert code == 2 and "psi (0.7 there, 0.5 here)" in message
    assert run(capsys, *arguments, "--psi", "0.5", "--overwrite")[0] == 0


def test_out_that_is_a_file(capsys, tmp_path):
    (tmp_path / "file").write_text("precious")
    code, message = run(capsys, "generate", "--out", tmp_path / "file", "--n", 4, "--overwrite")
    assert code == 2 and "got a file" in message
    assert (tmp_path / "file").read_text() == "precious"


def test_help_answers_without_torch():
    program = """
import sys
from l4f_datagen.cli import main
for command in sys.argv[1:]:
    assert main([command, "--help"]) == 0, command
    assert "torch" not in sys.modules, command
"""
    names = command_names()
    done = subprocess.run([sys.executable, "-c", program, *names], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    usages = [line.split()[2] for line in done.stdout.splitlines() if line.startswith("Usage: l4f-datagen ")]
    assert len(names) > 20 and usages == list(names)


def test_version_and_unknown_commands(capsys):
    assert main(["--version"]) == 0
    assert __version__ in capsys.readouterr().out
    code, message = run(capsys, "generat")
    assert code == 2 and message == "l4f-datagen: No such command 'generat'. Did you mean 'generate'?\n"
    assert main([]) == 2


@pytest.mark.parametrize(
    ("command", "target", "said"),
    [
        (
            "generate",
            "l4f_datagen.experiment.stages.generate.make",
            "interrupted; what was finished stays, and the same command",
        ),
        ("export", "l4f_datagen.export.run.export", "interrupted\n"),
    ],
)
def test_an_interruption_says_whether_anything_stays(command, target, said, tmp_path, capsys, monkeypatch):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(target, interrupt)
    arguments = {"generate": [], "export": [str(tmp_path), "--format", "coco"]}[command]
    assert main([command, *arguments, "--out", str(tmp_path / "out")]) == 130
    assert said in capsys.readouterr().err
