"""What annotators give back: Label Studio's JSON and JSON-MIN and CVAT's XML, and every mask that they give."""

import json
import random
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from l4f_datagen.run_lengths import of_brushes
from l4f_datagen.samples.drawn.cvat import CvatSamples
from l4f_datagen.samples.drawn.label_studio import LabelStudioSamples
from l4f_datagen.samples.reading import Reading

from .mutations import bytes_mutated, json_mutated

TOKENS = (
    b"[" * 3000, b"1e400", b"9" * 5000, b"null", b"true", b'"', b"-", b"<!DOCTYPE a>", b"&#0;", b"&amp;", b"<image>",
    b"</image>", b'rle="', b"inf", b"nan", b";", b",", b"\xff", b"../", b"/data/local-files/?d=",
)  # fmt: skip
BYTES = 0.4
HEIGHT, WIDTH = 20, 30


def seeds() -> Mapping[str, bytes]:
    """Masks and polygons, in each form."""
    region = np.zeros((HEIGHT, WIDTH), bool)
    region[3:9, 4:20] = True
    Path("images").mkdir(exist_ok=True)
    Image.new("RGB", (WIDTH, HEIGHT)).save("images/1.png")
    size = {"original_width": WIDTH, "original_height": HEIGHT, "image_rotation": 0}
    values = [
        {"format": "rle", "rle": of_brushes.encode(region), "brushlabels": ["cat"]},
        {"points": [[10, 10], [50, 10], [50, 60.5]], "polygonlabels": ["ignored"], "closed": True},
    ]
    result = [
        {"id": "a", "type": kind, "value": v, **size} for kind, v in zip(("brushlabels", "polygonlabels"), values)
    ]
    image = "/data/local-files/?d=images/1.png"
    task = {"id": 1, "data": {"image": image}, "annotations": [{"id": 3, "result": result, "updated_at": "2026"}]}
    small = {"id": 1, "image": image, "mask": [{**value, **size} for value in values], "annotation_id": 3}
    xml = f"""<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version><image id="0" name="1.png" width="{WIDTH}" height="{HEIGHT}">
<mask label="cat" rle="1, 2, 3" left="4" top="5" width="3" height="2"/><polygon label="cat" points="1,2;20,2;20,9"/>
<box label="cat" xtl="1"/></image></annotations>"""
    return {"json": json.dumps([task]).encode(), "json-min": json.dumps([small]).encode(), "xml": xml.encode()}


def mutated(content: bytes, numbers: random.Random) -> bytes:
    """A value of JSON changed; bytes of XML."""
    return bytes_mutated(content, [content], TOKENS, numbers) if content[:1] == b"<" else json_mutated(content, numbers)


def read(content: bytes) -> None:
    """As ``import`` does."""
    is_xml = content.lstrip()[:1] == b"<"
    path = Path("annotations.xml" if is_xml else "tasks_x.json")
    path.write_bytes(content)
    samples = CvatSamples(path, Reading()) if is_xml else LabelStudioSamples(path, Reading())
    for index in range(len(samples)):
        assert samples.mask(index).dtype == np.uint8
