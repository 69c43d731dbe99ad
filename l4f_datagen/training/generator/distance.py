"""The Fréchet distance of a generator on the way, and whether it still falls."""

import tempfile
from pathlib import Path
from typing import Any

from ...errors import UserError
from ...settings import CompleteGeneratorSettings, EvaluateFrechetSettings, validate
from ...weights import native
from ...weights.native import state
from .learner import GeneratorLearner


def check_distances(settings: CompleteGeneratorSettings) -> None:
    """Refuse settings that ask for a distance and do not say all of it.

    Raises:
        UserError: as it says.
    """
    for name, value in (("plateau", settings.plateau), ("frechet_features", settings.frechet_features)):
        if value and not settings.frechet_every:
            raise UserError(name, got=value, expected="it with frechet_every", remedy="give --frechet-every")
    if settings.frechet_every and not settings.frechet_features:
        raise UserError(
            "frechet_features", got="none", expected="the network whose features the distance compares",
            remedy="name NVIDIA's inception-2015-12-05.pt or a segmenter with --frechet-features",
        )  # fmt: skip


class Distances:
    """Measures in the first process, and remembers the best."""

    def __init__(self, settings: CompleteGeneratorSettings, learner: GeneratorLearner):
        self.settings, self.learner = settings, learner
        self.best: dict[str, Any] = {}
        self.last: dict[str, Any] = {}

    def due(self, done: int, ended: bool) -> bool:
        """Whether iteration ``done`` is measured."""
        every = self.settings.frechet_every
        return bool(every) and (ended or done % every == 0)

    def measure(self, done: int) -> dict[str, float]:
        """The distance of the averaged generator's images to the real ones, by name; of the first process alone."""
        if not self.learner.processes.is_first:
            return {}
        # The one way from training into evaluation; imported here since it needs an extra.
        from ...evaluation.sets.frechet import evaluate_frechet

        s = self.settings
        asked = validate(EvaluateFrechetSettings, {
            "features": s.frechet_features, "n": s.frechet_images, "size": s.resolution, "noise": "random",
            "seed": s.seed, "device": str(self.learner.device),
        })  # fmt: skip
        with tempfile.TemporaryDirectory() as folder:
            native.save(Path(folder), generator=self.learner.centre(), card={"name": f"iteration {done}"})
            report = evaluate_frechet(f"generator:{folder}", s.images, asked)
        row = report.rows[0]
        distance = row.values["fid"]
        assert distance is not None
        self.last = {
            "iteration": done, "images_seen": done * s.batch_size, "frechet": round(distance, 4),
            "features": row.labels["features"], "images": row.images,
        }  # fmt: skip
        if not self.best or self.last["frechet"] < self.best["frechet"]:
            self.best = self.last
        return {"frechet": self.last["frechet"]}

    def plateaued(self, done: int, plateau: int) -> bool:
        """Whether the best distance is older than ``plateau`` thousand images."""
        if not self.best:
            return False
        return (done - self.best["iteration"]) * self.settings.batch_size >= 1000 * plateau

    def quality(self) -> dict[str, Any]:
        """For the card: the last distance and the best on the way."""
        return {"frechet": self.last, "best_frechet": self.best} if self.last else {}

    def state(self) -> dict[str, Any]:
        """What a continued run must know."""
        return {"best": self.best, "last": self.last}

    def restore(self, numbers: dict[str, Any]) -> None:
        """The reverse of ``state``."""
        self.best, self.last = state.section(numbers, "best"), state.section(numbers, "last")
