"""What README.md and the pages in docs/ show, runs; the commands that they name are those that there are."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator

import click
import cv2
import numpy as np
import pytest

from l4f_datagen import resources, settings
from l4f_datagen.cli import group, main
from l4f_datagen.cli.commands import command_names
from l4f_datagen.errors import UserError

from . import forked
from .pages import PAGES, ROOT, blocks, commands, lines

README = PAGES["README.md"]
ELSEWHERE = "from streaming"
"""Snippets that tests/readers run, where what they import is installed."""
SNIPPETS = {
    page: found
    for page, text in PAGES.items()
    if (found := [block for block in blocks(text, "python") if ELSEWHERE not in block])
}
COMMAND_LINES = sorted({(page, *words) for page, text in PAGES.items() for words in commands(text)})
EXTRAS = re.findall(r"^(\w+) =$", (ROOT / "setup.cfg").read_text().split("[options.extras_require]")[1], re.MULTILINE)
# Each in a namespace of its own, so that none lives on the imports of another; in one process, to import torch once.
RUN = "import sys\nfor snippet in sys.argv[1:]:\n    exec(compile(snippet, snippet, 'exec'), {'__name__': '__main__'})"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    here = tmp_path_factory.mktemp("user")
    assert main(["generate", "--n", "20", "--save", "cutout", "--out", str(here / "shards")]) == 0
    (here / "scenes").mkdir()
    for number in range(2):
        cv2.imwrite(str(here / "scenes" / f"{number}.jpg"), np.full((90, 120, 3), 80 + 60 * number, np.uint8))
    few = ["--shards", str(here / "shards"), "--iterations", "2", "--batch-size", "4", "--width", "4"]
    assert main(["train-segmenter", *few, "--out", str(here / "runs" / "bisenet")]) == 0
    return here


@pytest.mark.parametrize("page", SNIPPETS)
def test_snippets(folder, page):
    environment = {"HF_HOME": str(folder / "hf"), "PATH": "", "OMP_NUM_THREADS": "1"}
    if "PYTHONPATH" in os.environ:
        environment["PYTHONPATH"] = os.environ["PYTHONPATH"]
    (folder / "run.py").write_text(RUN)
    (done,) = forked.together(str(folder / "run.py"), [SNIPPETS[page]], folder, [environment])
    assert done.returncode == 0, done.stderr


def test_there_are_snippets_for_all_three_readers():
    shown = "".join(snippet for snippets in SNIPPETS.values() for snippet in snippets)
    assert {"l4f.open_dataset", "datasets.load_dataset", "webdataset.WebDataset"} <= set(
        re.findall(r"l4f\.open_dataset|datasets\.load_dataset|webdataset\.WebDataset", shown)
    )


def test_the_readme_is_two_screens():
    assert len(README.splitlines()) <= 100


def test_every_command_is_listed():
    for command in command_names():
        assert f"`l4f-datagen {command} " in README, command
        assert f"`{command}`" in PAGES["docs/index.md"], command


def parsed(words: list[str]) -> click.Context:
    """The context of the command that ``words`` call; click refuses what it has no option for."""
    command, context = group, click.Context(group, info_name="l4f-datagen")
    while isinstance(command, click.Group):
        name, command, words = command.resolve_command(context, words)
        context = click.Context(command, info_name=name, parent=context)
    return command.make_context(context.info_name, words, parent=context.parent)


MODELS = {
    "generate": (settings.GenerateSettings, settings.EngineSettings),
    "render": (settings.RenderSettings,),
    "import": (settings.ImportSettings,),
    "export": (settings.ExportSettings,),
    "train-generator": (settings.TrainGeneratorSettings,),
    "train-alpha": (settings.TrainAlphaSettings,),
    "train-segmenter": (settings.TrainSegmenterSettings,),
    "train-encoder": (settings.TrainEncoderSettings,),
    "train-layered": (settings.TrainLayeredSettings,),
    "project": (settings.ProjectSettings,),
    "segment": (settings.SegmentSettings,),
    "edit": (settings.EditSettings,),
    "run": (settings.EngineSettings,),
    "analyze layers": (settings.AnalyzeSettings,),
    "analyze backgrounds": (settings.AnalyzeBackgroundsSettings,),
    "analyze directions": (settings.AnalyzeDirectionsSettings,),
    "evaluate masks": (settings.EvaluateMasksSettings,),
    "evaluate alpha": (settings.EvaluateAlphaSettings,),
    "evaluate segmenter": (settings.EvaluateSegmenterSettings,),
    "evaluate frechet": (settings.EvaluateFrechetSettings,),
    "evaluate projection": (settings.EvaluateProjectionSettings,),
}
"""What holds the values of a command's flags; the others have no settings."""


def flags_of(context: click.Context, model: type[settings.StageSettings]) -> dict[str, object]:
    given = {name: value for name, value in context.params.items() if name in model.by_outer_name()}
    return {name: value for name, value in given.items() if value not in (None, ())}


@pytest.mark.parametrize("words", COMMAND_LINES, ids=" ".join)
def test_commands_are_what_they_are_said_to_be(words, tmp_path, monkeypatch):
    if words[1:] == ("--help",):
        return
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rejected.txt").write_text("000000012 0\n")  # which settings read
    context = parsed(list(words[1:]))
    name = context.command_path.removeprefix("l4f-datagen ")
    config = context.params.get("config")
    own = config in resources.embedded("pipelines", ".yaml")  # others are the reader's
    for model in MODELS.get(name, ()):
        model = settings.CodesSettings if context.params.get("codes") and name == "generate" else model
        section = settings.section_of(config, model) if own and model.SECTION else {}
        settings.resolve(model, section, flags_of(context, model))  # which refuses flags that do nothing, too


def test_commands_are_found_and_wrong_ones_refused():
    assert len(COMMAND_LINES) > 50
    with pytest.raises(click.ClickException, match="No such option"):
        parsed(["generate", "--out", "shards", "--no-such-flag"])
    with pytest.raises(UserError, match="psi"):
        settings.validate(
            settings.GenerateSettings,
            flags_of(parsed(["generate", "--out", "x", "--psi", "9"]), settings.GenerateSettings),
        )


@pytest.mark.parametrize("page", PAGES)
def test_extras_that_it_names_are_there(page):
    for names in re.findall(r'pip install "(?:l4f-datagen|\.)\[([\w,]+)\]"', PAGES[page]):
        assert set(names.split(",")) <= set(EXTRAS), names


@pytest.mark.parametrize("page", PAGES)
def test_files_that_it_names_are_there(page):
    ours = r"`((?:l4f_datagen|benchmarks|pipelines|checkpoints|tests|docs|examples)/[\w/.-]*)`"
    for name in re.findall(ours, PAGES[page]):
        if not re.search(r"NAME|NNN", name):
            assert (ROOT / name).exists(), name
    for name in re.findall(r"\]\((?!http)([^)#]+)[^)]*\)", PAGES[page]):
        assert ((ROOT / page).parent / name).exists(), name


LESS = {
    "render": "--n 48 --size 16",
    "train-generator": "--resolution 16 --kimg 1 --channels 8,8,8 --z-dim 8 --batch-size 16 --precision float32",
    "train-alpha": "--iterations 2 --batch-size 4",
    "generate": "--n 16",
    "train-segmenter": "--iterations 2 --batch-size 4 --width 4",
    "evaluate": "--resamples 10",
    "run": "--quick --dry-run",
}
"""What makes a command of the tutorial quick; of flags that are given twice the last counts."""


def tutorial() -> Iterator[list[str]]:
    """Its lines, quickly done. Of two ways to train into a folder the first is looked at and the second done."""
    told = list(lines(PAGES["docs/tutorial.md"]))
    outs = [(words[1], words[words.index("--out") + 1]) for words in told if "--out" in words]
    for words in told:
        if words[0] == "l4f-datagen":
            words = [sys.executable, "-m", "l4f_datagen", *words[1:], *LESS.get(words[1], "").split()]
            if "--out" in words and outs.count(place := (words[3], words[words.index("--out") + 1])) > 1:
                outs.remove(place)
                words.append("--dry-run")
        if words[0] != "pip":
            yield words


@pytest.mark.slow
def test_the_tutorial_leads_from_photographs_to_masks(tmp_path):
    (pipeline,) = blocks(PAGES["docs/tutorial.md"], "yaml")
    (tmp_path / "photos.yaml").write_text(pipeline)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    for words in tutorial():
        if "evaluate" in words:  # of pairs drawn by hand: some of the class's own take their place
            (tmp_path / "test").mkdir()
            (tmp_path / "plain" / "masks").rename(tmp_path / "test" / "mask")
            (tmp_path / "photos").rename(tmp_path / "test" / "image")
        done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{' '.join(words)}\n{done.stderr}"
    assert len(list((tmp_path / "masks").glob("*.cutout.png"))) == 48
