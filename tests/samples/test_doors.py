"""Every kind of labelled images through every door: the same masks, or the same refusal."""

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import l4f_datagen as l4f
from l4f_datagen.evaluation.compare import evaluate_masks
from l4f_datagen.evaluation.segmenter import open_truth
from l4f_datagen.export.run import export
from l4f_datagen.making.importing import import_dataset
from l4f_datagen.run_lengths import of_coco
from l4f_datagen.settings import (
    EvaluateMasksSettings,
    EvaluateSegmenterSettings,
    ExportSettings,
    ImportSettings,
    TrainSegmenterSettings,
)
from l4f_datagen.training.segmenter.batches import LabelledBatches

from ..photographs import pictures

HEIGHT, WIDTH = 16, 24
NAMES = ("a", "b", "c")
STILL = {"flip": 0, "scale": 0, "scaled": 0, "crop": 0, "colour": 0, "blur": 0, "jpeg": 0, "validation": "0"}
ORIENTATION = 0x0112


def truth(number: int) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[2 + number : 10 + number, 4 : 12 + 2 * number] = 1
    return mask


TRUTHS = [truth(number) for number in range(len(NAMES))]


def photo(number: int) -> np.ndarray:
    smooth = np.random.default_rng(number).integers(0, 255, (4, 6, 3), np.uint8)
    return np.asarray(Image.fromarray(smooth).resize((WIDTH, HEIGHT), Image.BICUBIC))


def encoded(array: np.ndarray, form: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    (array if isinstance(array, Image.Image) else Image.fromarray(array)).save(buffer, form, **options)
    return buffer.getvalue()


def encoded_tiff(values: np.ndarray, tags: dict | None = None) -> bytes:
    return pictures.tiff(values[..., None], tags=tags)


def put(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def images(folder: Path, name: str = "images/{}.jpg") -> None:
    for number, stem in enumerate(NAMES):
        put(folder / name.format(stem), encoded(photo(number), "PNG" if name.endswith("png") else "JPEG"))


def of_masks(make: Callable[[np.ndarray], bytes], suffix: str = "png") -> Callable[[Path], Path]:
    """A folder images/ and masks/, the masks' files made by ``make``."""

    def build(folder: Path) -> Path:
        images(folder)
        for stem, mask in zip(NAMES, TRUTHS, strict=True):
            put(folder / f"masks/{stem}.{suffix}", make(mask))
        return folder

    return build


def array(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


def palette(mask: np.ndarray, *colours: tuple[int, int, int], **options) -> bytes:
    image = Image.fromarray(mask)
    image.putpalette([channel for colour in colours for channel in colour])
    return encoded(image, **options)


def soft(mask: np.ndarray) -> np.ndarray:
    """Black and white with an edge of greys; at half it is the mask."""
    grown = np.pad(mask, 1, mode="edge")
    near = sum(grown.astype(int)[1 + y : 1 + y + HEIGHT, 1 + x : 1 + x + WIDTH] for y in (-1, 0, 1) for x in (-1, 0, 1))
    return np.where(mask == 1, 150 + 105 * near // 9, 12 * near).astype(np.uint8)


def colours(mask: np.ndarray) -> np.ndarray:
    return mask[..., None] * np.array([200, 0, 30], np.uint8)


def cut_out(mask: np.ndarray) -> np.ndarray:
    return np.dstack([photo(5), 255 * mask])


def beside(mask_name: str, image_name: str = "{}.jpg") -> Callable[[Path], Path]:
    def build(folder: Path) -> Path:
        images(folder, image_name)
        for stem, mask in zip(NAMES, TRUTHS, strict=True):
            put(folder / mask_name.format(stem), encoded(255 * mask))
        return folder

    return build


def dirty(folder: Path) -> Path:
    """What is in folders that people have used for a while."""
    of_masks(lambda mask: encoded(255 * mask))(folder)
    for name in ("masks/.ipynb_checkpoints/a-checkpoint.png", "images/__MACOSX/._a.jpg", "images/.thumbs/a.jpg"):
        put(folder / name, b"nothing")
    put(folder / "images/Thumbs.db", b"nothing")
    put(folder / "masks/notes.txt", b"nothing")
    (folder / "images/gone.jpg").symlink_to(folder / "nowhere.jpg")
    return folder


def tar_of(members: list[tuple[str, bytes]], path: Path, form: int = tarfile.USTAR_FORMAT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w", format=form) as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def webdataset(image: str, mask: str, form: int = tarfile.USTAR_FORMAT) -> Callable[[Path], Path]:
    def build(folder: Path) -> Path:
        members = []
        for number, stem in enumerate(NAMES):
            members.append((image.format(stem), encoded(photo(number), "JPEG")))
            members.append((mask.format(stem), encoded(TRUTHS[number])))
            members.append((f"{stem}.json", b"{}"))
        return tar_of(members, folder / "set.tar", form)

    return build


def parquet(image: str = "image", mask: str = "mask") -> Callable[[Path], Path]:
    def build(folder: Path) -> Path:
        rows = {
            image: [{"bytes": encoded(photo(n), "JPEG"), "path": None} for n in range(3)],
            mask: [{"bytes": encoded(TRUTHS[n]), "path": None} for n in range(3)],
            "text": ["x"] * 3,
        }
        folder.mkdir(exist_ok=True, parents=True)
        pq.write_table(pa.table(rows), folder / "train.parquet", row_group_size=2)
        return folder / "train.parquet"

    return build


def coco(folder: Path, **changes) -> Path:
    images(folder, "images/sub/{}.jpg")
    entries = [
        {"id": 7 + n, "file_name": f"sub/{stem}.jpg", "width": WIDTH, "height": HEIGHT} for n, stem in enumerate(NAMES)
    ]
    annotations = [
        {"id": n, "image_id": 7 + n, "category_id": 1, "iscrowd": 0, **of_coco.encode(mask == 1)}
        for n, mask in enumerate(TRUTHS)
    ]
    data = {"images": entries, "annotations": annotations, "categories": [{"id": 1, "name": "thing"}], **changes}
    return put(folder / "annotations/instances_x.json", json.dumps(data).encode())


def dataset(folder: Path) -> Path:
    of_masks(lambda mask: encoded(mask))(folder / "from")
    import_dataset(ImportSettings(source=str(folder / "from"), samples_per_shard=2), folder / "set")
    return folder / "set"


def exported(form: str) -> Callable[[Path], Path]:
    def build(folder: Path) -> Path:
        export(ExportSettings(format=form), dataset(folder), folder / "out")
        return folder / "out"

    return build


GREY_16 = {"0 and 65535": 65535, "0 and 300": 300}
KINDS = {
    "0 and 255": of_masks(lambda mask: encoded(255 * mask)),
    "0 and 1": of_masks(encoded),
    "0 and 7": of_masks(lambda mask: encoded(7 * mask)),
    "one bit": of_masks(lambda mask: encoded(Image.fromarray(255 * mask).convert("1"))),
    "grey as RGB": of_masks(lambda mask: encoded(np.repeat(255 * mask[..., None], 3, 2))),
    "one colour": of_masks(lambda mask: encoded(colours(mask))),
    "palette": of_masks(lambda mask: palette(mask, (0, 0, 0), (128, 0, 0))),
    "palette from white to black": of_masks(lambda mask: palette(1 - mask, (255, 255, 255), (0, 0, 0))),
    "palette, object first, transparent behind": of_masks(
        lambda mask: palette(1 - mask, (9, 9, 9), (200, 0, 0), transparency=1)
    ),
    "palette, background transparent": of_masks(lambda mask: palette(mask, (9, 9, 9), (200, 0, 0), transparency=0)),
    "a GIF": of_masks(lambda mask: encoded(255 * mask, "GIF"), "gif"),
    "a BMP": of_masks(lambda mask: encoded(255 * mask, "BMP"), "bmp"),
    "a TIFF": of_masks(lambda mask: encoded(255 * mask, "TIFF"), "tif"),
    "a TIFF of floats": of_masks(lambda mask: encoded(mask.astype(np.float32), "TIFF"), "tiff"),
    **{
        f"16 bits, {name}": of_masks(lambda mask, v=value: encoded(mask.astype(np.uint16) * v))
        for name, value in GREY_16.items()
    },
    "JPEG": of_masks(lambda mask: encoded(np.repeat(np.repeat(255 * mask, 1, 0), 1, 1), "JPEG", quality=60), "jpg"),
    "JPEG, RGB": of_masks(lambda mask: encoded(np.repeat(255 * mask[..., None], 3, 2), "JPEG", quality=60), "jpeg"),
    "JPEG kept as PNG": of_masks(
        lambda mask: encoded(Image.open(io.BytesIO(encoded(255 * mask, "JPEG", quality=60))).convert("RGB"))
    ),
    **{
        f"white is 0, {bits} bits": of_masks(
            lambda mask, kind=kind: encoded_tiff(np.where(mask, kind(0), kind(~kind(0))), {262: (3, [0])}), "tif"
        )
        for bits, kind in ((8, np.uint8), (16, np.uint16))
    },
    "signed numbers": of_masks(lambda mask: encoded_tiff(mask.astype(np.int8)), "tif"),
    "soft": of_masks(lambda mask: encoded(soft(mask))),
    "soft, 16 bits": of_masks(lambda mask: encoded(soft(mask).astype(np.uint16) * 257)),
    "RGBA of a cut-out": of_masks(lambda mask: encoded(cut_out(mask))),
    "RGBA, opaque": of_masks(lambda mask: encoded(np.dstack([255 * mask] * 3 + [np.full_like(mask, 255)]))),
    "RGBA, white on nothing": of_masks(lambda mask: encoded(np.dstack([np.full_like(mask, 255)] * 3 + [255 * mask]))),
    "LA": of_masks(lambda mask: encoded(np.dstack([np.full_like(mask, 90), 255 * mask]))),
    "LA, opaque": of_masks(lambda mask: encoded(np.dstack([255 * mask, np.full_like(mask, 255)]))),
    "npy, bool": of_masks(lambda mask: array(mask == 1), "npy"),
    "npy, 0 and 255": of_masks(lambda mask: array(255 * mask), "npy"),
    "npy, int64 in one more axis": of_masks(lambda mask: array(mask[None].astype(np.int64)), "npy"),
    "npy, floats": of_masks(lambda mask: array(mask[..., None].astype(np.float32)), "npy"),
    "npy, soft": of_masks(lambda mask: array(soft(mask).astype(np.float64) / 255), "npy"),
    "npy, Fortran's order": of_masks(lambda mask: array(np.asfortranarray(mask)), "npy"),
    "x_mask beside x": beside("{}_mask.png"),
    "x-mask beside x": beside("{}-mask.png"),
    "x_seg beside x": beside("{}_seg.png"),
    "x_segmentation in masks/": beside("masks/{}_segmentation.png", "images/{}.jpg"),
    "mask_x in masks/": beside("masks/mask_{}.png", "images/{}.png"),
    "img_x and mask_x": beside("masks/mask_{}.png", "images/img_{}.png"),
    "x_sat and x_mask": beside("{}_mask.png", "{}_sat.jpg"),
    "x.jpg.png": beside("masks/{}.jpg.png", "images/{}.jpg"),
    "x.jpg and x.png": beside("{}.png"),
    "folders below": beside("masks/deep/{}.png", "images/deep/{}.jpg"),
    "hidden folders, links, stray files": dirty,
    "tar": webdataset("{}.jpg", "{}.mask.png"),
    "tar, seg": webdataset("{}.jpg", "{}.seg.png"),
    "tar, only two": webdataset("{}.jpg", "{}.png"),
    "tar of folders, GNU": webdataset("all/images/{}.jpg", "all/masks/{}.png", tarfile.GNU_FORMAT),
    "tar, PAX": webdataset("./{}.jpg", "./{}.mask.png", tarfile.PAX_FORMAT),
    "Parquet": parquet(),
    "Parquet, label": parquet("image", "label"),
    "Parquet, other names": parquet("pixels", "annotation"),
    "COCO": coco,
    "data set": dataset,
    **{f"our {form}": exported(form) for form in ("folder", "voc", "coco", "fiftyone", "hf-parquet")},
}  # fmt: skip


def by_import(place: Path, out: Path) -> list[np.ndarray]:
    import_dataset(ImportSettings(source=str(place), image_format="png"), out)
    return [sample.mask for sample in l4f.open_dataset(out)]


def by_evaluate_masks(place: Path, out: Path) -> list[np.ndarray]:
    for number in range(len(NAMES)):
        for side in ("right", "wrong"):
            put(out / side / f"{_key(place, number)}.png", encoded(255 * (TRUTHS[number] ^ (side == "wrong"))))
    miou = [
        evaluate_masks(str(out / side), str(place), EvaluateMasksSettings(resamples=0)).rows[0].values["miou"]
        for side in ("right", "wrong")
    ]
    assert miou == [1, 0]
    return TRUTHS


def _key(place: Path, number: int) -> str:
    return open_truth(EvaluateSegmenterSettings(images=str(place))).keys[number]


def by_evaluate_segmenter(place: Path, out: Path) -> list[np.ndarray]:
    found = open_truth(EvaluateSegmenterSettings(images=str(place)))
    for number in range(len(found)):
        difference = found.read(number).image.astype(int) - photo(number)
        assert np.abs(difference).mean() < 12, "another image"
    return [found.read(index).mask for index in range(len(found))]


def by_train_segmenter(place: Path, out: Path) -> list[np.ndarray]:
    part = LabelledBatches(TrainSegmenterSettings(shards=(str(place),), size=HEIGHT, **STILL)).parts[0]
    return [part.read(index).mask for index in range(len(part.indices))]


DOORS = {
    "import": by_import,
    "evaluate masks": by_evaluate_masks,
    "evaluate segmenter": by_evaluate_segmenter,
    "train-segmenter": by_train_segmenter,
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_masks_through_every_door(tmp_path, kind):
    place = KINDS[kind](tmp_path / "in")
    for door, masks in DOORS.items():
        found = masks(place, tmp_path / door)
        assert len(found) == len(TRUTHS), door
        for mask, expected in zip(found, TRUTHS, strict=True):
            np.testing.assert_array_equal(mask, expected, err_msg=door)


def with_one(change: Callable[[Path], None]) -> Callable[[Path], Path]:
    """A good folder in which something was changed."""

    def build(folder: Path) -> Path:
        of_masks(lambda mask: encoded(255 * mask))(folder)
        change(folder)
        return folder

    return build


def turned(size: tuple[int, int], orientation: int, of_mask: int | None = None) -> Callable[[Path], Path]:
    """An image whose EXIF turns it, and a mask of a size, perhaps with such a tag of its own."""

    def build(folder: Path) -> Path:
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        put(folder / "images/a.jpg", encoded(photo(0), "JPEG", exif=exif))
        mask = Image.fromarray(255 * TRUTHS[0])
        mask = mask.transpose(Image.ROTATE_270) if size == (HEIGHT, WIDTH) and of_mask is None else mask
        options = {}
        if of_mask is not None:
            options["exif"] = Image.Exif()
            options["exif"][ORIENTATION] = of_mask
        put(folder / "masks/a.png", encoded(mask, **options))
        return folder

    return build


def fewer_colours(folder: Path) -> None:
    put(folder / "masks/a.png", encoded(np.where(TRUTHS[0] == 1, 3, 9).astype(np.uint8)))


BOMB = (
    b"\x93NUMPY\1\0v\0"
    + f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({10**7}, {10**7})}}".ljust(117).encode()
    + b"\n"
)
REFUSED = {
    "no foreground": (of_masks(lambda mask: encoded(0 * mask)), "no foreground: masks that hold the values 0"),
    "three classes": (with_one(fewer_colours), "values 0, 3, 9, 255; .*foreground"),
    "numbered classes and 255": (
        of_masks(lambda mask: encoded(np.where(mask, 255, np.arange(24) % 21).astype(np.uint8))), "values 0, 1, 2"),
    "a trimap": (of_masks(lambda mask: encoded(np.where(mask, 255, 128).astype(np.uint8) * (soft(mask) > 20))),
                 "values 0, 128, 255"),
    "JPEG of indices": (of_masks(lambda mask: encoded(9 * mask, "JPEG"), "jpg"), "values 0, 1, 2"),
    "another size": (with_one(lambda f: put(f / "masks/a.png", encoded(np.zeros((5, 6), np.uint8)))),
                     r"mask of 6×5 pixels; expected the image's 24×16"),
    "two of another size": (
        with_one(lambda f: [put(f / f"masks/{n}.png", encoded(np.zeros((5, 6), np.uint8))) for n in "ab"]),
        r"2 masks of another size \(a.png: 6×5, image 24×16, b.png"),
    "fits the picture before its EXIF turns it": (turned((WIDTH, HEIGHT), 6), "only before its EXIF turns it.*a.png"),
    "a mask without an image": (with_one(lambda f: put(f / "masks/z.png", encoded(TRUTHS[0]))),
                                r"1 of 4 masks alone \(z\)"),
    "an image without a mask": (with_one(lambda f: put(f / "images/z.png", encoded(photo(0)))),
                                r"1 of 4 images alone \(z\)"),
    "a mask that is no picture": (with_one(lambda f: put(f / "masks/a.png", b"nothing")),
                                  r"1 masks that cannot be read \(a.png\)"),
    "a mask that is PostScript": (with_one(lambda f: put(f / "masks/a.png", b"%!PS-Adobe-3.0 EPSF-3.0\n")),
                                  "PostScript"),
    "an image that is PostScript": (with_one(lambda f: put(f / "images/a.jpg", b"%!PS-Adobe-3.0 EPSF-3.0\n")),
                                    "PostScript"),
    "a pickle in an array": (with_one(lambda f: _swap(f, array_of_objects())), "objects"),
    "an array of terabytes": (with_one(lambda f: _swap(f, BOMB)), "pixels; expected at most"),
    "an array that is cut short": (with_one(lambda f: _swap(f, array(TRUTHS[0])[:-3])), "cut short"),
    "an array of three planes": (with_one(lambda f: _swap(f, array(photo(0)))), "shape 16×24×3"),
    "fractions beyond 1": (with_one(lambda f: _swap(f, array(1.7 * TRUTHS[0]))), "fractions beyond"),
    "CMYK": (of_masks(lambda mask: encoded(Image.fromarray(255 * mask).convert("CMYK"), "TIFF"), "tif"), "mode CMYK"),
    "transparency and greys differ": (
        of_masks(lambda mask: encoded(np.dstack([255 * mask] * 3 + [255 * mask[::-1]]))), "different masks"),
    "COCO without annotations": (lambda folder: coco(folder, annotations=[]), "no foreground: none of 3 images"),
    "COCO with a number twice": (lambda folder: coco(folder, images=[
        {"id": 7, "file_name": f"sub/{n}.jpg", "width": WIDTH, "height": HEIGHT} for n in "ab"]), "occur twice"),
    "COCO without the image": (lambda folder: coco(folder, images=[
        {"id": ord(n), "file_name": f"sub/{n}.jpg", "width": WIDTH, "height": HEIGHT}
        for n in "az"]), "not in .*sub/z.jpg"),
    "nothing": (lambda folder: folder / "nowhere", "not there|no such folder"),
    "YOLO": (exported("yolo"), "YOLO's polygons, which are not read"),
    "a tar that is cut short": (lambda folder: _cut(webdataset("{}.jpg", "{}.mask.png")(folder)), "no whole tar"),
    "a Parquet file without masks": (parquet("image", "image2"), "columns image, image2.*called image and mask"),
}  # fmt: skip


def array_of_objects() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array([[{}]], object), allow_pickle=True)
    return buffer.getvalue()


def _swap(folder: Path, content: bytes) -> None:
    (folder / "masks/a.png").unlink()
    put(folder / "masks/a.npy", content)


def _cut(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[:2000])
    return path


@pytest.mark.parametrize("kind", REFUSED)
def test_the_same_refusal_at_every_door(tmp_path, kind):
    build, words = REFUSED[kind]
    place = build(tmp_path / "in")
    for door, masks in DOORS.items():
        with pytest.raises(l4f.UserError, match=words) as error:
            masks(place, tmp_path / door)
        assert "\n" not in str(error.value), door
    assert not (tmp_path / "import").exists()


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (turned((HEIGHT, WIDTH), 6), np.rot90(TRUTHS[0], -1)),  # a mask of the upright picture
        (turned((WIDTH, HEIGHT), 6, of_mask=6), np.rot90(TRUTHS[0], -1)),  # both have the tag
        (turned((WIDTH, HEIGHT), 3, of_mask=3), np.rot90(TRUTHS[0], 2)),
    ],
    ids=["upright", "both turned", "both upside down"],
)
def test_pictures_are_upright_at_every_door(tmp_path, build, expected):
    place = build(tmp_path / "in")
    sample = next(iter(_imported(place, tmp_path / "import")))
    found = open_truth(EvaluateSegmenterSettings(images=str(place)))
    by_folders = open_truth(EvaluateSegmenterSettings(images=str(place / "images"), masks=str(place / "masks")))
    part = LabelledBatches(TrainSegmenterSettings(shards=(str(place),), **STILL)).parts[0]
    for labelled in (sample, found.read(0), by_folders.read(0), part.source.read(0)):
        np.testing.assert_array_equal(labelled.mask, expected)
        assert labelled.image.shape[:2] == expected.shape
    np.testing.assert_array_equal(sample.image, found.read(0).image)
    np.testing.assert_array_equal(sample.image, part.source.read(0).image)


def _imported(place: Path, out: Path):
    import_dataset(ImportSettings(source=str(place), image_format="png"), out)
    return l4f.open_dataset(out)


def test_masks_that_fit_either_way_are_told(tmp_path):
    place = turned((WIDTH, HEIGHT), 3)(tmp_path / "in")
    found = open_truth(EvaluateSegmenterSettings(images=str(place)))
    assert any("1 images are turned by their EXIF" in note for note in found.notes)


@pytest.mark.parametrize("scale", [1, 257])
def test_deep_photographs_are_the_same_at_every_door(tmp_path, scale):
    """16-bit grey pictures, as ``segment`` decodes them."""
    from l4f_datagen.photographs.picture.decoding import decode

    grey = photo(0)[..., 0].astype(np.uint16) * scale
    path = put(tmp_path / "in/images/a.png", encoded(grey))
    put(tmp_path / "in/masks/a.png", encoded(TRUTHS[0]))
    expected = decode(path).image
    place = tmp_path / "in"
    np.testing.assert_array_equal(next(iter(_imported(place, tmp_path / "s"))).image, expected)
    found = open_truth(EvaluateSegmenterSettings(images=str(place)))
    np.testing.assert_array_equal(found.read(0).image, expected)
    part = LabelledBatches(TrainSegmenterSettings(shards=(str(place),), **STILL)).parts[0]
    np.testing.assert_array_equal(part.source.read(0).image, expected)


def test_soft_masks_stay_soft_and_hard_ones_do_not(tmp_path):
    place = of_masks(lambda mask: encoded(soft(mask)))(tmp_path / "soft")
    samples = list(_imported(place, tmp_path / "a"))
    np.testing.assert_array_equal(samples[1].alpha, soft(TRUTHS[1]))
    # Scaled, the mask is the scaled alpha's, not a mask with steps.
    part = LabelledBatches(TrainSegmenterSettings(shards=(str(place),), size=8, **STILL)).parts[0]
    np.testing.assert_array_equal(part.read(0).mask, part.read(0).alpha >= 128)
    place = of_masks(lambda mask: encoded(255 * mask, "JPEG", quality=60), "jpg")(tmp_path / "jpeg")
    for sample, mask in zip(_imported(place, tmp_path / "b"), TRUTHS, strict=True):
        np.testing.assert_array_equal(sample.alpha, 255 * mask)


def test_soft_masks_of_two_depths_are_refused(tmp_path):
    of_masks(lambda mask: encoded(soft(mask)))(tmp_path / "in")
    put(tmp_path / "in/masks/a.png", encoded(soft(TRUTHS[0]).astype(np.uint16) * 257))
    with pytest.raises(l4f.UserError, match="soft masks of 8 bits beside such of 16"):
        open_truth(EvaluateSegmenterSettings(images=str(tmp_path / "in")))


def test_photographs_of_floats_are_refused_before_work_begins(tmp_path):
    of_masks(lambda mask: encoded(255 * mask))(tmp_path / "in")
    put(tmp_path / "in/images/z.tif", encoded(photo(0)[..., 0].astype(np.float32), "TIFF"))
    put(tmp_path / "in/masks/z.png", encoded(255 * TRUTHS[0]))
    for door, masks in DOORS.items():
        with pytest.raises(l4f.UserError, match=r"cannot be read \(z.tif\): .*floating-point"):
            masks(tmp_path / "in", tmp_path / door)
    assert not (tmp_path / "import").exists()


def test_an_empty_set_on_insistence(tmp_path):
    place = of_masks(lambda mask: encoded(0 * mask))(tmp_path / "in")
    settings = ImportSettings(source=str(place), allow_empty=True)
    import_dataset(settings, tmp_path / "s")
    assert not any(sample.mask.any() for sample in l4f.open_dataset(tmp_path / "s"))
    assert not open_truth(EvaluateSegmenterSettings(images=str(place), allow_empty=True)).mask(0).any()


@pytest.mark.parametrize("kind", ["data set", "tar", "COCO", "Parquet"])
def test_images_with_the_masks_of_another_set(tmp_path, kind):
    masks = KINDS[kind](tmp_path / "in")
    names = open_truth(EvaluateSegmenterSettings(images=str(masks))).keys
    for number, name in enumerate(names):
        put(tmp_path / f"photos/{name}.png", encoded(photo(number)))
    found = open_truth(EvaluateSegmenterSettings(images=str(tmp_path / "photos"), masks=str(masks)))
    for number in range(len(names)):
        labelled = found.read(number)
        np.testing.assert_array_equal(labelled.mask, TRUTHS[number])
        np.testing.assert_array_equal(labelled.image, photo(number))
    put(tmp_path / "photos/lone.png", encoded(photo(0)))
    with pytest.raises(l4f.UserError, match=r"1 of 4 images alone \(lone\)"):
        open_truth(EvaluateSegmenterSettings(images=str(tmp_path / "photos"), masks=str(masks)))


def test_what_is_left_out_is_told_with_counts(tmp_path):
    notes = open_truth(EvaluateSegmenterSettings(images=str(dirty(tmp_path / "in")))).notes
    (note,) = [note for note in notes if note.startswith("left out")]
    assert "4 hidden" in note and "1 broken links (gone.jpg)" in note and "1 files of other kinds (.txt 1)" in note


def test_side_files_of_segment_are_no_masks(tmp_path):
    for stem, mask in zip(NAMES, TRUTHS, strict=True):
        put(tmp_path / f"truth/{stem}.png", encoded(255 * mask))
        put(tmp_path / f"p/{stem}.jpg.png", palette(mask, (0, 0, 0), (255, 255, 255)))
        for word in ("alpha", "cutout", "classes"):
            put(tmp_path / f"p/{stem}.jpg.{word}.png", encoded(photo(0)))
        put(tmp_path / f"p/{stem}.jpg.overlay.jpg", encoded(photo(0), "JPEG"))
    put(tmp_path / "p/index.csv", b"input,output\n")
    report = evaluate_masks(str(tmp_path / "p"), str(tmp_path / "truth"), EvaluateMasksSettings(resamples=0))
    assert report.rows[0].images == 3 and report.rows[0].values["miou"] == 1
    assert any("12 side files of masks" in note for note in report.notes)
