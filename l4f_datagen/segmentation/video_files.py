"""Video files → masks of their frames, or videos of masks, overlays and foregrounds, with a trained segmenter.

A video gives, by the setting ``video``: KEY.frames/, a folder with the results of each frame as an image has them,
000000.png and so on; KEY.mask.mp4, its masks in black and white; KEY.overlay.mp4; and KEY.foreground.mp4, the
foreground with the colours of its soft edges before black. Videos have the rate of theirs, and no sound.
"""

import contextlib
import logging
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ..errors import UserError
from ..generation.cutouts import cut_out_array
from ..networks.segmenter import Segmenter
from ..overlap import ordered_map
from ..settings import SegmentSettings
from ..short import short
from ..storage import atomic, atomic_folders
from . import videos
from .finding_videos import Video
from .predict import segment
from .result_index import ResultIndex, check_length, check_names
from .results import encoded, overlay

logger = logging.getLogger(__name__)

FRAMES = "frames"
_WORKERS = 2
_PIXELS_AT_ONCE = 1 << 23
"""Frames go through the network together as long as they have fewer pixels than this: several of such groups are in
memory."""
_COLUMNS = {FRAMES: "png", "mask": "png", "overlay": "overlay.jpg", "foreground": "cutout.png"}
"""What the index calls a result like."""


@dataclass(frozen=True)
class _Frame:
    number: int
    image: np.ndarray
    mask: np.ndarray
    alpha: np.ndarray
    classes: np.ndarray


def results_of(settings: SegmentSettings, key: str) -> dict[str, str]:
    """The paths of a video's results below the output folder, by the kinds of the setting ``video``."""
    return {
        kind: f"{key}.{FRAMES}" if kind == FRAMES else f"{key}.{kind}.{settings.video_format}"
        for kind in settings.video
    }


def check(settings: SegmentSettings, found: Sequence[Video], out: Path, keys: Sequence[str]) -> None:
    """Refuse videos whose results would share names, with each other, with an image's or with a video of the user's.

    Args:
        keys: those of the images.

    Raises:
        UserError: they would; or this OpenCV does not write the format that is asked for.
    """
    if not found:
        return
    kinds = [path.removeprefix("KEY.") for path in results_of(settings, "KEY").values()]
    check_names([(video.name, video.key) for video in found], kinds)
    inside = {key.rpartition("/")[0] for key in keys}
    originals = {video.path.resolve() for video in found}
    for video in found:
        for result in results_of(settings, video.key).values():
            place = out / result
            if any(f"{folder}/".startswith(f"{result}/") for folder in inside):
                raise UserError(
                    "images", got=f"{short(video.name, 120)} and a folder of images called {short(result, 120)}",
                    expected="results of different names", remedy="segment them apart, with an --out each",
                )  # fmt: skip
            if place.resolve() in originals:
                raise UserError(
                    f"out {out}", got=f"a folder in which {place.name} would replace a video of that name",
                    expected="another folder than the videos'", remedy="choose another --out",
                )  # fmt: skip
            if place.is_dir() and not _may_replace(place):
                raise UserError(
                    f"out {out}", got=f"a folder {result} that segment did not write", expected="none of that name",
                    remedy="choose another --out",
                )  # fmt: skip
    if set(settings.video) != {FRAMES}:
        atomic.make_folder(out)
        videos.check_codec(settings.video_format, out)


class VideoFiles:
    """Segments videos one after the other; memory does not grow with their length."""

    def __init__(self, settings: SegmentSettings, network: Segmenter, out: Path, index: ResultIndex, broken: list[str]):
        self.settings, self.network, self.out, self.index, self.broken = settings, network, out, index, broken
        self.frames = 0
        """Of all videos so far."""

    def segment(self, video: Video, report: Callable[[int], None]) -> None:
        """Write the results of one video; each appears when it is whole.

        Of a video that ends too soon there are the results of its beginning, and it is noted as broken.

        Args:
            report: called with the frames that are finished, of all videos.
        """
        results = results_of(self.settings, video.key)
        try:
            check_length(video.key)
            reason = self._write(video, results, report)
        except _Unreadable as error:
            results, reason = {}, short(error, 300)
        except ValueError as error:  # its name is too long
            results, reason = {}, str(error)
        if reason:
            logger.warning("%s: %s (%s)", video.name, "segmented in part" if results else "left out", reason)
            self.broken.append(video.name)
        files: dict[str, str] = {}
        for kind, path in results.items():
            files.setdefault(_COLUMNS[kind], path)
        self.index.add(video.name, files, reason)

    def _write(self, video: Video, results: Mapping[str, str], report: Callable[[int], None]) -> str:
        """Write the results. Returns why the video ends too soon, "" where it does not."""
        before, problems = self.frames, list[str]()
        try:
            rate = videos.heading(video.path).rate
        except (OSError, ValueError) as error:
            raise _Unreadable(error) from error
        atomic.make_folder((self.out / video.key).parent)
        with contextlib.ExitStack() as stack:
            folder = None
            if FRAMES in results:
                folder = stack.enter_context(atomic_folders.replacing(self.out / results[FRAMES]))
            films = {
                kind: stack.enter_context(contextlib.closing(videos.VideoFile(self.out / path, rate)))
                for kind, path in results.items()
                if kind != FRAMES
            }
            with contextlib.closing(self._made(video, folder, problems)) as frames:
                for made in frames:
                    for kind, film in films.items():
                        film.add(made[kind])
                    self.frames += 1
                    report(self.frames)
            if self.frames == before:
                raise _Unreadable(*problems)
            for film in films.values():
                film.finish()
        return "".join(problems)

    def _made(self, video: Video, folder: Path | None, problems: list[str]) -> Generator[dict[str, np.ndarray]]:
        """For each frame, whose files are written then, the pictures of the videos that are asked for."""
        settings = self.settings

        def make(frame: _Frame) -> dict[str, np.ndarray]:
            if folder is not None:
                contents = encoded(settings, frame.image, frame.mask, frame.alpha, frame.classes)
                for extension, content in contents.items():
                    atomic.write_part(folder / f"{frame.number:06d}.{extension}", content)
            drawn = {
                "mask": lambda: 255 * (frame.mask == 1).astype(np.uint8),
                "overlay": lambda: overlay(frame.image, frame.mask),
                "foreground": lambda: _before_black(frame.image, frame.alpha),
            }
            return {kind: drawn[kind]() for kind in settings.video if kind != FRAMES}

        with contextlib.closing(self._segmented(video, problems)) as frames:
            yield from ordered_map(make, frames, workers=_WORKERS, ahead=2 * _WORKERS)

    def _segmented(self, video: Video, problems: list[str]) -> Generator[_Frame]:
        """The frames in order; what is wrong with the video is noted, so that the frames before it are not lost."""
        settings, number = self.settings, 0
        group: list[np.ndarray] = []
        with contextlib.closing(_noting(videos.frames(video.path), problems)) as frames:
            for frame in frames:
                group.append(frame)
                if len(group) >= max(1, min(settings.batch_size, _PIXELS_AT_ONCE // frame[..., 0].size)):
                    yield from self._of_group(group, number)
                    number, group = number + len(group), []
        yield from self._of_group(group, number)

    def _of_group(self, group: Sequence[np.ndarray], first: int) -> Iterator[_Frame]:
        if not group:
            return
        s = self.settings
        found = segment(
            self.network, np.stack(group), size=s.size, tile=s.tile, overlap=s.overlap, threshold=s.threshold,
            batch_size=s.batch_size,
        )  # fmt: skip
        for place, image in enumerate(group):
            yield _Frame(first + place, image, found.mask[place], found.alpha[place], found.classes[place])


class _Unreadable(Exception):
    """A video of which no frame can be read."""


def _noting(frames: Generator[np.ndarray], problems: list[str]) -> Generator[np.ndarray]:
    try:
        yield from frames
    except ValueError as error:
        problems.append(short(error, 300))


def _may_replace(folder: Path) -> bool:
    """Whether a folder holds results of frames alone."""
    return all(entry.name[:6].isdecimal() and entry.is_file() for entry in folder.iterdir())


def _before_black(image: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    cut = cut_out_array(image, alpha)
    return cv2.convertScaleAbs(cut[..., :3] * (cut[..., 3:] / np.float32(255)))
