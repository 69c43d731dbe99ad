"""Readers of what ``export`` writes."""

import contextlib
import importlib.util
import io
import sys
import types
from pathlib import Path

import numpy as np

from ..pages import PAGES, blocks
from .sets import CLASS, Sets


def by_pycocotools(sets: Sets) -> None:
    from pycocotools.coco import COCO

    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(sets.exported("coco") / "annotations" / "instances_train.json"))
    found = {}
    for image in coco.loadImgs(coco.getImgIds()):
        mask = np.zeros((image["height"], image["width"]), np.uint8)
        for annotation in coco.loadAnns(coco.getAnnIds(imgIds=image["id"])):
            mask[coco.annToMask(annotation) == 1] = 255 if annotation["iscrowd"] else 1
        found[Path(image["file_name"]).stem] = mask
    sets.check_masks(found)


def by_supervision(sets: Sets) -> None:
    import supervision

    coco, yolo = sets.exported("coco"), sets.exported("yolo")
    of_coco = supervision.DetectionDataset.from_coco(
        str(coco / "images" / "train"), str(coco / "annotations" / "instances_train.json"), force_masks=True
    )
    of_yolo = supervision.DetectionDataset.from_yolo(
        str(yolo / "images" / "train"), str(yolo / "labels" / "train"), str(yolo / "data.yaml"), force_masks=True
    )
    for dataset in (of_coco, of_yolo):
        assert dataset.classes == [CLASS] and len(dataset) == len(sets.truth)
        for path, image, detections in dataset:
            sample = sets.truth[Path(path).stem]
            assert image.shape == sample.image.shape
            union = np.zeros(sample.mask.shape, bool)
            for mask in detections.mask if detections.mask is not None and len(detections) else ():
                union |= mask
            # Crowds are instances like others to it.
            expected = sample.mask > 0 if dataset is of_coco else sample.mask == 1
            np.testing.assert_array_equal(union, expected, err_msg=path)


def by_datumaro(sets: Sets) -> None:
    import datumaro

    kind = datumaro.AnnotationType
    for form, name, labels in (
        ("coco", "coco_instances", [CLASS]),
        ("voc", "voc_segmentation", ["background", CLASS, "ignored"]),
    ):
        dataset = datumaro.Dataset.import_from(str(sets.exported(form)), name)
        assert [label.name for label in dataset.categories()[kind.label]] == labels
        found = {}
        for item in dataset:
            assert item.media.data.shape == sets.truth[item.id].image.shape
            found[item.id] = mask = np.zeros(item.media.data.shape[:2], np.uint8)
            for annotation in item.annotations:
                if annotation.type == kind.mask:
                    ignored = annotation.attributes.get("is_crowd") or labels[annotation.label] == "ignored"
                    mask[np.asarray(annotation.image) > 0] = 255 if ignored else 1
        sets.check_masks(found)


def by_datasets(sets: Sets) -> None:
    import datasets

    rows = datasets.load_dataset(str(sets.exported("hf-parquet")), split="train", cache_dir=str(sets.room("hf")))
    sets.check_masks({row["key"]: row["mask"] for row in rows})


def by_streaming(sets: Sets) -> None:
    """As docs/ecosystem.md has it."""
    _bare_streaming()
    (snippet,) = [block for block in blocks(PAGES["docs/ecosystem.md"], "python") if "MDSWriter" in block]
    names: dict = {}
    with contextlib.chdir(sets.room("streaming")):
        Path("shards").symlink_to(sets.folder)
        exec(compile(snippet, "docs/ecosystem.md", "exec"), names)
        rows = list(names["rows"])
    sets.check_masks({row["key"]: row["mask"] for row in rows})
    assert all(row["metadata"] == sets.truth[row["key"]].metadata for row in rows)


def _bare_streaming() -> None:
    """Make ``streaming.base`` importable where torchvision is not: the package's own page imports data sets of others,
    which need it."""
    if "streaming" in sys.modules or importlib.util.find_spec("torchvision"):
        return
    package = types.ModuleType("streaming")
    found = importlib.util.find_spec("streaming")
    assert found is not None and found.submodule_search_locations
    package.__path__ = list(found.submodule_search_locations)
    sys.modules["streaming"] = package
