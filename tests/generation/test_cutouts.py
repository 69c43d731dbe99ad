"""Cut-outs: their colours where they are known, and what stays as it was."""

import io

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

import l4f_datagen as l4f
from benchmarks.cutouts import cut, distance, known
from l4f_datagen.cli import main
from l4f_datagen.engines.description import arithmetic
from l4f_datagen.generation import cutouts
from l4f_datagen.generation.cutouts import cut_out_array, foreground_colours
from l4f_datagen.generation.models import load_models
from l4f_datagen.shards.format import encoding


@pytest.mark.parametrize(
    ("size", "blur", "most", "share"), [(64, 0, 7, 0.2), (128, 0, 5, 0.15), (64, 0.008, 8, 0.3), (64, 0.025, 13, 0.5)]
)
def test_soft_edges_have_the_colour_of_the_foreground(size, blur, most, share):
    images, alphas, truth = known(size, blur)
    found = cut(images, alphas)
    plain, ours = (distance(colours, truth, alphas) for colours in (images, found[..., :3]))
    assert plain > 20 and ours < most and ours < share * plain


@pytest.mark.filterwarnings("error")
def test_pictures_that_nobody_may_write_to_are_cut_out_too():
    image, alpha = np.full((6, 5, 3), 90, np.uint8), np.full((6, 5), 255, np.uint8)
    image.flags.writeable = alpha.flags.writeable = False
    assert np.array_equal(cut_out_array(image, alpha), np.dstack([image, alpha]))


def test_they_show_nothing_of_the_old_scene_on_a_new_one():
    """On black and on white, a cut-out gives what the true foreground gives."""
    images, alphas, truth = known(64, 0)
    share = alphas[..., None] / 255
    for level in (0, 255):
        true, plain, ours = (share * c + (1 - share) * level for c in (truth, images, cut(images, alphas)[..., :3]))
        assert np.abs(ours - true).max(initial=0) < 0.6 * np.abs(plain - true).max(initial=0)
        assert np.abs(ours - true).mean() < 0.2 * np.abs(plain - true).mean()


def test_what_is_opaque_keeps_its_bytes_and_what_is_far_away_is_black():
    images, alphas, _ = known(64, 0.01)
    found = cut(images, alphas)
    assert found.dtype == np.uint8 and found.shape == (4, 64, 64, 4)
    np.testing.assert_array_equal(found[..., 3], alphas)
    np.testing.assert_array_equal(found[..., :3][alphas == 255], images[alphas == 255])
    reach = np.ones((17, 17), np.uint8)
    near = np.stack([cv2.dilate((alpha > 0).astype(np.uint8), reach) for alpha in alphas]) > 0
    assert not found[~near].any() and (~near).any()
    edge = near & (alphas == 0)
    assert found[..., :3][edge].any(-1).mean() > 0.95, "scaling would mix black into the edges"


def test_images_of_a_batch_do_not_matter_to_each_other():
    images, alphas, _ = known(48, 0.01)
    alone = np.concatenate([cut(images[i : i + 1], alphas[i : i + 1]) for i in range(len(images))])
    assert np.abs(alone.astype(int) - cut(images, alphas)).max() <= 1


def test_blocks_give_what_the_whole_gives(monkeypatch):
    images, alphas, _ = known(96, 0.01, count=2)
    colours, shares = torch.from_numpy(images).permute(0, 3, 1, 2) / 255, torch.from_numpy(alphas)[:, None] / 255
    whole = foreground_colours(colours, shares)
    monkeypatch.setattr(cutouts, "_BLOCK", 16)
    blocks = foreground_colours(colours, shares)
    soft = ((shares > 0) & (shares < 1)).expand_as(whole)
    # Blocks without a soft pixel are left out, so that colours travel less far from level to level.
    assert (blocks - whole)[soft].abs().mean() < 1 / 255
    assert torch.equal(blocks[(shares == 1).expand_as(whole)], colours[(shares == 1).expand_as(whole)])


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (5, 300), (33, 20)])
def test_arrays_of_any_shape(shape):
    numbers = np.random.default_rng(0)
    image = numbers.integers(0, 256, (*shape, 3), np.uint8)
    alpha = numbers.integers(0, 256, shape, np.uint8)
    found = cut_out_array(image, alpha)
    np.testing.assert_array_equal(found[..., 3], alpha)
    assert not cut_out_array(image, 0 * alpha).any()
    np.testing.assert_array_equal(cut_out_array(image, 0 * alpha + 255)[..., :3], image)


def test_one_image_is_cut_out_as_in_a_batch_though_only_its_surroundings_are_looked_at():
    images, alphas, truth = known(128, 0)
    found = np.stack([cut_out_array(image, alpha) for image, alpha in zip(images, alphas, strict=True)])
    whole, part = (distance(cut[..., :3], truth, alphas) for cut in (cut(images, alphas), found))
    assert part < 1.1 * whole < 0.2 * distance(images, truth, alphas)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tiny_checkpoint):
    out = tmp_path_factory.mktemp("cutouts") / "set"
    words = ["generate", "--generator", str(tiny_checkpoint), "--device", "cpu", "--n", "3", "--samples-per-shard", "2"]
    assert main([*words, "--out", str(out), "--save", "w,cutout,background"]) == 0
    assert main([*words, "--out", str(out.with_name("plain")), "--save", "foreground"]) == 0
    return out


def test_generate_keeps_them(folder, tmp_path):
    plain = l4f.open_dataset(folder.with_name("plain"))
    for sample, other in zip(l4f.open_dataset(folder), plain, strict=True):
        assert sample.cutout is not None and sample.w is not None and sample.foreground is None
        np.testing.assert_array_equal(sample.cutout[..., 3], sample.alpha)
        np.testing.assert_array_equal(sample.image, other.image)
        assert sample.metadata == other.metadata
    for _, members in l4f.open_dataset(folder).members():
        with Image.open(io.BytesIO(members["cutout.png"])) as image:
            assert image.mode == "RGBA"
    assert main(["verify", str(folder)]) == 0
    assert "`KEY.cutout.png`" in (folder / "README.md").read_text()
    assert main(["import", f"tars:{folder}/*.tar", "--out", str(tmp_path / "back")]) == 0
    assert len(l4f.open_dataset(tmp_path / "back")) == 3, "cut-outs are no images of their own"
    assert main(["generate", "--n", "5", "--out", str(folder)]) == 0, "extended with them"
    assert all(sample.cutout is not None for sample in l4f.open_dataset(folder))


def test_plain_folders_hold_them(folder, tmp_path):
    assert main(["export", str(folder), "--format", "folder", "--split", "0.5/0.5", "--out", str(tmp_path / "f")]) == 0
    for sample in l4f.open_dataset(folder):
        (place,) = (tmp_path / "f").glob(f"*/cutouts/{sample.key}.png")
        with Image.open(place) as image:
            np.testing.assert_array_equal(np.asarray(image), sample.cutout)
    assert "cutouts/` | foregrounds alone" in (tmp_path / "f" / "README.md").read_text()


def test_a_repair_makes_them_again(folder):
    tar = folder / "00000.tar"
    whole = tar.read_bytes()
    tar.write_bytes(b"")
    assert main(["verify", "--repair", str(folder)]) == 0
    assert tar.read_bytes() == whole


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda cutout: encoding.encode_cutout(cutout[..., [0, 1, 2, 0]]), "its transparency is not alpha.png"),
        (lambda cutout: encoding.encode_image(cutout[..., :3].copy(), "png", 100), "without transparency"),
        (lambda cutout: encoding.encode_cutout(cutout[:8].copy()), "8×16 pixels; expected 16×16"),
    ],
)
def test_verify_looks_at_them(change, told, folder):
    from l4f_datagen.shards.verify.sample import problems_of

    dataset = l4f.open_dataset(folder)
    key, members = next(iter(dataset.members()))
    members["cutout.png"] = change(encoding.decode_cutout(members["cutout.png"]))
    named = [(f"{key}.{extension}", content) for extension, content in sorted(members.items())]
    _, problems = problems_of(named, index=0, shard=0, description=dataset.description)
    assert len(problems) == 1 and told in problems[0]


def test_data_sets_without_them_have_the_probe_that_they_had(tiny_settings):
    """A probe that held cut-outs would refuse to go on with any data set from before there were cut-outs."""
    models = load_models(tiny_settings)
    probes = {
        save: arithmetic(tiny_settings.model_copy(update={"save": save}), models).probe
        for save in ((), ("background", "foreground", "w"), ("cutout",), ("cutout", "w"))
    }
    assert probes[()] == probes["background", "foreground", "w"] != probes["cutout",] == probes["cutout", "w"]
