"""Stand-ins of the libraries that the numbers of trainings go to: they remember what they are called with."""

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace

import pytest


class Calls(list):
    """Takes any call of any attribute, and remembers it."""

    def __getattr__(self, name):
        def call(*words, **options):
            self.append((name, words, options))
            return SimpleNamespace(experiment_id="7", info=SimpleNamespace(run_id="r1"))

        return call

    def of(self, name: str) -> list:
        return [(words, options) for called, words, options in self if called == name]


def stand_in_for_wandb(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Weights & Biases, by itself: without variables of the environment that change what it does."""
    calls = Calls()
    run = SimpleNamespace(log=calls.log, finish=calls.finish, define_metric=calls.define_metric)
    failure = type("Error", (Exception,), {})
    _library(
        monkeypatch,
        wandb={"Error": failure, "Settings": dict, "init": lambda **o: calls.append(("init", (), o)) or run},
    )
    for name in ("WANDB_MODE", "WANDB_PROJECT", "WANDB_RUN_GROUP"):
        monkeypatch.delenv(name, raising=False)
    return calls


def stand_in_for_mlflow(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """MLflow, in the same way."""
    calls, failure = Calls(), type("MlflowException", (Exception,), {})
    _library(
        monkeypatch, mlflow={}, mlflow__exceptions={"MlflowException": failure},
        mlflow__tracking={"MlflowClient": lambda tracking_uri: calls.append(("client", (tracking_uri,), {})) or calls},
        mlflow__entities={"Metric": lambda *values: values, "Param": lambda *values: values},
    )  # fmt: skip
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)
    return calls


def _library(monkeypatch: pytest.MonkeyPatch, **modules) -> None:
    for name, values in modules.items():
        name = name.replace("__", ".")
        module = ModuleType(name)
        vars(module).update({"__spec__": ModuleSpec(name, None), **values})  # accelerate looks for it
        monkeypatch.setitem(sys.modules, name, module)
