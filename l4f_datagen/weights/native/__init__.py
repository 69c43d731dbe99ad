"""The native format: a folder of safetensors files beside ``model.json``, the card that says what they are."""

from .cards import CARD
from .folders import NETWORK_FILES, SIGNS, is_native, kind_of, network_file, read, read_card
from .saving import save, saving

__all__ = [
    "CARD",
    "NETWORK_FILES",
    "SIGNS",
    "is_native",
    "kind_of",
    "network_file",
    "read",
    "read_card",
    "save",
    "saving",
]
