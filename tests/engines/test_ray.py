"""On a real cluster of two nodes of this machine."""

import contextlib
import json
import logging
import signal
import time
from types import SimpleNamespace

import pytest

from l4f_datagen.cli import main
from l4f_datagen.engines import crew as crews
from l4f_datagen.engines import local
from l4f_datagen.engines import ray as ray_engine
from l4f_datagen.errors import UserError
from l4f_datagen.settings import EngineSettings
from l4f_datagen.shards.format import layout
from tests import forked
from tests.processes import PATIENCE, free_port, until
from tests.torture import command, fingerprints

NODE = {"num_cpus": 1, "object_store_memory": 80 << 20, "include_dashboard": False}
PORTS = ("metrics_agent_port", "metrics_export_port", "dashboard_agent_listen_port", "runtime_env_agent_port")
"""What a node's helpers listen at. Where they choose for themselves the node waits 15 s for them, and ends."""


def not_dark(image, alpha, mask):
    """A reference that the workers import."""
    return bool(image.mean() > 105)


@pytest.fixture(scope="module")
def cluster():
    pytest.importorskip("ray")
    import ray._private.node
    from ray import cluster_utils

    # It gives each node 30 s of these clocks, which are too few on a machine that does much else.
    slow = {
        ray._private.node: {"monotonic": lambda: time.monotonic() / 10},
        cluster_utils: {"time": lambda: time.time() / 10},
    }
    # A dead node is to be noticed in a second.
    checks = {"health_check_period_ms": 300, "health_check_failure_threshold": 3, "health_check_initial_delay_ms": 0}
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as held:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_raylet_start_wait_time_s", str(PATIENCE))
        patch.setenv("RAY_agent_register_timeout_ms", str(1000 * PATIENCE))
        for module, clock in slow.items():
            patch.setattr(module, "time", SimpleNamespace(**vars(time) | clock))
        first, second = ({**NODE, **{name: held.enter_context(free_port()) for name in PORTS}} for _ in range(2))
        cluster = cluster_utils.Cluster(initialize_head=True, head_node_args={**first, "_system_config": checks})
        cluster.second = cluster.add_node(**second)
        cluster.wait_for_nodes(timeout=PATIENCE)
        yield cluster
        cluster.shutdown()


@pytest.fixture
def engine(cluster):
    return EngineSettings(engine="ray", ray_address=cluster.address)


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGKILL, marks=pytest.mark.slow)])
def test_a_driver_that_ends_is_continued_by_another(tmp_path, tiny_settings, cluster, number):
    settings = tiny_settings.model_copy(update={"n": 2000, "samples_per_shard": 100})
    out = tmp_path / "set"
    flags = ("--engine", "ray", "--ray-address", cluster.address, "--workers", "1")
    told = tmp_path / "told"
    told.touch()
    with forked.Process("l4f_datagen", command(settings, out, *flags)[3:], errors=str(told)) as process:
        until(lambda: list(out.glob("*_stats.json")), process, told.read_text)
        process.send_signal(number)
        process.wait()
    assert not (out / layout.METADATA).exists()
    if number == signal.SIGINT:
        errors = told.read_text()
        assert process.returncode == 130
        *progress, last = errors.splitlines()
        assert "interrupted" in last and all(" samples " in line for line in progress), errors
        assert not list(out.glob(".*"))
    done = {path: path.stat().st_mtime_ns for path in out.glob("*_stats.json")}  # whichever the workers ended first
    local.generate(settings, out)
    assert done and {path: path.stat().st_mtime_ns for path in done} == done
    local.generate(settings, tmp_path / "whole" / "set")
    assert fingerprints(out) == fingerprints(tmp_path / "whole" / "set")


def test_a_mistake_that_only_a_worker_sees_arrives_as_one(tmp_path, monkeypatch, tiny_settings, engine):
    other = tiny_settings.model_copy(update={"generator": "vessels"})
    monkeypatch.setattr(ray_engine, "_anywhere", lambda settings, device: other)
    with pytest.raises(UserError, match="generator on .*: got [0-9a-f]{64}; expected [0-9a-f]{64}, as for the driver"):
        ray_engine.generate(tiny_settings, tmp_path / "set", engine)
    assert sorted(p.name for p in (tmp_path / "set").iterdir()) == [layout.CARD, layout.DATASET]


def test_a_lost_node_does_not_show_in_the_bytes(tmp_path, monkeypatch, caplog, tiny_settings, cluster, engine):
    settings = tiny_settings.model_copy(update={"n": 3000, "samples_per_shard": 300})

    class Patient:
        """The crew, which begins when both workers are ready: however slow one of them is to load."""

        def __init__(self, crew):
            self._crew, self._waiting, self.size, self.given = crew, {}, crew.size, set()

        def news(self):
            for worker, news in list(self._crew.news()):
                if self._waiting is not None:
                    if news.ready:
                        self._waiting[worker] = news
                    if len(self._waiting) < 2:
                        continue
                    yield from self._waiting.items()
                    self._waiting = None
                else:
                    yield worker, news

        def give(self, worker, shard):
            self.given.add(worker)
            self._crew.give(worker, shard)

    def drive(crew, plan, report):
        patient = Patient(crew)

        def kill(progress):
            if patient.given == {0, 1} and cluster.second:
                cluster.remove_node(cluster.second, allow_graceful=False)
                cluster.second = None
            report(progress)

        return crews.drive(patient, plan, kill)

    monkeypatch.setattr(ray_engine, "drive", drive)
    reports = []
    with caplog.at_level(logging.WARNING, crews.logger.name):
        progress = ray_engine.generate(
            settings, tmp_path / "ray" / "set", engine, report=reports.append, reference=not_dark
        )
    assert cluster.second is None and "a worker was lost" in caplog.text
    assert progress.made == reports[-1].made == 3000 and {r.to_make for r in reports} == {3000}
    local.generate(settings, tmp_path / "local" / "set", reference=not_dark)
    assert fingerprints(tmp_path / "ray" / "set") == fingerprints(tmp_path / "local" / "set")
    assert json.loads((tmp_path / "ray" / "set" / layout.stats(0)).read_text())["rejected"]["reference"] > 0


def test_without_the_extra_it_is_named(tmp_path, tiny_checkpoint):
    program = (
        "import sys; sys.modules['ray'] = None; from l4f_datagen.cli import main; sys.exit(main(sys.argv[1:]))"
    )  # fmt: skip
    words = ["generate", "--engine", "ray", "--generator", str(tiny_checkpoint), "--out", str(tmp_path / "set")]
    (tmp_path / "program.py").write_text(program)
    (done,) = forked.together(str(tmp_path / "program.py"), [words])
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert 'pip install "l4f-datagen[ray]"' in done.stderr and not (tmp_path / "set").exists()


def test_no_cluster_at_the_address(capsys, tmp_path, tiny_checkpoint):
    pytest.importorskip("ray")
    words = ["generate", "--generator", str(tiny_checkpoint), "--out", str(tmp_path / "set"), "--engine", "ray"]
    assert main([*words, "--ray-address", "127.0.0.1:1"]) == 2
    error = capsys.readouterr().err
    assert "ray_address: got 127.0.0.1:1" in error and error.count("\n") == 1
    assert not (tmp_path / "set").exists()
