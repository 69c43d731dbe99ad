"""COCO instances: the file, and every mask that it gives."""

import json
import random
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from l4f_datagen.run_lengths import of_coco
from l4f_datagen.samples.drawn.coco import CocoSamples
from l4f_datagen.samples.reading import Reading

from .mutations import json_mutated

TOKENS = (b"[" * 3000, b"1e400", b"1e9", b"-1e9", b"NaN", b"Infinity", b"9" * 5000, b"null", b"true", b'"', b"0.5",
          b",", b"-", b"e", b"[]", b"{}")  # fmt: skip
BYTES = 0.35
HEIGHT, WIDTH = 20, 30


def seeds() -> Mapping[str, bytes]:
    """Masks of all three kinds."""
    region = np.zeros((HEIGHT, WIDTH), bool)
    region[3:9, 4:20] = True
    counts = [4 * HEIGHT + 3, *[6, HEIGHT - 6] * 15, 6]
    counts.append(HEIGHT * WIDTH - sum(counts))
    segmentations = [
        [[5, 5, 15, 5, 15, 15, 5, 15], [20.5, 2, 28, 4, 21, 9.25]],
        {"size": [HEIGHT, WIDTH], "counts": counts},
        of_coco.encode(region)["segmentation"],
    ]
    annotations = [
        {"id": n, "image_id": 1 + n % 2, "category_id": 1, "iscrowd": int(n == 1), "segmentation": segmentation}
        for n, segmentation in enumerate(segmentations)
    ]
    images = [{"id": n, "file_name": f"{n}.png", "height": HEIGHT, "width": WIDTH} for n in (1, 2)]
    Path("images").mkdir(exist_ok=True)
    for n in (1, 2):
        Image.fromarray(np.zeros((HEIGHT, WIDTH, 3), np.uint8)).save(f"images/{n}.png")
    data = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "cat"}]}
    return {"coco.json": json.dumps(data).encode()}


def mutated(content: bytes, numbers: random.Random) -> bytes:
    """A field changed, most often one of a segmentation."""
    data = json.loads(content)
    if numbers.random() < 0.7:
        annotation = numbers.choice(data["annotations"])
        annotation["segmentation"] = json.loads(json_mutated(json.dumps(annotation["segmentation"]).encode(), numbers))
        return json.dumps(data).encode()
    return json_mutated(content, numbers)


def read(content: bytes) -> None:
    """As ``import`` does."""
    Path("coco.json").write_bytes(content)
    samples = CocoSamples(Path("coco.json"), Reading())
    for index in range(len(samples)):
        assert samples.mask(index).dtype == np.uint8
