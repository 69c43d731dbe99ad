"""One data set, one arithmetic: what other versions or another kind of processor would make otherwise is refused."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import cv2
import pytest
import torch

import l4f_datagen as l4f
from l4f_datagen.cli import main
from l4f_datagen.engines import local
from l4f_datagen.engines.description import arithmetic
from l4f_datagen.engines.remaking import remake
from l4f_datagen.generation.models import load_models
from l4f_datagen.making import importing, render
from l4f_datagen.settings import ImportSettings, RenderSettings
from l4f_datagen.shards.format import encoding, layout, sealed
from l4f_datagen.shards.verify.verification import verify
from tests import forked
from tests.torture import command, fingerprints

TORCH_THERE = {"torch": "2.8.0"}


PROBE = """
import sys, json, l4f_datagen as l4f
from l4f_datagen.engines.description import arithmetic
from l4f_datagen.generation.models import load_models
settings = l4f.GenerateSettings(**json.loads(sys.argv[1]))
print(arithmetic(settings, load_models(settings)).probe)
"""


def change(path: Path, **values: object) -> None:
    """Replace keys of a sealed file; None removes one."""
    content = json.loads(path.read_text()) | values
    path.write_bytes(sealed.seal({key: value for key, value in content.items() if value is not None}))


def made_elsewhere(folder: Path, *, probe: str | None = "0" * 64, versions=None, shards=None) -> None:
    """Let a data set, or some of its shards, tell of another arithmetic; ``probe`` None: the one of this machine."""
    for path in (
        sorted(folder.glob("*_stats.json")) if shards is None else map(folder.joinpath, map(layout.stats, shards))
    ):
        told = json.loads(path.read_text())["arithmetic"]
        told |= {"versions": told["versions"] | (versions or {}), "probe": probe or told["probe"]}
        change(path, arithmetic=told)
    if shards is None:
        description = json.loads((folder / layout.DATASET).read_text())
        told = description["arithmetic"]
        change(
            folder / layout.DATASET,
            arithmetic=told | {"probe": probe or told["probe"]},
            versions=description["versions"] | (versions or {}),
        )
    for name in layout.FINAL:
        (folder / name).unlink(missing_ok=True)


def forget(folder: Path) -> None:
    """Let a data set be one from before there were probes."""
    for path in folder.glob("*_stats.json"):
        change(path, arithmetic=None)
    change(folder / layout.DATASET, arithmetic=None)
    for name in layout.FINAL:
        (folder / name).unlink(missing_ok=True)


def test_the_probe_is_the_same_however_it_is_made(tiny_settings, tmp_path, monkeypatch):
    forked.workers(monkeypatch)
    models, threads = load_models(tiny_settings), torch.get_num_threads()
    first = arithmetic(tiny_settings, models)
    try:
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            for changes in ({}, {"batch_size": 1}, {"batch_size": 7}, {"n": 1}, {"samples_per_shard": 2}):
                again = arithmetic(tiny_settings.model_copy(update=changes), load_models(tiny_settings))
                assert again == first and torch.get_num_threads() == count
    finally:
        torch.set_num_threads(threads)
    settings = tiny_settings.model_copy(update={"n": 40, "samples_per_shard": 10})
    local.generate(settings, tmp_path / "s", devices=("cpu", "cpu"))
    told = {json.loads((tmp_path / "s" / layout.stats(shard)).read_text())["arithmetic"]["probe"] for shard in range(4)}
    assert told == {first.probe}
    assert json.loads((tmp_path / "s" / layout.DATASET).read_text())["arithmetic"]["probe"] == first.probe


@pytest.mark.parametrize(
    "changes",
    [{"blend": "mask"}, {"image_format": "webp"}, {"quality": 80}, {"noise": "random"}, {"refine": 2}, {"psi": 0.5}],
    ids=str,
)  # fmt: skip
def test_the_probe_goes_through_the_code_that_makes_the_samples(tiny_settings, changes):
    models = load_models(tiny_settings)
    assert arithmetic(tiny_settings.model_copy(update=changes), models) != arithmetic(tiny_settings, models)


@pytest.mark.parametrize("broken", ["networks", "encoders", "resizing"])
def test_the_probe_tells_a_last_bit(tiny_settings, tmp_path, monkeypatch, broken):
    cv2.imwrite(str(tmp_path / "a.png"), cv2.resize(torch.rand(9, 9, 3).numpy() * 255, (40, 40)))
    settings = tiny_settings.model_copy(update={"backgrounds": f"folder:{tmp_path}", "image_format": "png"})
    models = load_models(settings)
    before = arithmetic(settings, models)
    if broken == "networks":
        weights, _ = models.generator.mapping
        weights[0].view(-1)[0].mul_(1 + 2e-7)
    elif broken == "encoders":
        encode = encoding.encode_grey
        monkeypatch.setattr(encoding, "encode_grey", lambda pixels: encode(pixels) + b" ")
    else:
        resize = cv2.resize
        monkeypatch.setattr(cv2, "resize", lambda *a, **k: resize(*a, **k) ^ 1)
    assert arithmetic(settings, models) != before


def photos(folder: Path) -> Path:
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    for number in range(5):
        pixels = torch.randint(0, 255, (20, 20, 3), dtype=torch.uint8).numpy()
        cv2.imwrite(str(folder / "images" / f"{number}.png"), pixels)
        cv2.imwrite(str(folder / "masks" / f"{number}.png"), 255 * (pixels[..., 0] > 99).astype("uint8"))
    return folder


@pytest.fixture
def ways(tiny_settings, tmp_path, monkeypatch):
    """How a data set is begun, and the words of the command line that would continue it, by name."""
    forked.workers(monkeypatch)
    rendering = RenderSettings(n=23, size=16, samples_per_shard=10)
    words = command(tiny_settings, "{out}")[3:]
    rendered = ["render", "vessels", "--n", "23", "--size", "16", "--samples-per-shard", "10", "--out", "{out}"]
    source = photos(tmp_path / "photos")
    bringing = ImportSettings(source=str(source), samples_per_shard=2, size=16)
    imported = ["import", str(source), "--samples-per-shard", "2", "--size", "16", "--out", "{out}"]

    def generate(out):
        local.generate(tiny_settings, out)

    return {
        "generate": (generate, words),
        "a range of shards": (generate, [*words, "--shard-range", "1:2"]),
        "two processes": (generate, [*words, "--devices", "cpu,cpu"]),
        "render": (lambda out: render.render(rendering, out), rendered),
        "import": (lambda out: importing.import_dataset(bringing, out), imported),
        "repair": (generate, ["verify", "{out}", "--repair"]),
    }


@pytest.mark.parametrize("way", ["generate", "a range of shards", "two processes", "render", "import", "repair"])
def test_another_arithmetic_is_refused_unless_it_is_insisted_on(tmp_path, ways, capsys, way):
    begin, words = ways[way]
    out = tmp_path / "s"
    begin(out)
    made_elsewhere(out, versions=TORCH_THERE)
    for name in layout.of_shard(1):
        (out / name).unlink()
    before = fingerprints(out)
    words = [word.format(out=out) for word in words]
    capsys.readouterr()
    assert main(words) == 2
    error = capsys.readouterr().err
    assert "another arithmetic: " in error and "torch 2.8.0 there, " in error and "--allow-mixed" in error
    assert sum("another arithmetic" in line for line in error.splitlines()) == 1 and "Traceback" not in error
    assert fingerprints(out) == before, "nothing was changed"
    assert main([*words, "--allow-mixed"]) == 0
    stats = json.loads((out / layout.stats(1)).read_text())
    assert stats["allow_mixed"] is True and stats["arithmetic"]["probe"] != "0" * 64
    if way == "a range of shards":
        assert main(["finalize", str(out)]) == 0
    found = verify(out)
    assert found.findings == []
    assert any("shards 1:2 were made by another arithmetic, as --allow-mixed asked" in note for note in found.notes)


@pytest.mark.parametrize("way", ["generate", "render", "import", "two processes"])
def test_a_whole_data_set_from_elsewhere_is_left_alone(tmp_path, ways, way):
    """Nothing is to be made, so nothing is mixed."""
    begin, words = ways[way]
    begin(tmp_path / "s")
    made_elsewhere(tmp_path / "s", versions=TORCH_THERE)
    assert main([word.format(out=tmp_path / "s") for word in words]) == 0
    assert verify(tmp_path / "s").findings == [] and verify(tmp_path / "s").notes == []


@pytest.mark.parametrize("way", ["generate", "render", "repair"])
def test_other_versions_of_the_same_arithmetic_go_on_and_say_so(tmp_path, ways, caplog, way):
    begin, words = ways[way]
    out = tmp_path / "s"
    begin(out)
    tar = (out / layout.tar(1)).read_bytes()
    made_elsewhere(out, probe=None, versions={"pillow": "9.0", "python": "3.11.0"})
    for name in layout.of_shard(1):
        (out / name).unlink()
    assert main([word.format(out=out) for word in words]) == 0
    assert "pillow 9.0 there, " in caplog.text and "a probe gives the same bytes" in caplog.text
    found = verify(out)
    assert found.findings == [] and (out / layout.tar(1)).read_bytes() == tar
    assert len(found.notes) == 1 and found.notes[0].startswith("shards 1:2 were made with other versions: pillow 9.0")


@pytest.mark.parametrize("way", ["generate", "render", "import", "repair"])
def test_shards_from_before_there_were_probes_are_continued_and_told(tmp_path, ways, caplog, way):
    begin, words = ways[way]
    out = tmp_path / "s"
    begin(out)
    forget(out)
    for name in layout.of_shard(1):
        (out / name).unlink()
    assert main([word.format(out=out) for word in words]) == 0
    assert "shards 0:1, 2:3 do not tell what arithmetic made them" in caplog.text
    found = verify(out)
    assert found.findings == [] and found.notes == [
        "shards 0:1, 2:3 do not tell what arithmetic made them, versions and kind of processor"
    ]
    assert "arithmetic" not in json.loads((out / layout.DATASET).read_text())
    # What was added is known, and a third machine has to be like it.
    made_elsewhere(out, shards=[1], versions=TORCH_THERE)
    for name in layout.of_shard(0):
        (out / name).unlink()
    assert main([word.format(out=out) for word in words]) == 2


def test_an_old_data_set_is_extended(tmp_path, tiny_settings):
    local.generate(tiny_settings.model_copy(update={"n": 13}), tmp_path / "s")
    forget(tmp_path / "s")
    local.generate(tiny_settings, tmp_path / "s")
    assert verify(tmp_path / "s").findings == []
    local.generate(tiny_settings, tmp_path / "t")
    assert all(
        (tmp_path / "s" / layout.tar(i)).read_bytes() == (tmp_path / "t" / layout.tar(i)).read_bytes() for i in range(3)
    )


def test_a_mixture_that_nobody_asked_for_is_found(tmp_path, tiny_settings, capsys):
    """Shards copied from another machine's folder, or by jobs that began at the same moment."""
    out = tmp_path / "s"
    local.generate(tiny_settings, out)
    whole = fingerprints(out)
    made_elsewhere(out, shards=[1], versions=TORCH_THERE)
    assert main(["finalize", str(out)]) == 2
    error = capsys.readouterr().err
    assert "torch " in error and "2.8.0 here for shard 1" in error and error.count("\n") == 1
    findings = [finding for finding in verify(out).findings if finding.shard == 1]
    assert len(findings) == 1 and "made by another arithmetic than the rest: torch" in findings[0].problem
    kept = tmp_path / "kept"
    shutil.copytree(out, kept)
    assert remake(out).left == [] and fingerprints(out) == whole
    assert main(["finalize", str(kept), "--allow-mixed"]) == 0
    found = verify(kept)
    assert found.findings == [] and "as --allow-mixed asked" in found.notes[0]
    assert main(["finalize", str(kept)]) == 0


@pytest.mark.parametrize("variable", ["ATEN_CPU_CAPABILITY=default", "ONEDNN_MAX_CPU_ISA=SSE41"])
def test_another_kind_of_processor(tmp_path, tiny_settings, variable):
    """The real thing: libraries that are told to compute as on an older one."""
    out, first = tmp_path / "s", tiny_settings.model_copy(update={"n": 10})
    local.generate(first, out)
    before = fingerprints(out)
    environment = os.environ | dict([variable.split("=")])
    words = [*command(tiny_settings, out)[:1], "-c", PROBE, tiny_settings.model_dump_json()]
    told = subprocess.run(words, env=environment, capture_output=True, text=True, check=True).stdout.strip()
    if told == json.loads((out / layout.stats(0)).read_text())["arithmetic"]["probe"]:
        pytest.skip("this machine computes that way anyway")
    done = subprocess.run(command(tiny_settings, out), env=environment, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
    assert "another arithmetic: another kind of processor" in done.stderr and fingerprints(out) == before


def test_flags_that_need_another(tmp_path, capsys):
    assert main(["verify", str(tmp_path), "--allow-mixed"]) == 2
    assert "--allow-mixed: got it, which has no effect here; expected --repair" in capsys.readouterr().err


def test_the_card_says_what_it_takes_to_make_the_same_files(tmp_path, tiny_settings):
    l4f.generate(tiny_settings, tmp_path / "s")
    assert "with the same versions, on the same kind of processor" in (tmp_path / "s" / layout.CARD).read_text()
