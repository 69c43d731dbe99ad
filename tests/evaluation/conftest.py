"""Segmenters that know the answer: of images whose foreground is red, as files of each kind."""

import cv2
import numpy as np
import pytest
import torch

from l4f_datagen.networks.segmenters.unet import UNet
from l4f_datagen.weights import native


def red_images(n=6, size=16, seed=0):
    """Images uint8 N×H×W×3 of a red disc before a dim wall, and masks uint8 N×H×W."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size]
    images, masks = rng.integers(0, 60, (n, size, size, 3)).astype(np.uint8), np.zeros((n, size, size), np.uint8)
    for image, mask in zip(images, masks):
        cy, cx = rng.uniform(0.4, 0.6, 2) * size
        mask[(y - cy) ** 2 + (x - cx) ** 2 < (0.25 * size) ** 2] = 1
        image[mask == 1, 0] = 250
    return images, masks


def red_unet() -> UNet:
    """A UNet whose class 1 is what is red, computed at full size alone."""
    network = UNet(width=2, depth=1).eval()
    for parameter in network.parameters():
        torch.nn.init.zeros_(parameter)
    first, last = network.down[0], network.up[-1]
    with torch.no_grad():
        # Red in [-1, 1] goes through the first channel of every block; batch norms are the identity but for 1e-5.
        for block, channel in ((first, 0), (last, 0)):
            for conv, norm, source in ((block[0], block[1], channel), (block[3], block[4], 0)):
                conv.weight[0, source, 1, 1] = 1
                norm.weight.fill_(1)
        network.scores.weight[1, 0] = 1
        network.scores.bias.copy_(torch.tensor([0.5, 0.0]))
    return network


@pytest.fixture(scope="session")
def red_segmenter(tmp_path_factory):
    """A native folder."""
    folder = tmp_path_factory.mktemp("segmenters") / "red"
    native.save(folder, segmenter=red_unet(), card={"name": "red", "licence": "MIT"})
    return folder


@pytest.fixture
def red_folders(tmp_path):
    """Images and masks of different sizes as files: the two folders."""
    for size in (16, 20):
        for number, (image, mask) in enumerate(zip(*red_images(4, size))):
            for name, picture in (("images", image[..., ::-1]), ("masks", mask * 255)):
                (tmp_path / name).mkdir(exist_ok=True)
                cv2.imwrite(str(tmp_path / name / f"{size}-{number}.png"), picture)
    return tmp_path / "images", tmp_path / "masks"
