"""What verify finds: any flipped byte, and files that agree with their checksums but not with each other."""

import json
import random
import re
import shutil
import subprocess
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import pyarrow.parquet as pq
import pytest

import l4f_datagen as l4f
from l4f_datagen.making.render import render, stream
from l4f_datagen.settings import RenderSettings
from l4f_datagen.shards import folder as folders
from l4f_datagen.shards import writer as writers
from l4f_datagen.shards.damage import Damaged
from l4f_datagen.shards.format import encoding, layout, sealed
from l4f_datagen.shards.verify.verification import verify
from l4f_datagen.storage.opening import open_store

SETTINGS = RenderSettings(n=23, size=24, samples_per_shard=10)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "s"
    render(SETTINGS, folder)
    return folder


@pytest.fixture
def folder(made, tmp_path) -> Path:
    shutil.copytree(made, tmp_path / "s")
    return tmp_path / "s"


def problems(folder: Path, **options) -> list[tuple[str, str]]:
    return [(finding.file, finding.problem) for finding in verify(folder, **options).findings]


@pytest.mark.parametrize("save", [(), ("background", "foreground", "w")])
@pytest.mark.parametrize("image_format", ["jpg", "png", "webp"])
def test_what_was_written_is_sound(tmp_path, tiny_settings, image_format, save):
    changes = {"image_format": image_format, "save": save, "largest_component": True, "ignore_band": (0.3, 0.6)}
    changes |= {"min_area": 0.05, "max_area": 0.95}
    l4f.generate(tiny_settings.model_copy(update=changes), tmp_path / "s")
    found = verify(tmp_path / "s")
    assert found.findings == [] and (found.shards, found.samples) == (3, 23)


@pytest.mark.parametrize("key", ["shard", "samples", "fingerprint", "files", "rejected", "means"])
@pytest.mark.parametrize(
    "value", [None, -1, 2**63, 0.5, "", "x", [], [1, 2], ["00000.tar"], {"00000.tar": 1}, {"a": {}}]
)
def test_stats_of_any_content_are_told(folder, key, value):
    """Sealed again, as by somebody who means it: a problem of that file, never an error of ours."""
    path = folder / layout.stats(0)
    path.write_bytes(sealed.seal(json.loads(path.read_bytes()) | {key: value}))
    assert layout.stats(0) in {file for file, _ in problems(folder)}


@pytest.mark.parametrize(("backgrounds", "codes"), [("generator", 2), ("folder", 1)])
def test_codes_are_as_many_as_the_generator_drew(tmp_path, made, tiny_settings, backgrounds, codes):
    """Where backgrounds are images, a sample has the code of its foreground alone."""
    (tmp_path / "photos").mkdir()
    for sample in l4f.open_dataset(made):
        cv2.imwrite(str(tmp_path / "photos" / f"{sample.key}.png"), sample.image)
    place = "generator" if backgrounds == "generator" else f"folder:{tmp_path / 'photos'}"
    l4f.generate(tiny_settings.model_copy(update={"save": ("w",), "backgrounds": place}), tmp_path / "s")
    assert next(iter(l4f.open_dataset(tmp_path / "s"))).w.shape == (codes, 10)
    assert verify(tmp_path / "s").findings == []
    description = json.loads((tmp_path / "s" / layout.DATASET).read_text())
    if codes == 1:
        del description["backgrounds"]
    else:
        description["backgrounds"] = {"images": 1, "sha256": "0" * 64}
    (tmp_path / "s" / layout.DATASET).write_bytes(sealed.seal(description))
    assert any(f"expected finite float32 ({3 - codes}, w_dim)" in problem for _, problem in problems(tmp_path / "s"))


def test_a_problem_of_a_member_hides_no_other(folder):
    change = lambda s: replace(s, mask=1 - s.mask, foreground=s.image, metadata=s.metadata | {"seed": 3})  # noqa: E731
    found = " ".join(problem for _, problem in with_samples(folder, change))
    assert all(words in found for words in ("members ", "seed is 3", "pixels differ", "mask_area is"))


@pytest.mark.parametrize("place", ["memory://verify/ü b", None])
def test_a_data_set_behind_an_address(made, place, tmp_path):
    store = open_store(place or tmp_path / "ü b")
    store.make_writable()
    for path in made.iterdir():
        store.write_bytes(path.name, path.read_bytes())
    assert verify(store).findings == []
    store.remove(layout.tar(1))
    assert {(f.shard, f.file) for f in verify(store).findings} == {(1, "00001.tar")}


def test_a_flipped_byte_is_found_wherever_it_is(folder):
    numbers, blamed = random.Random(0), 0
    for path in sorted(folder.iterdir()):
        content = path.read_bytes()
        places = [numbers.randrange(len(content)) for _ in range(3)]
        for at in (len(content) - 1, *places):
            damaged = bytearray(content)
            damaged[at] ^= 1 << numbers.randrange(8)
            path.write_bytes(damaged)
            found = {finding.file for finding in verify(folder).findings}
            assert found, f"{path.name}, byte {at}"
            blamed += path.name in found
        path.write_bytes(content)
    assert verify(folder).findings == []
    assert blamed > 0.9 * 4 * len(list(folder.iterdir())), "the file that is named is the one that is damaged"


def test_every_block_of_a_tar_is_looked_at(folder):
    """Without the stats' checksums, too: headers, padding, images, masks, metadata, end."""
    path = folder / layout.tar(2)
    content = path.read_bytes()
    (folder / layout.CHECKSUMS).unlink()
    for at in range(100, len(content), 512):
        damaged = bytearray(content)
        damaged[at] ^= 4
        write_consistently(folder, 2, bytes(damaged))
        assert problems(folder, decode=True) != [(layout.CHECKSUMS, "missing")], f"byte {at}"


def write_consistently(folder: Path, shard: int, tar: bytes) -> None:
    """Replace a tar, its checksums in the stats and the index of tars by ones that agree with it."""
    store = open_store(folder)
    with store.replacing(layout.tar(shard)) as file:
        hashing = writers._HashingFile(file)
        hashing.write(tar)
        digest = hashing.digest()
    stats = json.loads(store.read_bytes(layout.stats(shard)))
    stats["files"][layout.tar(shard)] = digest
    store.write_bytes(layout.stats(shard), sealed.seal(stats))


def with_samples(folder: Path, change: Callable[[l4f.Sample], l4f.Sample]) -> list[tuple[str, str]]:
    """The problems of a data set whose middle shard was written with other samples."""
    samples = [change(sample) if sample.key == "000000013" else sample for sample in stream(SETTINGS, shards=[1])]
    fingerprint = folders.read_description(folder)["fingerprint"]
    writers.write_shard(folder, 1, samples, image_format="jpg", quality=95, mask_values="01", fingerprint=fingerprint)
    (folder / layout.METADATA).unlink()
    folders.finalize(folder, 3)
    return problems(folder)


def other_metadata(**values) -> Callable[[l4f.Sample], l4f.Sample]:
    return lambda sample: replace(sample, metadata=sample.metadata | values)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: replace(s, mask=1 - s.mask), "pixels differ from what alpha.png gives"),
        (lambda s: replace(s, mask=s.mask.T.copy()), "pixels differ from what alpha.png gives"),
        (lambda s: replace(s, alpha=s.alpha[:-1], mask=s.mask[:-1]), "alpha.png: 23×24 pixels; expected 24×24"),
        (lambda s: replace(s, image=s.image[:, :-1]), "jpg: 24×23 pixels; expected 24×24"),
        (lambda s: replace(s, foreground=s.image), "members .*foreground.jpg"),
        (other_metadata(mask_area=0.5), "mask_area is 0.5, the masks give"),
        (other_metadata(stability=0.1), "stability is 0.1, the masks give"),
        (other_metadata(bounding_box=[0, 0, 1, 1]), "bounding_box is"),
        (other_metadata(components=99), "components is 99"),
        (other_metadata(seed=7), "seed is 7; expected 0"),
        (other_metadata(threshold=0.4), "threshold is 0.4; expected 0.5"),
        (other_metadata(shard=0), "shard is 0; expected 1"),
        (other_metadata(candidate=3), "0 rejected candidates; the samples count 3"),
    ],
)  # fmt: skip
def test_files_that_agree_with_their_checksums_but_not_with_each_other(folder, change, words):
    found = with_samples(folder, change)
    assert len(found) <= 8 and any(re.search(words, problem) for _, problem in found), found


def test_a_truncated_jpeg_that_decoders_forgive(folder, monkeypatch):
    encode = encoding.encode

    def cutting(sample, **options):
        members = encode(sample, **options)
        if sample.key == "000000013":
            members["jpg"] = members["jpg"][:-40] + b"\xff\xd9"
        return members

    monkeypatch.setattr(encoding, "encode", cutting)
    assert with_samples(folder, lambda s: s) == [
        (layout.tar(1), "sample 000000013: jpg: a JPEG whose image data ends before the image does")
    ]
    assert len(list(l4f.open_dataset(folder))) == 23, "a reader takes it"
    assert problems(folder, decode=False) == []


def test_samples_that_are_missing_or_exchanged(folder):
    fingerprint = folders.read_description(folder)["fingerprint"]
    samples = list(stream(SETTINGS, shards=[1]))
    samples[2:4] = samples[3:1:-1]
    writers.write_shard(
        folder, 1, samples[:9], image_format="jpg", quality=95, mask_values="01", fingerprint=fingerprint
    )
    found = problems(folder)
    assert (layout.tar(1), "9 samples; expected 10") in found
    assert any("sample 000000013: members 000000013.alpha.png" in problem for _, problem in found)


def test_rows_of_another_shard(folder):
    rows = pq.read_table(folder / layout.parquet(1))
    pq.write_table(rows.take(list(range(9, -1, -1))), folder / layout.parquet(1))
    content = (folder / layout.parquet(1)).read_bytes()
    stats = json.loads((folder / layout.stats(1)).read_text())
    stats["files"][layout.parquet(1)] = writers._digest(content)
    (folder / layout.stats(1)).write_bytes(sealed.seal(stats))
    found = problems(folder)
    assert (layout.parquet(1), "not the metadata of sample 000000010") in found
    assert (layout.METADATA, "other rows than those of 1 shards") in found


def test_a_shard_of_another_data_set(folder, tmp_path):
    render(SETTINGS.model_copy(update={"quality": 40}), tmp_path / "other")
    for name in layout.of_shard(1):
        shutil.copy(tmp_path / "other" / name, folder / name)
    assert (layout.stats(1), "of a data set with other settings") in problems(folder)
    with pytest.raises(Damaged, match="shard 1 of another data set"):
        l4f.open_dataset(folder)


def test_gaps_are_told(folder):
    for name in (*layout.of_shard(1), *layout.FINAL):
        (folder / name).unlink()
    assert problems(folder) == [(layout.stats(1), "no such shard: not made yet, or lost")]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"settings": {"seed": 5}}, "seed is 5 and 0"),
        ({"settings": {"n": 33}}, "n is 33 and 23"),
        ({"counts": {"shards": 2}}, "shards is 2 and 3"),
        ({"identity": {"quality": 7}}, "quality is 95 and 7"),
        ({"identity": {"quality": 7}}, "fingerprint is"),
    ],
)
def test_a_description_that_contradicts_itself(folder, change, words):
    description = json.loads((folder / layout.DATASET).read_text())
    for part, values in change.items():
        description[part] |= values
    (folder / layout.DATASET).write_bytes(sealed.seal(description))
    assert any(file == layout.DATASET and words in problem for file, problem in problems(folder))


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"[]", b'{"format": "l4f-datagen-dataset", "version": 2}'])
def test_shards_are_checked_without_a_description(folder, content):
    (folder / layout.DATASET).write_bytes(content)
    tar = bytearray((folder / layout.tar(1)).read_bytes())
    tar[5000] ^= 1
    (folder / layout.tar(1)).write_bytes(tar)
    assert {layout.DATASET, layout.tar(1)} == {file for file, _ in problems(folder)}


def test_no_data_set_is_told(tmp_path):
    with pytest.raises(l4f.UserError, match=r"dataset.json"):
        verify(tmp_path)


def test_sha256sum_agrees(folder):
    done = subprocess.run(["sha256sum", "-c", layout.CHECKSUMS], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.count(": OK") == len(list(folder.iterdir())) - 1


def test_memory_does_not_grow_with_the_data_set(tmp_path):
    peaks = []
    for shards in (12, 32):
        settings = RenderSettings(n=8 * shards, size=24, samples_per_shard=8, image_format="png")
        render(settings, tmp_path / str(shards))
        verify(tmp_path / str(shards))  # what is made on first use
        tracemalloc.start()
        assert verify(tmp_path / str(shards)).findings == []
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 100_000, peaks
