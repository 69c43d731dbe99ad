"""Speed of one Ray worker over the local engine: ``python -m benchmarks.engines``.

From the end of the first shard to the end of the last one: starting Ray, loading the networks and the indexes over
all shards are left out; codes, networks, scores, encoding, files and all that the driver does are in.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click
import torch

from l4f_datagen.engines import local
from l4f_datagen.engines import ray as ray_engine
from l4f_datagen.process.memory import keep_freed_memory
from l4f_datagen.process.tuning import tune_for_shards
from l4f_datagen.progress.state import Progress
from l4f_datagen.settings import EngineSettings, GenerateSettings


def rate(settings: GenerateSettings, generate: Callable[..., Progress]) -> float:
    """Samples/s of one run in its steady state."""
    times = {}

    def report(progress: Progress) -> None:
        for made in (settings.samples_per_shard, settings.n):
            if progress.made >= made:
                times.setdefault(made, (time.perf_counter(), progress.made))

    with tempfile.TemporaryDirectory() as folder:
        generate(settings, Path(folder) / "shards", report=report)
    (start, before), (end, all_of_them) = times[settings.samples_per_shard], times[settings.n]
    return (all_of_them - before) / (end - start)


@click.command()
@click.option("--n", default=4000, show_default=True, help="samples per run")
@click.option("--rounds", default=3, show_default=True)
def main(n: int, rounds: int) -> None:
    """Print the two speeds and their ratio, the median of the rounds' ratios."""
    keep_freed_memory()
    tune_for_shards()
    settings = GenerateSettings(n=n, samples_per_shard=max(1, n // 8))
    # As many threads as the local engine has.
    engine = EngineSettings(engine="ray", workers=1, devices_per_worker=torch.get_num_threads())
    engines = {
        "local": local.generate,
        "ray, one worker": lambda *arguments, **named: ray_engine.generate(*arguments, engine, **named),
    }
    rates = {name: [] for name in engines}
    for number in range(rounds):  # in turn, and each one first by turns: a machine that slows down slows both
        for name in list(engines)[:: 1 if number % 2 else -1]:
            rates[name].append(rate(settings, engines[name]))
    for name, values in rates.items():
        print(f"{name}: {statistics.median(values):.1f} samples/s")
    ratios = [there / here for here, there in zip(*rates.values(), strict=True)]
    print(f"one Ray worker: {statistics.median(ratios):.3f} of the local engine's speed")


if __name__ == "__main__":
    main()
