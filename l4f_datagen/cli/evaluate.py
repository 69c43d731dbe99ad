"""``l4f-datagen evaluate``: masks, alpha networks, segmenters and sets of images, measured."""

import click

from .commands import Measurements


@click.group("evaluate", short_help="Measure masks, alpha networks, segmenters and sets of images.", cls=Measurements)
def command() -> None:
    """Measure as the paper does (Labels4Free, ICCV 2021, Tables 1 to 5).

    Needs the extra `evaluation`. Foreground is the object; one confusion matrix is pooled over all pixels.
    """
