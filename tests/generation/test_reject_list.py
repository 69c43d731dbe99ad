"""A data set without the candidates of a list: each is replaced by the next one, all other samples stay as they are."""

import json
import shutil

import numpy as np
import pytest

import l4f_datagen as l4f
from l4f_datagen.cli import main
from l4f_datagen.shards.format import sealed


def numbers(samples) -> list[int]:
    return [sample.metadata["candidate"] for sample in samples]


@pytest.fixture(scope="module")
def before(tiny_checkpoint):
    settings = l4f.GenerateSettings(
        n=23, generator=str(tiny_checkpoint), batch_size=4, samples_per_shard=10, threshold=0.5, max_area=0.6,
        device="cpu",
    )  # fmt: skip
    return settings, list(l4f.stream(settings))


def again(settings: l4f.GenerateSettings, *entries: str, **changes) -> l4f.GenerateSettings:
    return settings.model_copy(update={"reject_list": entries or None, **changes})


def test_the_next_candidate_takes_the_place_of_one_that_is_listed(before):
    settings, old = before
    chosen = [old[4], old[11], old[22]]
    listed = again(settings, *(f"{one.key} {one.metadata['candidate']}" for one in chosen), "000000007 99", "000000900")
    new = list(l4f.stream(listed))
    assert [sample.key for sample in new] == [sample.key for sample in old]
    for one, other in zip(old, new):
        if one in chosen:
            assert other.metadata["candidate"] > one.metadata["candidate"]
            assert other.rejected[: len(one.rejected) + 1] == (*one.rejected, "reject_list")
            assert not np.array_equal(one.image, other.image)
        else:
            assert other.metadata["candidate"] == one.metadata["candidate"] and other.rejected == one.rejected
            assert np.abs(one.image.astype(int) - other.image).max() <= 1


def test_a_key_alone_names_the_sample_that_would_be_there(before):
    settings, old = before
    told = list(l4f.stream(again(settings, *(f"{old[i].key} {old[i].metadata['candidate']}" for i in (4, 11)))))
    alone = list(l4f.stream(again(settings, old[4].key, old[11].key)))
    assert numbers(alone) == numbers(told) != numbers(old)
    assert all(np.array_equal(one.image, other.image) for one, other in zip(alone, told))
    both = list(l4f.stream(again(settings, old[4].key, f"{told[4].key} {told[4].metadata['candidate']}")))
    assert both[4].metadata["candidate"] > told[4].metadata["candidate"]


def test_shards_batches_and_interruptions_make_no_difference(before, tmp_path):
    settings, old = before
    listed = again(settings, old[4].key, f"{old[11].key} {old[11].metadata['candidate']}", f"{old[13].key} 0")
    whole = list(l4f.stream(listed))
    part = list(l4f.stream(listed, shards=[1]))
    assert numbers(part) == numbers(whole[10:20])
    assert all(np.array_equal(one.image, other.image) for one, other in zip(part, whole[10:20]))
    assert numbers(l4f.stream(again(listed, *listed.reject_list, batch_size=7))) == numbers(whole)
    l4f.generate(listed, tmp_path / "a")
    l4f.generate(again(listed, *listed.reject_list, n=11), tmp_path / "b")
    l4f.generate(listed, tmp_path / "b")
    shutil.copytree(tmp_path / "a", tmp_path / "c")
    for name in ("00001_stats.json", "metadata.parquet"):
        (tmp_path / "c" / name).unlink()
    l4f.generate(listed, tmp_path / "c")
    for name in ("00000.tar", "00001.tar", "00002.tar", "metadata.parquet"):
        content = (tmp_path / "a" / name).read_bytes()
        assert (tmp_path / "b" / name).read_bytes() == (tmp_path / "c" / name).read_bytes() == content


def test_it_is_told_kept_and_part_of_what_a_data_set_is(before, tmp_path, capsys):
    settings, old = before
    plain, out, file = tmp_path / "plain", tmp_path / "out", tmp_path / "rejected.txt"
    file.write_text(f"# by hand\n{old[4].key} {old[4].metadata['candidate']}\n{old[11].key}\n")
    words = ["generate", "--generator", settings.generator, "--n", "12", "--batch-size", "4", "--samples-per-shard",
             "10", "--threshold", "0.5", "--max-area", "0.6", "--device", "cpu"]  # fmt: skip
    assert main([*words, "--out", str(plain), "-q"]) == 0
    assert "reject_list" not in (plain / "dataset.json").read_text()
    assert main([*words, "--out", str(out), "--reject-list", str(file), "-q"]) == 0
    file.unlink()  # the data set holds its entries
    assert main(["generate", "--n", "23", "--out", str(out), "-q"]) == 0
    assert "made 0" not in capsys.readouterr().out
    listed = [f"{old[4].key} {old[4].metadata['candidate']}", old[11].key]
    assert l4f.open_dataset(out).description["settings"]["reject_list"] == listed
    assert numbers(l4f.open_dataset(out)) == numbers(l4f.stream(again(settings, *listed)))
    (out / "00000.tar").write_bytes(b"")
    assert main(["verify", str(out), "--repair", "-q"]) == 0
    assert "a list of 2 entries" in (out / "README.md").read_text()
    capsys.readouterr()
    assert main(["stats", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rejected"]["reject_list"] == 2
    assert main(["generate", "--out", str(out), "--reject-list", "none"]) == 2
    assert "reject_list" in (told := capsys.readouterr().err) and "another folder" in told


def test_a_path_in_a_description_is_not_read(before, tmp_path):
    settings, _ = before
    l4f.generate(again(settings, n=2), tmp_path / "out")
    description = json.loads((tmp_path / "out" / "dataset.json").read_bytes())
    description["settings"]["reject_list"] = str(tmp_path / "secret")
    (tmp_path / "secret").write_text("password\n")
    (tmp_path / "out" / "dataset.json").write_bytes(sealed.seal(description))
    with pytest.raises(l4f.WorkError, match="reject_list") as error:
        l4f.open_dataset(tmp_path / "out")
    assert "password" not in str(error.value)


def test_photographs_have_no_candidates(tmp_path, capsys):
    (tmp_path / "list.txt").write_text("1\n")
    words = ["generate", "--codes", "x", "--reject-list", str(tmp_path / "list.txt"), "--out", str(tmp_path / "o")]
    assert main(words) == 2
    assert "--reject-list" in capsys.readouterr().err
