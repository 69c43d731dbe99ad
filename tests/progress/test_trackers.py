"""Where a training's numbers go: TensorBoard, Weights & Biases, MLflow."""

import json
import sys
import time
from pathlib import Path

import pytest

from l4f_datagen.cli import main
from l4f_datagen.cli.commands import command_names
from l4f_datagen.errors import UserError
from l4f_datagen.progress.state import TrainingProgress
from l4f_datagen.progress.tracker import TRACKERS, Tracking
from l4f_datagen.progress.training import TrainingReporter

from .. import forked
from ..trackers import stand_in_for_mlflow, stand_in_for_wandb

LIBRARIES = {
    "tensorboard": ["torch.utils.tensorboard"], "wandb": ["wandb"],
    "mlflow": ["mlflow", "mlflow.tracking", "mlflow.entities", "mlflow.exceptions"],
}  # fmt: skip
"""What each of them imports."""
SETTINGS = {"stage": "train-segmenter", "settings": {"width": 4, "shards": ["world:vessels"]}}


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "settings.json").write_text(json.dumps(SETTINGS))
    return folder


def train(
    run: Path, name: str, iterations: range, error: BaseException | None = None, experiment: Path | None = None
) -> None:
    """What a training tells its reporter."""
    with TrainingReporter(lambda terms: [], str(run), Tracking((name,), experiment)) as reporter:
        for iteration in iterations:
            reporter(TrainingProgress(iteration, 9, {"loss": 1 / iteration, "mIoU": 0.5}, 2.0))
        if error is not None:
            raise error


@pytest.fixture
def wandb(monkeypatch):
    return stand_in_for_wandb(monkeypatch)


@pytest.fixture
def mlflow(monkeypatch):
    return stand_in_for_mlflow(monkeypatch)


def test_wandb_gets_settings_and_terms_and_stays_off_the_network(run, wandb):
    train(run, "wandb", range(1, 3))
    with pytest.raises(KeyboardInterrupt):
        train(run, "wandb", range(2, 4), KeyboardInterrupt())
    first, again = (options for _, options in wandb.of("init"))
    assert first["id"] == again["id"] and first["resume"] == "allow", "a run that is continued is the same one"
    assert first["mode"] == "offline" and first["dir"] == str(run) and first["project"] == "l4f-datagen"
    assert first["config"] == {"stage": "train-segmenter", **SETTINGS["settings"]} and first["name"] == "run"
    logged = [words[0] for words, _ in wandb.of("log")]
    assert [line["iteration"] for line in logged] == [1, 2, 2, 3]
    assert logged[0] == {"iteration": 1, "loss": 1.0, "mIoU": 0.5, "steps per second": 2.0}
    assert [options for _, options in wandb.of("finish")] == [{"exit_code": 0}, {"exit_code": 1}]


def test_mlflow_gets_settings_and_terms_in_a_folder_of_the_run(run, mlflow):
    train(run, "mlflow", range(1, 3))
    with pytest.raises(ValueError):
        train(run, "mlflow", range(3, 4), ValueError())
    assert mlflow.of("client")[0][0][0] == (run / "mlflow" / "runs").as_uri()
    assert len(mlflow.of("create_run")) == 1 and mlflow.of("update_run") == [(("r1", "RUNNING"), {})]
    params = [options["params"] for _, options in mlflow.of("log_batch") if "params" in options]
    assert params == [[("stage", "train-segmenter"), ("width", "4"), ("shards", "['world:vessels']")]]
    metrics = [metric for _, o in mlflow.of("log_batch") for metric in o.get("metrics", [])]
    assert [(name, value, step) for name, value, _, step in metrics if name == "loss"] == [
        ("loss", 1.0, 1), ("loss", 0.5, 2), ("loss", 1 / 3, 3),
    ]  # fmt: skip
    assert [words for words, _ in mlflow.of("set_terminated")] == [("r1", "FINISHED"), ("r1", "FAILED")]


def test_runs_of_an_experiment_belong_together(run, wandb, mlflow):
    for name in ("wandb", "mlflow"):
        train(run, name, range(1, 2), experiment=run.parent)
    of, title = run.parent.name, f"{run.parent.name}/run"
    ((_, begun),) = wandb.of("init")
    assert (begun["name"], begun["group"], begun["dir"]) == (title, of, str(run))
    ((_, created),) = mlflow.of("create_run")
    assert created == {"run_name": title, "tags": {"group": of}}
    assert mlflow.of("client")[0][0][0] == (run.parent / "mlflow" / "runs").as_uri(), "all of them in one store"
    assert {(run / name / "run-id").is_file() for name in ("wandb", "mlflow")} == {True}


@pytest.mark.parametrize("within", [False, True])
def test_runs_within_a_run_are_runs_of_their_own(within, run, wandb, mlflow):
    parts = ["rounds/0/student-0", "rounds/0/student-1", "rounds/1/student-0"]
    tracking = Tracking(("wandb", "mlflow"), run.parent if within else None)
    for done in (parts[:2], parts[1:]):  # interrupted in the second one, and continued
        with pytest.raises(KeyboardInterrupt), TrainingReporter(lambda terms: [], str(run), tracking) as reporter:
            for part in done:
                for iteration in (1, 2):
                    reporter(TrainingProgress(iteration, 2, {"loss": 1.0}, 2.0, part=part))
            raise KeyboardInterrupt
    begun = [(options["name"], options["dir"], options["group"], options["id"]) for _, options in wandb.of("init")]
    group = run.parent if within else run
    names = [(run / part).relative_to(group.parent).as_posix() for part in (*parts[:2], *parts[1:])]
    assert [(name, folder, of) for name, folder, of, _ in begun] == [
        (name, str(group.parent / name), group.name) for name in names
    ]
    assert [number for *_, number in begun].count(begun[1][3]) == 2 and len({number for *_, number in begun}) == 3
    assert [options["exit_code"] for _, options in wandb.of("finish")] == [0, 1, 0, 1]
    assert [options["run_name"] for _, options in mlflow.of("create_run")] == names[:2] + names[3:]
    assert {words[0] for words, _ in mlflow.of("client")} == {(group / "mlflow" / "runs").as_uri()}
    assert not (run / "wandb").exists(), "the run itself trains nothing"


@pytest.mark.parametrize("name", ["wandb", "mlflow"])
def test_one_that_cannot_be_reached_is_told_and_the_training_goes_on(name, run, request, capsys):
    calls = request.getfixturevalue(name)
    failure = sys.modules["wandb"].Error if name == "wandb" else sys.modules["mlflow.exceptions"].MlflowException

    def failing(*words, **options):
        calls.append(("tried", (), {}))
        raise failure("no route to host")

    if name == "wandb":
        sys.modules["wandb"].init = failing
    else:
        calls.get_experiment_by_name = failing
    train(run, name, range(1, 4))
    assert capsys.readouterr().err.count(f"{name}: no route to host; the training goes on without it") == 1
    assert len(calls.of("tried")) == 1


@pytest.mark.parametrize("name", TRACKERS.names)
def test_a_missing_library_names_its_extra(name, run, monkeypatch):
    for module in LIBRARIES[name]:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UserError, match=rf"got no package {name}; expected the extra `{name}`.*l4f-datagen\[{name}\]"):
        Tracking((name,)).open(run)
    assert sorted(p.name for p in run.iterdir()) == ["settings.json"]


def test_nothing_is_imported_that_is_not_asked_for(tmp_path):
    (tmp_path / "program.py").write_text(
        "import sys, l4f_datagen.progress.training, l4f_datagen.experiment.stages.train_segmenter; "
        f"assert not {set(LIBRARIES)} & set(sys.modules), sys.modules.keys()"
    )
    (ended,) = forked.together(str(tmp_path / "program.py"), [[]])
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("command", ["run vessels64", *(n for n in command_names() if n.startswith("train-"))])
def test_whatever_trains_can_be_asked(command, capsys):
    words = command.split()
    assert main([words[0], "--help"]) == 0
    shown = capsys.readouterr().out
    assert "--report [mlflow|tensorboard|wandb]" in shown and "--tensorboard" in shown
    assert main([*words, "--report", "comet", "--out", "x"]) == 2
    assert main([*words, "--wandb", "--out", "x"]) == 2
    assert "here it is --report" in capsys.readouterr().err


@pytest.mark.slow
def test_wandb_for_real(run, monkeypatch):
    monkeypatch.delenv("WANDB_MODE", raising=False)
    train(run, "wandb", range(1, 3))
    train(run, "wandb", range(3, 5))
    identifier = (run / "wandb" / "run-id").read_text().strip()
    wanted = [b"world:vessels", b"loss", b"steps per second"]
    deadline = time.monotonic() + 20
    found: list[bool] = []
    while not (len(found) == 2 and all(found)) and time.monotonic() < deadline:  # its own process writes them
        time.sleep(0.05)
        files = (run / "wandb").glob(f"offline-run-*-{identifier}/*.wandb")
        found = [all(word in path.read_bytes() for word in wanted) for path in files]
    assert found == [True, True]


@pytest.mark.slow
def test_mlflow_for_real(run, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    train(run, "mlflow", range(1, 3))
    train(run, "mlflow", range(3, 5))
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=(run / "mlflow" / "runs").as_uri())
    (found,) = client.search_runs([client.get_experiment_by_name("l4f-datagen").experiment_id])
    assert found.info.run_id == (run / "mlflow" / "run-id").read_text().strip() and found.info.status == "FINISHED"
    assert found.data.params["width"] == "4" and found.info.run_name == "run"
    steps = [metric.step for metric in client.get_metric_history(found.info.run_id, "loss")]
    assert steps == [1, 2, 3, 4]
