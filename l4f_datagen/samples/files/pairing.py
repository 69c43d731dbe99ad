"""Finds by their names which mask belongs to which image."""

import re
from collections.abc import Callable, Iterable, Sequence

from ...photographs.names import PICTURES

_WORDS = (
    r"(?:binary[_-]?)?(?:masks?|seg(?:ment(?:s|ations?)?|m)?|labels?|labelids|gt|ground[_-]?truth|mattes?|alphas?|"
    r"annotations?|anno|pred(?:iction)?s?|output|foreground|fg)|gtfine_label(?:train)?ids"
)
_IMAGE_WORDS = r"images?|imgs?|im|photos?|pictures?|pics?|rgb|sat|orig(?:inal)?|input|leftimg8bit"
_AFTER, _BEFORE = re.compile(rf"[_\-. ](?:{_WORDS})$", re.I), re.compile(rf"^(?:{_WORDS})[_\-. ]", re.I)
_IMAGE_AFTER = re.compile(rf"[_\-. ](?:{_IMAGE_WORDS})$", re.I)
_IMAGE_BEFORE = re.compile(rf"^(?:{_IMAGE_WORDS})[_\-. ]", re.I)
SIDE_FILES = ("alpha", "cutout", "overlay", "classes", "foreground", "background")
"""Words that may stand in KEY.WORD.png beside a mask KEY.png."""

Form = Callable[[str], str]


def pairs(images: Sequence[str], masks: Sequence[str]) -> dict[str, str]:
    """Image → mask, of names without suffix that may stand in folders.

    Equal names belong together; of those that are left, such that are equal but for a picture's extension within the
    name (a.jpg and a), a word for masks before or behind (a_mask, seg-a), or one for images too (a_sat). Where more
    than one would do, none belongs to any.
    """
    found = {name: name for name in set(images) & set(masks)}
    left_images = [name for name in images if name not in found]
    left_masks = [name for name in masks if name not in found]
    for of_image, of_mask in (
        (without_extension, without_extension),
        (without_extension, _without_word),
        (_without_image_word, _without_word),
    ):
        if not left_images or not left_masks:
            break
        by_image, by_mask = _alone(left_images, of_image), _alone(left_masks, of_mask)
        new = {by_image[form]: by_mask[form] for form in by_image.keys() & by_mask.keys()}
        found |= new
        taken = set(new.values())
        left_images = [name for name in left_images if name not in new]
        left_masks = [name for name in left_masks if name not in taken]
    return found


def is_mask_name(name: str) -> bool:
    """Whether a name without suffix says that it is a mask."""
    return _without_word(name) != name


def of_member(names: Iterable[str], member: str) -> dict[str, str] | None:
    """Name → KEY where samples lie as KEY.MEMBER, as in a shard; None where they do not."""
    found = {name: name.removesuffix(f".{member}") for name in names if name.endswith(f".{member}")}
    return found or None


def side_files(names: Sequence[str]) -> list[str]:
    """The names such as KEY.alpha and KEY.cutout whose KEY is there itself."""
    there = set(names)
    split = ((name, *name.rpartition(".")[::2]) for name in names)
    return [name for name, key, word in split if word in SIDE_FILES and key in there]


def without_extension(name: str) -> str:
    """a.jpg → a."""
    stem, _, extension = name.rpartition(".")
    return stem if stem and extension.lower() in PICTURES else name


def _without_word(name: str) -> str:
    return _stripped(without_extension(name), _AFTER, _BEFORE)


def _without_image_word(name: str) -> str:
    return _stripped(without_extension(name), _IMAGE_AFTER, _IMAGE_BEFORE)


def _stripped(name: str, after: re.Pattern, before: re.Pattern) -> str:
    folder, slash, last = name.rpartition("/")
    short = before.sub("", after.sub("", last, count=1) or last, count=1)
    return folder + slash + (without_extension(short) or last)


def _alone(names: Sequence[str], form: Form) -> dict[str, str]:
    """Form → name, of the forms that one name alone has."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(form(name), []).append(name)
    return {form: several[0] for form, several in found.items() if len(several) == 1}
