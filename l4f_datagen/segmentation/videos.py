"""Video files, read and written frame by frame with OpenCV, whose FFmpeg knows the codecs."""

import contextlib
import math
import os
import secrets
import shutil
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ..errors import UserError, WorkError
from ..storage import atomic

CODECS = {"mp4": "mp4v", "avi": "MJPG"}
"""Extension → four letters of the codec, those that OpenCV's own FFmpeg writes."""
_USUAL_RATE, _HIGHEST_RATE = 25.0, 1000.0
"""Frames per second where a file does not say any that can be."""
_MISSING = 0.05
"""Share of the frames that a file announces and may lack: of some formats the number is reckoned from the duration."""

# FFmpeg speaks for itself on standard error, and would follow addresses inside of files, unless it is told before.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", "protocol_whitelist;file")


@dataclass(frozen=True)
class Heading:
    """What a video says of itself."""

    rate: float
    """Frames per second."""
    frames: int
    """How many it announces; 0: it does not say."""


def heading(path: Path) -> Heading:
    """What a video says of itself.

    Raises:
        ValueError: it cannot be opened.
    """
    with _opened(path) as capture:
        return _heading(capture)


def frames(path: Path) -> Generator[np.ndarray]:
    """The frames of a video, upright, RGB uint8 H×W×3, one at a time.

    Raises:
        ValueError: it cannot be opened, holds no frame, or ends, or changes its size, long before it should.
    """
    with _opened(path) as capture:
        announced, read, size = _heading(capture).frames, 0, None
        while True:
            found, frame = capture.read()
            if not found:
                break
            if size not in (None, frame.shape):
                raise ValueError(f"its frames change their size at frame {read}")
            size = frame.shape
            read += 1
            yield cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
    if not read:
        raise ValueError("no frame of it can be read: it is empty or damaged, or OpenCV does not know its codec")
    if read < announced - max(1, math.ceil(_MISSING * announced)):
        raise ValueError(f"it ends after {read} of {announced} frames: it is cut off or damaged")


class VideoFile:
    """A video that is written frame by frame under a hidden name, and appears under its own when it is whole.

    Frames of odd sides get a row or a column more, a copy of the last one: codecs halve colours.
    """

    def __init__(self, path: Path, rate: float):
        self.path, self.rate, self.written = path, rate, 0
        # The extension tells OpenCV the format, so that it is the folder that is hidden.
        self._hidden = path.with_name(f".{path.stem[:100]}.{secrets.token_hex(4)}{atomic.SUFFIX}")
        self._file = self._hidden / f"video{path.suffix}"
        self._writer: cv2.VideoWriter | None = None

    def add(self, frame: np.ndarray) -> None:
        """Append a frame, uint8 H×W×3 RGB, or H×W grey."""
        bgr = cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR if frame.ndim == 2 else cv2.COLOR_RGB2BGR)
        height, width = bgr.shape[:2]
        if height % 2 or width % 2:
            bgr = cv2.copyMakeBorder(bgr, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
        if self._writer is None:
            atomic.make_folder(self._hidden)
            self._writer = _writer(self._file, self.rate, bgr.shape[1::-1])
        self._writer.write(bgr)
        self.written += 1

    def finish(self) -> None:
        """Give it its name; where no frame was added there is none.

        Raises:
            WorkError: it was not written whole: the disk may be full.
        """
        if self._writer is None:
            return
        self._writer.release()
        try:
            whole = heading(self._file).frames >= self.written
        except ValueError:
            whole = False
        if not whole:
            raise WorkError(f"{self.path}: the video was not written whole; look at the room on the disk")
        with atomic.explained(self.path):
            atomic.sync_path(self._file)
            os.replace(self._file, self.path)
            atomic.sync_path(self.path.parent)

    def close(self) -> None:
        """Remove what is left of it under its hidden name."""
        if self._writer is not None:
            self._writer.release()
        shutil.rmtree(self._hidden, ignore_errors=True)


def check_codec(extension: str, folder: Path) -> None:
    """Refuse a format that this OpenCV does not write; tries it below ``folder``, which is there.

    Raises:
        UserError: it does not.
    """
    trial = VideoFile(folder / f"trial.{extension}", _USUAL_RATE)
    try:
        trial.add(np.zeros((16, 16), np.uint8))
    finally:
        trial.close()


def _writer(path: Path, rate: float, size: tuple[int, int]) -> cv2.VideoWriter:
    extension = path.suffix[1:]
    code = cv2.VideoWriter.fourcc(*CODECS[extension])
    with _quiet():
        writer = cv2.VideoWriter(os.path.abspath(path), cv2.CAP_FFMPEG, code, rate, size)
    if not writer.isOpened():
        others = [name for name in CODECS if name != extension]
        raise UserError(
            "video-format", got=f"{extension}, which this OpenCV does not write",
            expected="a format that it was built with", remedy=f"try --video-format {others[0]}, or --video frames",
        )  # fmt: skip
    return writer


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """OpenCV and FFmpeg in it do not write of their own accord: what they cannot open or write is told in one line."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # FFmpeg's "quiet"; decoding goes on after this context
    before = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(before)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[cv2.VideoCapture]:
    # An absolute path: no name of a file is then taken for an address or for a pattern.
    with _quiet():
        capture = cv2.VideoCapture(os.path.abspath(path), cv2.CAP_FFMPEG)
    try:
        if not capture.isOpened():
            raise ValueError("it cannot be opened: it is no video, damaged, or of a codec that OpenCV does not know")
        yield capture
    finally:
        capture.release()


def _heading(capture: cv2.VideoCapture) -> Heading:
    rate, count = capture.get(cv2.CAP_PROP_FPS), capture.get(cv2.CAP_PROP_FRAME_COUNT)
    known = math.isfinite(rate) and 0 < rate <= _HIGHEST_RATE
    return Heading(rate if known else _USUAL_RATE, int(count) if math.isfinite(count) and 0 < count < 1e9 else 0)
