"""Videos in, masks of their frames or videos of masks out."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from l4f_datagen.cli import main
from l4f_datagen.errors import UserError, WorkError
from l4f_datagen.segmentation import video_files, videos
from l4f_datagen.segmentation.image_files import segment_files
from l4f_datagen.settings import SegmentSettings

from .test_image_files import mask_of, picture, save, segmenter, table

__all__ = ["segmenter"]
RATE = 12.5


def film(path: Path, count: int = 5, size: tuple[int, int] = (40, 32)) -> Path:
    """A video of a red bar that grows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    code = cv2.VideoWriter.fourcc(*{".mp4": "mp4v", ".webm": "VP80"}.get(path.suffix, "MJPG"))
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, code, RATE, size)
    for number in range(count):
        frame = np.zeros((size[1], size[0], 3), np.uint8)
        frame[:, : 8 * (number % 4 + 1), 2] = 255
        writer.write(frame)
    writer.release()
    return path


def settings(segmenter, **changes) -> SegmentSettings:
    return SegmentSettings(segmenter=segmenter, device="cpu", batch_size=2, **changes)


def bars(masks) -> list[int]:
    """How wide the bar is in each mask."""
    return [round(float((np.asarray(mask) > 0).mean(0).round().sum())) for mask in masks]


@pytest.mark.parametrize("ending", ["mp4", "avi", "webm", "mkv", "MOV"])
def test_each_frame_becomes_a_mask(ending, segmenter, tmp_path):
    source = film(tmp_path / f"clip.{ending.lower()}").rename(tmp_path / f"a clip.{ending}")
    told = []
    asked = {"alpha": True, "cutout": True, "overlay": True}
    done = segment_files(settings(segmenter, **asked), [str(source)], tmp_path / "o", report=lambda *n: told.append(n))
    assert (done.done, done.videos, done.frames, done.broken) == (0, 1, 5, ()) and told[-1] == (5, 5)
    folder = tmp_path / "o" / "a clip.frames"
    assert sorted(p.name for p in folder.glob("000003*")) == [
        "000003.alpha.png", "000003.cutout.png", "000003.overlay.jpg", "000003.png",
    ]  # fmt: skip
    found = bars(mask_of(folder / f"{number:06d}.png") for number in range(5))
    assert all(abs(a - b) <= 2 for a, b in zip(found, [8, 16, 24, 32, 8], strict=True))
    assert [row["mask"] for row in table(tmp_path / "o")] == ["a clip.frames"]
    assert sorted(p.name for p in (tmp_path / "o").iterdir()) == ["a clip.frames", "index.csv"]


@pytest.mark.parametrize("kind", ["mp4", "avi"])
def test_videos_of_masks_overlays_and_foregrounds_keep_rate_and_length(kind, segmenter, tmp_path):
    source = film(tmp_path / "clip.avi", size=(41, 33))
    asked = settings(segmenter, video="overlay,mask,foreground", video_format=kind)
    segment_files(asked, [str(source)], tmp_path / "o")
    assert sorted(p.name for p in (tmp_path / "o").iterdir()) == sorted(
        [f"clip.foreground.{kind}", f"clip.mask.{kind}", f"clip.overlay.{kind}", "index.csv"]
    )
    for name in ("foreground", "mask", "overlay"):
        path = tmp_path / "o" / f"clip.{name}.{kind}"
        found = list(videos.frames(path))
        assert videos.heading(path) == videos.Heading(RATE, 5) and len(found) == 5
        assert found[0].shape[0] % 2 == found[0].shape[1] % 2 == 0 and abs(found[0].shape[1] - 41) == 1
        if name == "mask":
            assert all(abs(a - b) <= 2 for a, b in zip(bars(f[..., 0] > 128 for f in found), [8, 16, 24, 32, 8]))
        if name == "foreground":
            assert found[0][:, 2, 0].mean() > 200 and found[0][:, -4:].mean() < 20
    assert table(tmp_path / "o")[0]["overlay"] == f"clip.overlay.{kind}"


def test_folders_may_mix_pictures_and_videos(segmenter, tmp_path, caplog):
    save(tmp_path / "in" / "a" / "x.png", picture())
    film(tmp_path / "in" / "a" / "y.avi", count=3)
    film(tmp_path / "in" / "b" / "z.mp4", count=2)
    (tmp_path / "in" / "notes.txt").write_text("x")
    out = tmp_path / "in" / "o"
    done = segment_files(settings(segmenter), [str(tmp_path / "in")], out)
    assert (done.done, done.videos, done.frames) == (1, 2, 5)
    assert (out / "a/x.png").is_file() and (out / "a/y.frames/000002.png").is_file() and (out / "b/z.frames").is_dir()
    assert "notes" not in caplog.text and ".txt 1" in caplog.text and ".avi" not in caplog.text
    again = segment_files(settings(segmenter, video="frames,mask"), [str(tmp_path / "in")], out)
    assert (again.done, again.videos) == (1, 2), "results of an earlier run are no videos and no pictures"
    third = segment_files(settings(segmenter), [str(tmp_path / "in" / "*" / "*.avi")], tmp_path / "p")
    assert (third.done, third.videos) == (0, 1)
    assert (tmp_path / "p" / "y.frames").is_dir()


def broken(kind: str, path: Path) -> Path:
    """A video of one kind of damage."""
    if kind == "cut off":
        whole = film(path.with_suffix(".webm"), count=40)
        content = whole.read_bytes()
        path = whole.with_name("cut.webm")
        path.write_bytes(content[: len(content) // 3])
        whole.unlink()
        return path
    if kind == "no frames":
        return film(path, count=0)
    path.write_bytes({"empty": b"", "no video": b"nonsense " * 50, "header alone": film(path).read_bytes()[:200]}[kind])
    return path


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("empty", "cannot be opened"), ("no video", "cannot be opened"), ("header alone", "cannot be opened"),
        ("no frames", "no frame of it can be read"), ("cut off", "it ends after"),
    ],
)  # fmt: skip
def test_bad_videos_are_told_and_others_done(kind, words, segmenter, tmp_path, capfd, caplog):
    (tmp_path / "in").mkdir()
    bad = broken(kind, tmp_path / "in" / "bad.avi")
    film(tmp_path / "in" / "good.mp4", count=2)
    call = ["segment", "--segmenter", segmenter, "--device", "cpu", str(tmp_path / "in"), "--out", str(tmp_path / "o")]
    assert main([*call, "--json"]) == 1
    out, err = capfd.readouterr()
    assert words in caplog.text and "1 images or videos could not be read" in err and "Traceback" not in err
    assert "moov" not in err and "VIDEOIO" not in err, "libraries keep still"
    values = json.loads(out)
    assert values["videos"] == 2 and values["broken"] == [str(bad)]
    rows = {Path(row["input"]).name: row for row in table(tmp_path / "o")}
    assert words in rows[bad.name]["reason"] and rows["good.mp4"]["mask"] == "good.frames"
    assert bool(rows[bad.name]["mask"]) == (kind == "cut off")
    left = {p.name for p in (tmp_path / "o").iterdir()}
    assert left == {"good.frames", "index.csv"} | ({"cut.frames"} if kind == "cut off" else set())


def test_a_video_appears_whole_or_not_at_all(segmenter, tmp_path, monkeypatch):
    film(tmp_path / "clip.avi")
    draw = video_files.overlay

    def dying(image, mask):
        if (image[:, 20, 0] > 128).all():
            raise KeyboardInterrupt
        return draw(image, mask)

    monkeypatch.setattr(video_files, "overlay", dying)
    with pytest.raises(KeyboardInterrupt):
        segment_files(settings(segmenter, video="frames,overlay"), [str(tmp_path / "clip.avi")], tmp_path / "o")
    assert [p.name for p in (tmp_path / "o").iterdir()] == ["index.csv"]


def test_no_more_than_a_few_frames_are_in_memory(segmenter, tmp_path, monkeypatch):
    source, alive = film(tmp_path / "clip.avi", count=20), [0, 0]
    read = videos.frames

    def counting(path):
        for number, frame in enumerate(read(path)):
            alive[1] = max(alive[1], number - alive[0])
            yield frame

    monkeypatch.setattr(videos, "frames", counting)
    done = lambda now, count: alive.__setitem__(0, now)  # noqa: E731
    assert segment_files(settings(segmenter), [str(source)], tmp_path / "o", report=done).frames == 20
    assert alive[1] <= 2 + 2 * 2 + 2, "a batch, and what the threads that write are given"


def test_a_full_disk_is_told(segmenter, tmp_path, monkeypatch):
    film(tmp_path / "clip.avi")
    monkeypatch.setattr(videos, "heading", lambda path: videos.Heading(RATE, 2))
    with pytest.raises(WorkError, match="not written whole"):
        segment_files(settings(segmenter, video="mask"), [str(tmp_path / "clip.avi")], tmp_path / "o")
    assert [p.name for p in (tmp_path / "o").iterdir()] == ["index.csv"]


def clash(kind: str, root: Path) -> dict:
    """The arguments of a call whose results would take each other's places."""
    film(root / "in" / "clip.avi", count=1)
    if kind == "one name":
        film(root / "in" / "clip.mp4", count=1)
    if kind == "a folder of pictures":
        save(root / "in" / "clip.frames" / "x.png", picture())
    if kind == "something else":
        (root / "o" / "clip.frames").mkdir(parents=True)
        (root / "o" / "clip.frames" / "thesis.tex").write_text("x")
    if kind == "a video of the user's":
        film(root / "in" / "clip.mask.mp4", count=1)
        return {"video": "mask", "out": root / "in"}
    return {"out": root / "o"}


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("one name", "would both be called clip.frames"), ("a folder of pictures", "a folder of images called"),
        ("something else", "that segment did not write"), ("a video of the user's", "would replace a video"),
    ],
)  # fmt: skip
def test_results_never_take_another_files_place(kind, words, segmenter, tmp_path):
    changes = clash(kind, tmp_path)
    out = changes.pop("out")
    with pytest.raises(UserError, match=words):
        segment_files(settings(segmenter, **changes), [str(tmp_path / "in")], out)
    full = settings(segmenter, names="full")
    if kind == "one name":
        assert segment_files(full, [str(tmp_path / "in")], out).videos == 2


def test_a_format_that_this_opencv_lacks_is_told(segmenter, tmp_path, monkeypatch):
    film(tmp_path / "clip.avi")
    monkeypatch.setitem(videos.CODECS, "mp4", "zzzz")
    with pytest.raises(UserError, match="mp4, which this OpenCV does not write.*--video-format avi"):
        segment_files(settings(segmenter, video="mask"), [str(tmp_path / "clip.avi")], tmp_path / "o")
    with pytest.raises(UserError, match="at least one of frames"):
        settings(segmenter, video="")
    with Image.open(save(tmp_path / "x.gif", picture()) or tmp_path / "x.gif") as image:
        assert image.format == "GIF", "animations stay pictures"
