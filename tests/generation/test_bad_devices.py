"""What a GPU does to a run: too small, absent, too old, failing in its midst. Stand-ins take the place of a GPU."""

from dataclasses import replace

import pytest
import torch

from l4f_datagen.cli import main
from l4f_datagen.devices import TooLittleMemory, device_failed, too_little_memory
from l4f_datagen.errors import WorkError
from l4f_datagen.generation import stream as streaming
from l4f_datagen.generation.models import load_models

LAUNCH = "CUDA error: unspecified launch failure\nCUDA kernel errors might be asynchronously reported\n"
FAILURES = [LAUNCH, "CUDA error: an illegal memory access was encountered", "CUDA driver error: unknown error",
            "cuDNN error: CUDNN_STATUS_EXECUTION_FAILED", "CUDA error: CUBLAS_STATUS_EXECUTION_FAILED"]  # fmt: skip


@pytest.mark.parametrize("words", FAILURES)
def test_a_driver_that_fails_in_mid_run_leaves_finished_shards(words, tiny_settings, tmp_path, monkeypatch, capsys):
    run, calls = streaming.run_networks, []

    def failing(settings, models, shard, *rest):
        calls.append(shard)
        if shard == 2:
            raise RuntimeError(words)
        return run(settings, models, shard, *rest)

    monkeypatch.setattr(streaming, "run_networks", failing)
    command = ["generate", "--generator", tiny_settings.generator, "--n", "23", "--batch-size", "4", "--threshold",
               "0.5", "--samples-per-shard", "10", "--device", "cpu", "--out", str(tmp_path / "shards")]  # fmt: skip
    assert main(command) == 1
    said = capsys.readouterr().err
    assert "cpu failed (" in said and "what is finished stays" in said and "Traceback" not in said
    assert words.split("\n")[0] in said and "asynchronously" not in said
    assert {path.name for path in (tmp_path / "shards").glob("*.tar")} == {"00000.tar", "00001.tar"}
    monkeypatch.undo()
    calls.clear()
    assert main(command) == 0
    assert len(list((tmp_path / "shards").glob("*.tar"))) == 3


@pytest.mark.parametrize("precision,words", [
    ("float32", "batches of 4: use a smaller --batch-size, or --precision half"),
    ("auto", "batches of 4: use a smaller --batch-size; half precision, .* is used already"),
])  # fmt: skip
@pytest.mark.parametrize("filters", [{}, {"min_area": 0.01}], ids=str)
def test_a_gpu_too_small_names_batch_and_precision(precision, words, filters, tiny_settings, tmp_path, monkeypatch):
    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has 4 GiB")

    monkeypatch.setattr(streaming, "run_networks", full)
    models = replace(load_models(tiny_settings), device=torch.device("cuda"))
    settings = tiny_settings.model_copy(update={"precision": precision, **filters})
    with pytest.raises(TooLittleMemory, match=words):
        list(streaming.stream(settings, models=models))


def test_cuda_that_is_asked_for_and_absent_is_said_before_anything_is_written(tiny_settings, tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    out = tmp_path / "shards"
    assert main(["generate", "--generator", tiny_settings.generator, "--device", "cuda", "--out", str(out)]) == 2
    assert not out.exists()


def test_an_old_gpu_is_refused_before_anything_is_written(tiny_settings, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    monkeypatch.setattr("torch.cuda.get_device_capability", lambda device: (3, 5))
    monkeypatch.setattr("torch.cuda.get_device_name", lambda device: "Old")
    out = tmp_path / "shards"
    assert main(["generate", "--generator", tiny_settings.generator, "--device", "cuda", "--out", str(out)]) == 2
    assert "half on Old (compute capability 3.5)" in capsys.readouterr().err
    assert not out.exists()


OTHERS = [RuntimeError("shapes do not fit"), WorkError("CUDA error"), KeyError("cuda error"),
          torch.OutOfMemoryError("CUDA error: out of memory")]  # fmt: skip


@pytest.mark.parametrize("error", OTHERS, ids=repr)
def test_what_is_no_failure_of_a_gpu(error):
    assert not device_failed(error)
    assert too_little_memory(error) == isinstance(error, torch.OutOfMemoryError)
