"""What a person looks at while a network learns: sheets of foreground, background, alpha, mask and composite."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from ...generation import latents
from ...generation.drawing import alpha_to_uint8, composite
from ...masks import HALF, make_mask
from ...networks.alpha import AlphaNetwork
from ...networks.pixels import image_to_uint8
from ...networks.synthesis import SwitchedOff, Synthesis
from ...settings import CompleteAlphaSettings
from ...sheet import picture_grid, save_png

COLUMNS = 8


class Drawn(NamedTuple):
    """One batch: alpha (N, 1, H, W) in [0, 1], images (N, 3, H, W), nominally [-1, 1]."""

    foreground: Tensor
    background: Tensor
    alpha: Tensor
    composite: Tensor


def draw(
    alpha_net: AlphaNetwork,
    generator: Synthesis,
    settings: CompleteAlphaSettings,
    indices: Sequence[int],
    switched_off: SwitchedOff,
) -> Drawn:
    """Samples of streams that training does not see, with the checkpoint's noise."""
    with torch.no_grad():
        common = {"seed": settings.seed, "indices": indices}
        w = latents.draw_w(generator, stream="sheet-foreground", psi=settings.psi, **common)
        foreground, features = generator.synthesize(w)
        alpha = alpha_net(features)
        w = latents.draw_w(generator, stream="sheet-background", psi=settings.background_psi, **common)
        background = generator.background(w, switched_off=switched_off)
        return Drawn(foreground, background, alpha, composite(alpha, foreground, background))


def save_sheet(
    path: Path,
    alpha_net: AlphaNetwork,
    generator: Synthesis,
    settings: CompleteAlphaSettings,
    switched_off: SwitchedOff,
) -> None:
    """Write the same samples every time, so that sheets can be compared."""
    drawn = draw(alpha_net, generator, settings, range(COLUMNS), switched_off)
    alpha = alpha_to_uint8(drawn.alpha).cpu().numpy()
    rows = {
        "foreground": image_to_uint8(drawn.foreground).cpu().numpy(),
        "background": image_to_uint8(drawn.background).cpu().numpy(),
        "alpha": alpha,
        "mask": [255 * make_mask(one, HALF) for one in alpha],
        "composite": image_to_uint8(drawn.composite).cpu().numpy(),
    }
    save_png(path, picture_grid({name: list(pictures) for name, pictures in rows.items()}))
