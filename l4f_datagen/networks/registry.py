"""The segmenters there are, by name."""

from .bisenet import BiSeNet
from .segmenter import Segmenter
from .unet import UNet

SEGMENTERS: dict[str, type[Segmenter]] = {network.name: network for network in (UNet, BiSeNet)}
