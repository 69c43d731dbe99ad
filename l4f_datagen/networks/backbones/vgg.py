"""The convolutions of VGG-16 (Simonyan and Zisserman 2015) with the weights of LPIPS (Zhang et al. 2018) on them."""

from collections.abc import Mapping, Sequence

import torch.nn.functional as F
from torch import Tensor, nn

STAGES = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))
"""Numbers of the convolutions of each stage, as torchvision and LPIPS name them; a stage halves the size before it."""
_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
"""Of colours in [-1, 1], as LPIPS has them."""
_EPSILON = 1e-10


class PerceptualFeatures(nn.Module):
    """Image → maps whose squared differences, summed over channels and averaged over pixels and maps, are LPIPS.

    Args:
        weights: number of a convolution → its weight and bias.
        heads: the weights (1, C, 1, 1) of the channels of each stage.
    """

    def __init__(self, weights: Mapping[int, tuple[Tensor, Tensor]], heads: Sequence[Tensor]):
        super().__init__()
        self.names = [[f"{number}" for number in stage] for stage in STAGES]
        for number, (weight, bias) in weights.items():
            self.register_buffer(f"weight_{number}", weight)
            self.register_buffer(f"bias_{number}", bias)
        for stage, head in enumerate(heads):
            self.register_buffer(f"head_{stage}", head.clamp(min=0).sqrt())

    def forward(self, image: Tensor) -> list[Tensor]:
        """image (N, 3, H, W), nominally [-1, 1], of at least 16×16 → maps (N, C, h, w) of five stages."""
        x = (image - image.new_tensor(_SHIFT).view(-1, 1, 1)) / image.new_tensor(_SCALE).view(-1, 1, 1)
        maps = []
        for stage, names in enumerate(self.names):
            x = F.max_pool2d(x, 2) if stage else x
            for name in names:
                x = F.relu(F.conv2d(x, self.get_buffer(f"weight_{name}"), self.get_buffer(f"bias_{name}"), padding=1))
            unit = x / (x.square().sum(1, keepdim=True).sqrt() + _EPSILON)
            maps.append(unit * self.get_buffer(f"head_{stage}"))
        return maps
