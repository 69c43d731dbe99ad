"""A labelled image, and what every kind of source of them has in common."""

import abc
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np

from ..errors import UserError
from ..masks import MaskLaw

UNKNOWN_LICENCE = "unknown"
SHOWN = 3
"""How many names an error message shows."""


@dataclass(frozen=True)
class Labelled:
    """An image and its truth; arrays are uint8."""

    image: np.ndarray
    """RGB H×W×3: the composite, or the plain foreground if that was asked for."""
    alpha: np.ndarray
    """round(255·alpha), H×W; of a source without soft masks 255 where the mask is foreground."""
    mask: np.ndarray
    """Class indices, H×W; 255 is ignored."""
    law: MaskLaw | None = None
    """What the mask is made of the alpha by, at any size; None: the mask is no alpha's."""
    hard: bool = False
    """Whether the image was blended with the mask, so that it shows nothing of a soft edge."""

    @property
    def soft(self) -> np.ndarray:
        """The share of each pixel that the image shows as foreground, uint8 H×W, 255 = all of it."""
        return 255 * (self.mask == 1).astype(np.uint8) if self.hard else self.alpha


@dataclass(frozen=True, kw_only=True)
class Picture:
    """An image, and its file where that can be stored as it is."""

    image: np.ndarray
    """RGB uint8 H×W×3, upright."""
    format: str = ""
    """The format of the file that it comes from: jpg, png, webp, …; "" where there is no file."""
    content: bytes | None = None
    """The file, if it is no more and no less than this image."""


class Samples(abc.ABC):
    """A numbered list of labelled images in a fixed order; ``read`` and the like may be called from several threads."""

    KIND: ClassVar[str]
    name: str
    """The name that messages use."""
    keys: Sequence[str]
    """The name of each sample: that of its files without suffix."""
    foreground: str = "mask value 1, 255 ignored"
    """What is foreground, in words."""
    ignores: bool = False
    """Whether pixels are known to be ignored; a source whose labels were not looked at before does not know."""
    digest: str
    """A hash over all labels and names: another source has another one."""
    has_alphas: bool = False
    notes: Sequence[str] = ()
    """Sentences about what was left out or concluded."""
    licence: str = UNKNOWN_LICENCE
    generated: bool = False
    """Whether its alphas are an alpha network's, so that another threshold makes another mask."""
    law: MaskLaw | None = None
    """What its masks were made of their alphas by; None where they are masks of their own."""
    blended: Literal["alpha", "mask"] = "alpha"
    """What its images show of the foreground."""
    has_foregrounds: bool = False
    endless: bool = False
    """Whether it has more samples than any training asks for, so that none has to come twice."""

    def __len__(self) -> int:
        return len(self.keys)

    @abc.abstractmethod
    def picture(self, index: int) -> Picture:
        """One image. Raises UserError, or Damaged of a data set of ours, which name it, if it is broken."""

    @abc.abstractmethod
    def mask(self, index: int) -> np.ndarray:
        """One mask, uint8 H×W: 0 background, 1 foreground, 255 ignored. Raises as ``picture``."""

    def alpha(self, index: int) -> np.ndarray | None:
        """One soft mask, uint8 H×W, if there are any. Raises as ``picture``."""
        return None

    def read(self, index: int, *, foreground: bool = False) -> Labelled:
        """One image and its truth; with ``foreground`` the plain foreground, where ``has_foregrounds``."""
        image, mask, alpha = self.picture(index).image, self.mask(index), self.alpha(index)
        check_fit(self.where(index), mask, image.shape[:2])
        alpha = 255 * (mask == 1).astype(np.uint8) if alpha is None else alpha
        check_fit(self.where(index), alpha, image.shape[:2])
        return Labelled(image, alpha, mask, law=self.law)

    def read_all(self, wanted: Sequence[tuple[int, bool]]) -> list[Labelled]:
        """As ``read`` of each: its index, and whether the plain foreground is wanted."""
        return [self.read(index, foreground=foreground) for index, foreground in wanted]

    def of_two_sizes(self, index: int) -> Exception:
        """What to raise where image, mask and alpha of one do not have one size, though all were looked at before."""
        return broken(self.where(index), "it changed since it was looked at")

    def where(self, index: int) -> str:
        """What messages call one of them."""
        return f"{self.name}: {self.keys[index]}"

    def number(self, key: str) -> int:
        """Which of them has this key."""
        return self._numbers[key]

    @property
    def identity(self) -> dict[str, Any]:
        """What its content depends on."""
        return {"kind": self.KIND, "files": self.digest, "foreground": self.foreground, "samples": len(self)}

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {key: number for number, key in enumerate(self.keys)}


def check_fit(where: str, mask: np.ndarray, size: tuple[int, int]) -> None:
    """Refuse a mask of another size, height and width, than its image.

    Raises:
        UserError: it has another one.
    """
    if mask.shape != size:
        raise UserError(
            where, got=f"a mask of {mask.shape[1]}×{mask.shape[0]} pixels",
            expected=f"the image's {size[1]}×{size[0]}", remedy="check the folders",
        )  # fmt: skip


def listed(names: Sequence[str], shown: int = SHOWN) -> str:
    """The first few of some names, and how many more there are."""
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more


def broken(where: object, error: object) -> UserError:
    """What to tell of a file that cannot be read."""
    return UserError(
        str(where), got=f"a file that cannot be read ({error})", expected="a picture", remedy="mend or remove it"
    )


class Problems:
    """What is wrong with a source, gathered so that a user mends it at once."""

    def __init__(self, subject: str):
        self._subject, self._found, self._why = subject, {}, {}

    def add(self, kind: str, name: str, why: object = "") -> None:
        """Another ``name`` of which ``kind`` is true, and why; of the first one that is told."""
        self._found.setdefault(kind, []).append(name)
        self._why.setdefault(kind, f": {why}" if str(why) else "")

    def __len__(self) -> int:
        return sum(map(len, self._found.values()))

    def check(self, remedy: str) -> None:
        """Raise a UserError that names and counts what was found."""
        if self._found:
            got = "; ".join(
                f"{len(names)} {kind} ({listed(names)}){self._why[kind]}" for kind, names in self._found.items()
            )
            raise UserError(self._subject, got=got, expected="whole files that fit together", remedy=remedy)
