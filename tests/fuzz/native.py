"""``model.json`` of a native folder: beside whole networks, whatever it says of them."""

import json
import logging
import random
from collections.abc import Mapping
from pathlib import Path

import torch

from l4f_datagen.generation.recommended import with_recommended
from l4f_datagen.networks.alpha import AlphaNetwork
from l4f_datagen.networks.encoders.encoder import Encoder
from l4f_datagen.networks.segmenters.bisenet import BiSeNet
from l4f_datagen.settings import GenerateSettings
from l4f_datagen.weights import native
from l4f_datagen.weights.native import cards
from tests.weights import forge

from .checkpoints import look
from .mutations import json_mutated

BYTES = 0.3
IN_SUITE = 40
TOKENS = (b"{", b"}", b"[", b"]", b",", b":", b"null", b"1e999", b"NaN", b"9" * 5000, b"[" * 100, b'"\\ud800"', b"\xff")
_FOLDER = Path("folder")


def seeds() -> Mapping[str, bytes]:
    """The card of four networks."""
    torch.set_num_threads(1)
    logging.disable()
    made = forge.generator()
    card = {"name": "made", "licence": "MIT", "source": {"generator": "x"}, "quality": {"frechet": 0.5}}
    alpha, segmenter = AlphaNetwork(made.architecture.channels[-3:]), BiSeNet(width=4, stem=2)
    encoder = Encoder(num_ws=4, w_dim=6, size=8, width=2, hidden=4).eval()
    card |= {"training": {"generator": {"kimg": 3}}}
    card |= {"recommended": {"psi": 0.7, "refine": 3, "ignore_band": [0.2, 0.8], "min_area": None, "fill_holes": True}}
    native.save(_FOLDER, generator=made, alpha=alpha, segmenter=segmenter, encoder=encoder, card=card)
    return {"card": (_FOLDER / native.CARD).read_bytes()}


def mutated(content: bytes, numbers: random.Random) -> bytes:
    """Changed by its structure; mostly not in the hashes of tensors, which are nearly all of it."""
    card = json.loads(content)
    hashes = {kind: card[kind].pop("tensors") for kind in cards.KINDS} if numbers.random() < 0.8 else {}
    card = json.loads(json_mutated(json.dumps(card).encode(), numbers))
    for kind, tensors in hashes.items():
        if isinstance(card, dict) and isinstance(card.get(kind), dict):
            card[kind].setdefault("tensors", tensors)
    return json.dumps(card).encode()


def read(content: bytes) -> None:
    """All that looks at a card."""
    (_FOLDER / native.CARD).write_bytes(content)
    card = native.read_card(_FOLDER)
    look(str(_FOLDER))
    if "training" in card:
        cards.training_of(_FOLDER, "generator", "kimg")
    with_recommended(GenerateSettings(generator=str(_FOLDER)))
    native.save(_FOLDER, card=dict(card))
