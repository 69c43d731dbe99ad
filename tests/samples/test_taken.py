"""What is said of a place that it would not look at is refused, whatever the place is."""

import json

import numpy as np
import pytest

from l4f_datagen.cli import main
from l4f_datagen.errors import UserError
from l4f_datagen.samples.opening import open_samples
from l4f_datagen.samples.reading import Reading
from l4f_datagen.sheet import save_png


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    root = tmp_path_factory.mktemp("places")
    image, mask = np.full((8, 8, 3), 90, np.uint8), np.pad(np.ones((4, 4), np.uint8), 2)
    for folder, picture in (("images", image), ("masks", mask)):
        (root / "folder" / folder).mkdir(parents=True)
        save_png(root / "folder" / folder / "a.png", picture)
    coco = {
        "images": [{"id": 1, "file_name": "images/a.png", "width": 8, "height": 8}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "segmentation": [[2, 2, 6, 2, 6, 6]]}],
    }
    (root / "folder" / "coco.json").write_text(json.dumps(coco))
    assert main(["import", str(root / "folder"), "--out", str(root / "shards")]) == 0
    return {
        "folder": str(root / "folder"), "coco": str(root / "folder" / "coco.json"), "shards": str(root / "shards"),
        "tars": f"tars:{root}/shards/00000.tar", "world": "world:vessels", "generator": "generator:vessels",
    }  # fmt: skip


SAID = {
    "masks": "elsewhere", "alphas": "elsewhere", "categories": ("cat",), "skip_unmatched": True, "foreground": ("1",)
}  # fmt: skip
TAKEN = {
    "folder": {"skip_unmatched", "foreground"}, "coco": {"categories"}, "shards": {"foreground"},
    "tars": {"skip_unmatched", "foreground"}, "world": set(), "generator": set(),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "said"), [(kind, said) for kind in TAKEN for said in SAID])
def test_each_place_refuses_what_it_would_not_look_at(places, kind, said):
    if (said == "masks" and kind in ("folder", "shards")) or (kind, said) == ("folder", "alphas"):
        return  # a folder beside others, which are looked for
    reading = Reading(**{said: SAID[said]}, flag="--mask-classes")
    if said in TAKEN[kind]:
        assert len(open_samples(places[kind], reading)) == 1
        return
    with pytest.raises(UserError) as told:
        open_samples(places[kind], reading)
    flag = {"foreground": "--mask-classes"}.get(said, f"--{said.replace('_', '-')}")
    assert told.value.subject == flag and told.value.remedy == f"leave {flag} out"


def test_the_flag_is_named_as_it_was_typed(places, capsys, tmp_path):
    assert main(["import", places["folder"], "--categories", "cat,dog", "--out", str(tmp_path / "o")]) == 2
    told = capsys.readouterr().err
    assert "--categories: got cat, dog for " in told and "files of masks have values, no names" in told
    assert not (tmp_path / "o").exists()
