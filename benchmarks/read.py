"""Speed of reading shards over bare decoding of the same bytes: ``python -m benchmarks.read``."""

import io
import json
import multiprocessing
import multiprocessing.pool
import multiprocessing.synchronize
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import click
import cv2
import numpy as np
from PIL import Image

import l4f_datagen as l4f
from l4f_datagen.making.render import render
from l4f_datagen.settings import RenderSettings

_together: multiprocessing.synchronize.Barrier
"""Where the processes wait for each other, so that each has a share of the work at the same time."""
_members: Sequence[Mapping[str, bytes]] = ()


def bare_decoding(members: Mapping[str, bytes]) -> tuple:
    """What anyone would do with the bytes of a sample: OpenCV for pictures, Pillow for the indexed mask."""
    image, alpha = (np.frombuffer(members[name], np.uint8) for name in ("jpg", "alpha.png"))
    return (
        cv2.cvtColor(cv2.imdecode(image, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB),
        cv2.imdecode(alpha, cv2.IMREAD_GRAYSCALE),
        np.array(Image.open(io.BytesIO(members["mask.png"]))),
        json.loads(members["json"]),
    )


def read(folder: str) -> float:
    """Seconds for the samples of a folder."""
    _together.wait()
    start = time.perf_counter()
    for _ in l4f.open_dataset(folder):
        pass
    return time.perf_counter() - start


def decode(folder: str) -> float:
    """Seconds for bare decoding of all that is in the folder, read into memory before."""
    global _members
    _members = _members or [members for _, members in l4f.open_dataset(folder).members()]
    _together.wait()
    start = time.perf_counter()
    for members in _members:
        bare_decoding(members)
    return time.perf_counter() - start


def slowest(pool: multiprocessing.pool.Pool, work: Callable[[str], float], folder: str, processes: int) -> float:
    """Seconds until the last of the processes is done."""
    return max(pool.map(work, [folder] * processes, chunksize=1))


def _prepare(together: multiprocessing.synchronize.Barrier) -> None:
    global _together
    _together = together
    cv2.setNumThreads(1)


@click.command()
@click.option("--n", default=2000, show_default=True, help="samples of a data set")
@click.option("--sizes", default="64,256", show_default=True, help="heights and widths in pixels")
@click.option("--processes", default="1,2", show_default=True, help="numbers of processes")
@click.option("--rounds", default=7, show_default=True)
def main(n: int, sizes: str, processes: str, rounds: int) -> None:
    """Print both speeds and their ratio per size and number of processes; the two take turns."""
    for size in map(int, sizes.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            count = max(50, n * 64**2 // size**2)
            render(RenderSettings(n=count, size=size, samples_per_shard=max(10, count // 4)), Path(folder) / "s")
            for number in map(int, processes.split(",")):
                times = {read: [], decode: []}
                context = multiprocessing.get_context("spawn")
                with context.Pool(number, initializer=_prepare, initargs=(context.Barrier(number),)) as pool:
                    for turn in range(rounds + 1):
                        for work, seconds in times.items():
                            seconds.append(slowest(pool, work, f"{folder}/s", number))
                            if turn == 0:  # whatever is made on first use
                                seconds.clear()
                whole, bare = (number * count / statistics.median(seconds) for seconds in times.values())
                ratio = statistics.median(b / a for a, b in zip(*times.values()))
                print(
                    f"{size} px, {number} processes: reading {whole:.0f}/s, bare decoding {bare:.0f}/s "
                    f"(ratio {ratio:.2f})",
                    flush=True,
                )


if __name__ == "__main__":
    main()
