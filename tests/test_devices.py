import errno

import cv2
import numpy as np
import pyarrow as pa
import pytest
import torch

from l4f_datagen import devices
from l4f_datagen.cli import main
from l4f_datagen.devices import TooLittleMemory, explaining_memory, resolve_device, too_little_memory
from l4f_datagen.errors import UserError, WorkError
from l4f_datagen.settings import EngineSettings, GenerateSettings, validate
from l4f_datagen.training.core.process_group import Processes

NONE = ["", " ", "gpu", "meta", "xla", "xpu", "cpu:0", "cpu:3", "cuda:", "cuda:x", "cuda:-1", "cuda:1.5", "cuda:+1",
        "cuda:007", "cuda:0:1", "cuda: 1", "cuda:٣", "cuda,cpu", "CUDA:0", "Cpu", "0", "-1", "mps:1", "None", "\x00",
        "cuda:0x1", "cpu\nrm", "a" * 5000]  # fmt: skip
ABSENT = ["cuda:97", "cuda:256", "cuda:300", "cuda:2147483648", "cuda:999999999999", "cuda:" + "9" * 5000]
"""torch alone takes numbers modulo 256: cuda:256 would be the first GPU."""

COMMANDS = [
    ["generate", "--n", "1", "--out", "@"],
    ["train-generator", "--images", "world:vessels", "--resolution", "16", "--out", "@"],
    ["train-alpha", "--out", "@"],
    ["train-segmenter", "--shards", "@/shards", "--out", "@"],
    ["segment", "@/images", "--segmenter", "@/segmenter", "--out", "@"],
    ["edit", "--direction", "pca:0", "--out", "@"],
    ["analyze", "layers", "--out", "@"],
    ["analyze", "backgrounds", "--out", "@"],
    ["evaluate", "alpha", "--reference", "@/segmenter"],
    ["evaluate", "segmenter", "@/segmenter", "--images", "world:vessels"],
    ["evaluate", "frechet", "world:vessels", "world:vessels", "--features", "@/f"],
]


def one_line(capsys) -> str:
    """What was said, which has to be one short line and no traceback."""
    error = capsys.readouterr().err
    assert error.count("\n") == 1, error
    assert len(error) < 500
    assert "Traceback" not in error
    return error


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: "-".join(words[:2]).replace("---", "-"))
@pytest.mark.parametrize("name", ["", "gpu", "meta", "cuda:x", "CUDA:0", "cpu:3"])
def test_every_command_takes_the_same_names(words, name, capsys, tmp_path):
    assert main([*(word.replace("@", str(tmp_path / "none")) for word in words), "--device", name]) == 2
    assert f"device: got {name!r}; expected auto, cpu, cuda, cuda:N or mps" in one_line(capsys)
    assert not (tmp_path / "none").is_file()


@pytest.mark.parametrize("command", ["generate", "analyze layers", "train-alpha", "train-generator"])
@pytest.mark.parametrize("name", ["mps", "cuda:999999999999"])
def test_every_command_refuses_an_absent_device(command, name, capsys, tmp_path, tiny_checkpoint, monkeypatch):
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    needs = {"train-generator": ["--images", "world:vessels", "--resolution", "16"]}
    needs = needs.get(command, ["--generator", str(tiny_checkpoint)])
    assert main([*command.split(), *needs, "--out", str(tmp_path / "out"), "--device", name]) == 2
    assert f"device: got {name} on a machine with" in one_line(capsys)


@pytest.mark.parametrize("value", ["cuda:x", "meta", "''", "0", "null", "[cpu]", "true", "{a: 1}", "cuda:999999999999"])
def test_devices_of_pipeline_files(value, capsys, tmp_path, tiny_checkpoint):
    (tmp_path / "p.yaml").write_text(f"generate:\n  generator: {tiny_checkpoint}\n  n: 1\n  device: {value}\n")
    assert main(["generate", "--config", str(tmp_path / "p.yaml"), "--out", str(tmp_path / "out")]) == 2
    assert "device: got" in one_line(capsys)


@pytest.mark.parametrize("name", NONE)
def test_what_is_no_device_is_refused(name):
    with pytest.raises(UserError, match="device: got .* auto, cpu, cuda, cuda:N or mps"):
        validate(GenerateSettings, {"device": name})
    with pytest.raises(UserError, match="device: got .* auto, cpu, cuda, cuda:N or mps"):
        resolve_device(name)


@pytest.mark.parametrize(("name", "meant"), [("CUDA:0", "cuda:0"), ("1", "cuda:1"), ("CPU", "cpu")])
def test_what_was_meant_is_told(name, meant):
    with pytest.raises(UserError, match=f"did you mean {meant}"):
        resolve_device(name)


@pytest.mark.parametrize("name", ABSENT)
def test_an_absent_device_is_refused_whatever_its_number(name, monkeypatch):
    for count, found in ((0, "no CUDA device"), (1, "1 CUDA device"), (2, "2 CUDA devices")):
        monkeypatch.setattr("torch.cuda.device_count", lambda count=count: count)
        with pytest.raises(UserError, match=f"{found};.*use --device cpu") as caught:
            resolve_device(name)
        assert len(str(caught.value)) < 300


def test_the_names_of_devices_that_are_there(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: True)
    for name in ("cpu", "cuda", "cuda:0", "cuda:1", "mps", " cuda:1 "):
        assert resolve_device(name) == torch.device(name.strip())
    assert resolve_device("auto") == torch.device("cuda")
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert resolve_device("auto") == torch.device("cpu")


def test_mps_that_is_not_there_is_refused_in_words(monkeypatch):
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    with pytest.raises(UserError, match="mps on a machine with no Apple GPU"):
        resolve_device("mps")


@pytest.mark.parametrize(
    "value",
    ["", ",", "0,,1", "cuda:x", "cuda:", "auto", "cuda", "cuda,cuda", "cpu,0", "cpu,mps", "gpu,gpu", "-1", "0.5", "1e3",
     "cpu:0,cpu:1", [], [0.5], [True], True, [None], [[0]], {"a": 1}, 0.5, "0,CPU", ["cpu"] * 1025, "٣"],
)  # fmt: skip
def test_lists_of_devices_that_are_none(value):
    with pytest.raises(UserError) as caught:
        validate(EngineSettings, {"devices": value})
    assert "\n" not in str(caught.value)
    assert "devices" in str(caught.value)


@pytest.mark.parametrize(
    ("value", "names"),
    [("0,0", ("cuda:0", "cuda:0")), ("0, cuda:1 ", ("cuda:0", "cuda:1")), ("cpu,cpu", ("cpu", "cpu")),
     ([0, 1], ("cuda:0", "cuda:1")), (0, ("cuda:0",)), ("mps", ("mps",)), (["0"], ("cuda:0",))],
)  # fmt: skip
def test_lists_of_devices(value, names):
    assert EngineSettings(devices=value).devices == names


@pytest.mark.parametrize("name", ["cuda:999999999999", "256,512", "mps", "97"])
def test_a_list_of_absent_devices_makes_nothing(name, capsys, tmp_path, tiny_checkpoint):
    words = ["generate", "--generator", str(tiny_checkpoint), "--n", "2", "--out", str(tmp_path / "s")]
    assert main([*words, "--devices", name]) == 2
    assert "on a machine with" in one_line(capsys)
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    ("device", "precision", "words"),
    [("cuda:999999999999", "float32", "on a machine with"), ("meta", "float32", "device: got 'meta'"),
     ("cpu", "fp16", "fp16 on a CPU"), ("mps", "bf16", "bf16 on mps"), ("mps", "fp16", "fp16 on mps")],
)  # fmt: skip
def test_devices_of_a_training(device, precision, words, monkeypatch):
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: True)
    with pytest.raises(UserError, match=words):
        Processes(device=device, precision=precision)


def raised(function) -> BaseException:
    try:
        function()
    except Exception as error:  # whatever a library raises
        return error
    raise AssertionError("there was enough memory")


MEMORY = {
    "python": (lambda: bytearray(1 << 50), ""),
    "numpy": (lambda: np.empty(1 << 50), "8.0 PiB"),
    "torch": (lambda: torch.empty(1 << 58), "1.0 EiB"),
    "opencv": (lambda: cv2.resize(np.zeros((8, 8, 3), np.uint8), (1_000_000, 1_000_000)), "2.7 TiB"),
    "pyarrow": (lambda: pa.allocate_buffer(1 << 50), "1.0 PiB"),
}


@pytest.mark.parametrize("name", MEMORY)
def test_too_little_memory_of_every_library_is_known(name):
    error = raised(MEMORY[name][0])
    assert too_little_memory(error)
    assert devices.asked_for(error) == MEMORY[name][1]


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79 GiB"),
        RuntimeError("MPS backend out of memory (MPS allocated: 17.96 GiB, other allocations: 5.55 MiB)"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("std::bad_alloc"),
        RuntimeError("could not create a memory object"),
        RuntimeError("can't start new thread"),
        RuntimeError("[ONNXRuntimeError] : 6 : Failed to allocate memory for requested buffer of size 12"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        MemoryError(),
    ],
    ids=str,
)
def test_words_for_too_little_memory(error):
    assert too_little_memory(error)
    with (
        pytest.raises(TooLittleMemory, match=r"not enough memory on cuda:1 .*batches of 4: use a smaller --batch-size"),
        explaining_memory("cuda:1", 4),
    ):
        raise error


@pytest.mark.parametrize(
    "error",
    [RuntimeError("shapes do not fit"), OSError(errno.ENOSPC, "No space left on device"), KeyError("memory"),
     UserError("x", got="out of memory", expected="", remedy=""), WorkError("out of memory"), KeyboardInterrupt()],
    ids=repr,
)  # fmt: skip
def test_other_errors_are_let_through(error):
    assert not too_little_memory(error)
    with pytest.raises(type(error)) as caught, explaining_memory("cpu", 4):
        raise error
    assert caught.value is error


def test_how_much_was_asked_for_is_told():
    with pytest.raises(TooLittleMemory, match=r"\(2\.0 GiB at once"), explaining_memory("cuda", 4):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
