"""What a setting ``switched_off`` stands for, once the networks are there."""

from ..errors import UserError
from ..networks.synthesis import SwitchedOff
from ..networks.zeroed import ZeroedChannels
from ..settings.switching import AUTO, share_of_channels, with_share, zeroes_channels


def switched_off(setting: str, kept: ZeroedChannels | None, name: str) -> SwitchedOff:
    """What is zeroed for backgrounds: the layer that the setting names, or the channels that an alpha network keeps.

    Args:
        kept: the channels.
        name: what the user calls the alpha network.

    Raises:
        UserError: it keeps no channels, or those of another share.
    """
    if not zeroes_channels(setting):
        return "constant" if setting == "constant" else "first_convolution"
    if kept is None or kept.share != share_of_channels(setting):
        raise UserError(
            "switched_off", got=f"{setting} with the alpha network {name}, which keeps "
            + ("no channels" if kept is None else f"those of {with_share(kept.share)}"),
            expected="the channels that an alpha network learned with",
            remedy=_remedy(setting, kept),
        )  # fmt: skip
    return kept


def _remedy(setting: str, kept: ZeroedChannels | None) -> str:
    if setting == AUTO:
        return "analyze backgrounds --images makes one"
    return f"train one with --switched-off {setting}" if kept is None else "name its own, or train another"
