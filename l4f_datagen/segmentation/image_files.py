"""Image files → masks, alphas, cut-outs and overlays, with a trained segmenter."""

import contextlib
import logging
import os
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .. import weights
from ..addresses import shown
from ..devices import resolve_device
from ..errors import UserError
from ..networks.segmenter import Segmenter
from ..overlap import ordered_map
from ..photographs import names
from ..photographs.folders import FolderImages
from ..photographs.left_out import LeftOut
from ..photographs.names import VIDEOS
from ..photographs.places import open_each
from ..photographs.source import Notices, Photographs
from ..settings import SegmentSettings
from ..shards.damage import Damaged
from ..short import short
from ..storage import atomic
from ..storage.opening import local_place
from . import video_files
from .finding_videos import find_videos
from .predict import segment
from .result_index import INDEX, ResultIndex, check_length, check_names
from .results import encoded, kinds_of

logger = logging.getLogger(__name__)

_WORKERS = 2
_PIXELS_AT_ONCE = 1 << 25
"""Images of one size go through the network together as long as they have fewer pixels than this."""


@dataclass(frozen=True)
class Segmented:
    """What became of the images."""

    done: int
    broken: tuple[str, ...]
    """Names of the images and videos that could not be read to their ends, in order."""
    videos: int = 0
    frames: int = 0
    """Of these videos, as far as they could be read."""


@dataclass(frozen=True)
class _Item:
    """A picture that is asked for."""

    source: Photographs
    index: int
    key: str
    """Path of its results below the output folder, without an extension."""

    @property
    def name(self) -> str:
        return self.source.name(self.index)


@dataclass(frozen=True)
class _Picture:
    item: _Item
    image: np.ndarray


def segment_files(
    settings: SegmentSettings,
    images: Sequence[str],
    out: str | Path,
    *,
    report: Callable[[int, int], None] = lambda done, count: None,
) -> Segmented:
    """Write the masks of images and videos into the folder ``out``, and ``index.csv``.

    An image gives KEY.png and what else the settings ask for; of a video ``video_files`` tells.

    KEY is the image's path below the folder that was named, or its name, without its extension; in an archive also the
    archive's. With ``names`` "full" it is the whole path as it was named, extension and all. It depends on nothing
    else: images that would share a KEY are refused. ``index.csv`` says which files belong to which image, and why one
    has none. A broken image is logged and left out.

    Args:
        images: files, folders of any nesting, patterns, and what else ``photographs.places.open_images`` takes; videos
            among them count.
        report: called with the numbers of images and frames that are finished and that there are, as far as videos
            tell.

    Raises:
        UserError: the segmenter, an image or ``out`` is not usable; nothing was written.
    """
    out = local_place(out)
    kinds = kinds_of(settings)
    earlier = ResultIndex.read(out)
    words, videos = find_videos(images, out, full=settings.names == "full")
    items = find_items(words, out, earlier, full=settings.names == "full") if words or not videos else []
    network = weights.load_segmenter(_named(settings), foreground=settings.foreground)
    network.to(resolve_device(settings.device))
    check_names([(item.name, item.key) for item in items], kinds)
    _check_out(out, items, kinds)
    video_files.check(settings, videos, out, [item.key for item in items])
    index, broken = ResultIndex(), []

    def write(result: tuple[_Picture, np.ndarray, np.ndarray, np.ndarray]) -> None:
        picture, *arrays = result
        key, contents = picture.item.key, encoded(settings, picture.image, *arrays)
        for extension, content in contents.items():
            place = out / f"{key}.{extension}"
            atomic.make_folder(place.parent)
            atomic.write_bytes(place, content)
        index.add(picture.item.name, {kind: f"{key}.{kind}" for kind in contents})

    done, count = 0, len(items) + sum(video.announced for video in videos)
    filmed = video_files.VideoFiles(settings, network, out, index, broken)
    try:
        with contextlib.closing(_segmented(settings, network, items, broken, index)) as segmented:
            for done, _ in enumerate(ordered_map(write, segmented, workers=_WORKERS, ahead=2 * _WORKERS), 1):
                report(done + len(broken), count)
        for video in videos:
            filmed.segment(video, lambda frames: report(done + frames, max(count, done + frames)))
    finally:
        # Also of what was finished when it was interrupted.
        replaced = index.write(out, earlier)
    _tell(items, replaced)
    return Segmented(done, tuple(broken), videos=len(videos), frames=filmed.frames)


def find_items(images: Sequence[str], out: Path, earlier: ResultIndex, *, full: bool = False) -> list[_Item]:
    """Find each image once, in order. Results of an earlier run into ``out`` do not count as images.

    Args:
        full: whether KEY is the whole path.

    Raises:
        UserError: there is no such file, or no image in it.
    """
    items: dict[str, _Item] = {}
    sources = open_each(images)
    results = {os.path.abspath(out / name) for name in earlier.files()}
    below, left_out = os.path.join(os.path.abspath(out), ""), LeftOut()
    for source in sources:
        left_out.merge(source.left_out)
        for index in range(len(source)):
            place = os.path.abspath(source.name(index)) if isinstance(source, FolderImages) else source.name(index)
            named = isinstance(source, FolderImages) and len(source.place(index).parts) == 1
            if place in results or (place.startswith(below) and not named):
                left_out.add("results of an earlier run", source.name(index))
            elif place not in items:
                items[place] = _Item(source, index, _key(source, index, full=full))
    left_out.forget(VIDEOS)  # they are segmented, too
    left_out.tell("images")
    if not items:
        raise UserError(
            "images", got=f"{', '.join(map(shown, images[:3]))}, where all images are results of an earlier run",
            expected="images to segment", remedy="name their folder, or another --out",
        )  # fmt: skip
    return list(items.values())


def _key(source: Photographs, index: int, *, full: bool) -> str:
    place = source.place(index).as_posix()
    if not full:
        return names.stem(place)
    if isinstance(source, FolderImages):
        place = os.path.normpath(source.name(index))
    # Whatever leads up, or to the root, leads nowhere out of the results' folder.
    return "/".join("_" if part == ".." else part for part in Path(place).parts if part not in ("/", "."))


def _tell(items: Sequence[_Item], replaced: int) -> None:
    """Say what pictures had that their results do not show, and how many earlier results were replaced."""
    counts: Counter[str] = Counter()
    for notices in {id(item.source): item.source.notices for item in items}.values():
        counts += notices.counts
    for line in Notices.lines(counts):
        logger.warning("images: %s", line)
    if replaced:
        logger.warning("%s: results of %d other images were replaced", INDEX, replaced)


def _named(settings: SegmentSettings) -> str:
    if not settings.segmenter:
        raise UserError(
            "segmenter", got="none", expected="a run of train-segmenter, a native folder or face-parsing weights",
            remedy="name one with --segmenter",
        )  # fmt: skip
    return settings.segmenter


def _check_out(out: Path, items: Sequence[_Item], kinds: Sequence[str]) -> None:
    if out.exists() and not out.is_dir():
        raise UserError(f"out {out}", got="a file", expected="a folder", remedy="choose another name")
    originals = {Path(item.name).resolve() for item in items if isinstance(item.source, FolderImages)}
    for item in items:
        for kind in kinds:
            if (place := out / f"{item.key}.{kind}").resolve() in originals:
                raise UserError(
                    f"out {out}", got=f"a folder in which {place.name} would replace an image of that name",
                    expected="another folder than the images'", remedy="choose another --out",
                )  # fmt: skip
    atomic.check_folder(out, f"out {out}")


def _segmented(
    settings: SegmentSettings, network: Segmenter, items: Sequence[_Item], broken: list[str], index: ResultIndex
) -> Generator[tuple[_Picture, np.ndarray, np.ndarray, np.ndarray]]:
    for group in _groups(settings, items, broken, index):
        result = segment(
            network,
            group[0].image[None] if len(group) == 1 else np.stack([picture.image for picture in group]),
            size=settings.size,
            tile=settings.tile,
            overlap=settings.overlap,
            threshold=settings.threshold,
            batch_size=settings.batch_size,
        )
        yield from zip(group, result.mask, result.alpha, result.classes, strict=True)


def _groups(
    settings: SegmentSettings, items: Sequence[_Item], broken: list[str], index: ResultIndex
) -> Iterator[list[_Picture]]:
    """Group neighbours of one size, as many as a batch and the memory hold."""
    group: list[_Picture] = []
    with contextlib.closing(ordered_map(_read, items, workers=_WORKERS, ahead=2 * _WORKERS)) as pictures:
        for picture in pictures:
            if isinstance(picture, tuple):
                name, reason = picture
                logger.warning("%s: left out (%s)", name, reason)
                broken.append(name)
                index.add(name, {}, reason)
                continue
            shape = picture.image.shape
            room = max(1, min(settings.batch_size, _PIXELS_AT_ONCE // (shape[0] * shape[1])))
            if group and (group[0].image.shape != shape or len(group) >= room):
                yield group
                group = []
            group.append(picture)
    if group:
        yield group


def _read(item: _Item) -> _Picture | tuple[str, str]:
    """A picture, or the name of a broken one and the reason."""
    try:
        check_length(item.key)
        return _Picture(item, item.source.photograph(item.index).image)
    except Damaged:
        raise
    except (OSError, ValueError) as error:
        return item.name, short(error, 300)
