"""End-to-end speed of ``generate`` over its networks alone, and peak memory: ``python -m benchmarks.generate``.

Speeds are told by the clock and by processor time; the ratio of the latter holds on a machine that does other work too.
"""

import contextlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click
import torch

from l4f_datagen.engines.local import generate
from l4f_datagen.generation.models import Models, load_models
from l4f_datagen.overlap import ordered_map
from l4f_datagen.process.memory import keep_freed_memory
from l4f_datagen.process.tuning import tune_for_shards
from l4f_datagen.settings import GenerateSettings
from l4f_datagen.settings.recommended import as_given


class Speed(NamedTuple):
    """Samples per second, of time and of processor time."""

    clock: float
    processor: float


@contextlib.contextmanager
def timed(samples: int) -> Iterator[list[Speed]]:
    """Leaves the speed of a block that makes so many samples."""
    found: list[Speed] = []
    start, processor = time.perf_counter(), time.process_time()
    yield found
    found.append(Speed(samples / (time.perf_counter() - start), samples / (time.process_time() - processor)))


def networks_alone(settings: GenerateSettings, models: Models, *, side_by_side: bool) -> Speed:
    """The speed of mapping, foreground, alpha and background on codes z that are drawn already.

    ``side_by_side``: batches in threads of their own, as generate does; else torch's threads within layers.
    """
    generator, size = models.generator, settings.batch_size
    z = torch.randn(2, size, generator.architecture.z_dim)

    def run(_: int) -> None:
        with torch.inference_mode():
            foreground, background = (generator.truncate(generator.map(part), 0.7) for part in z)
            models.alpha(generator.synthesize(foreground).features)
            generator.background(background)

    batches, threads = range(settings.n // size), torch.get_num_threads()
    with timed(len(batches) * size) as found:
        if side_by_side:
            initializer = lambda: torch.set_num_threads(1)  # noqa: E731
            for _ in ordered_map(run, batches, workers=threads, ahead=2 * threads, initializer=initializer):
                pass
            torch.set_num_threads(threads)
        else:
            for batch in batches:
                run(batch)
    return found[0]


def end_to_end(settings: GenerateSettings, models: Models) -> Speed:
    """The speed from settings to a finished data set folder."""
    with tempfile.TemporaryDirectory() as folder, timed(settings.n) as found:
        generate(settings, Path(folder) / "shards", models=models)
    return found[0]


def peak_memory(n: int) -> int:
    """Peak memory of a generate process, MiB."""
    with tempfile.TemporaryDirectory() as folder:
        program = (
            "import resource, sys; from l4f_datagen.cli import main; code = main(sys.argv[1:]); "
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024); sys.exit(code)"
        )
        arguments = ["generate", "--n", str(n), "--out", f"{folder}/shards"]
        done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
        return int(done.stdout.split()[-1])


@click.command()
@click.option("--n", default=4000, show_default=True, help="samples per timing")
@click.option("--rounds", default=3, show_default=True)
@click.option("--generator", default="vessels", show_default=True)
@click.option("--memory", default="2000,20000", show_default=True, help="two values of n; empty: skip")
def main(n: int, rounds: int, generator: str, memory: str) -> None:
    """Print the two speeds, their ratio, and the two peaks."""
    keep_freed_memory()
    tune_for_shards()
    settings = as_given(GenerateSettings(n=n, generator=generator))  # speeds as ever, whatever the card rejects
    models = load_models(settings)
    alternatives = {
        "end to end": lambda: end_to_end(settings, models),
        "networks, batches side by side": lambda: networks_alone(settings, models, side_by_side=True),
        "networks, one batch at a time": lambda: networks_alone(settings, models, side_by_side=False),
    }
    rates: dict[str, list[Speed]] = {name: [] for name in alternatives}
    for _ in range(rounds):  # in turn: a machine that slows down slows all of them
        for name, alternative in alternatives.items():
            rates[name].append(alternative())
    best = {name: Speed(*map(statistics.median, zip(*speeds, strict=True))) for name, speeds in rates.items()}
    for name, speed in best.items():
        print(f"{name}: {speed.clock:.1f} samples/s, {speed.processor:.1f} per second of processor time")
    whole = best.pop("end to end")
    clock, processor = (max(values) for values in zip(*best.values(), strict=True))
    print(
        f"generate, {generator}: {whole.clock / clock:.2f} of its networks alone by the clock, "
        f"{whole.processor / processor:.2f} by processor time"
    )
    with contextlib.suppress(ValueError):
        small, large = (int(value) for value in memory.split(","))
        peaks = peak_memory(small), peak_memory(large)
        print(
            f"peak memory: {peaks[0]} MiB at n {small}, {peaks[1]} MiB at n {large} (ratio {peaks[1] / peaks[0]:.3f})"
        )


if __name__ == "__main__":
    main()
