"""The segmenters there are, by name."""

from ..segmenter import Segmenter
from .bisenet import BiSeNet
from .unet import UNet

SEGMENTERS: dict[str, type[Segmenter]] = {network.name: network for network in (UNet, BiSeNet)}
