"""A run of ``train-alpha --preset auto``: alpha networks are tried, the best goes on, colours draw its outlines."""

from collections.abc import Collection, Generator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

from torch import Tensor

from ...evaluation import criteria
from ...networks.alpha import AlphaNetwork
from ...settings import CompleteAlphaSettings
from ...short import short
from ...weights import native
from ...weights.native import state
from ..core import degeneration
from ..core.log import Judge
from ..core.loop import Count, Training
from ..core.real_images import RealImages
from ..core.run import RunFolder
from . import choosing, showing, teaching
from .card import Ending
from .heads import HeadsLearner
from .learner import TERMS, rate_factor
from .pool import foregrounds

PROBES = 96
"""Samples by which masks are compared."""
MEASURED_EVERY = 50
"""Steps of the winner from one measurement to the next."""
_UNDECIDED = 100
"""Steps in which masks may be anything."""


Phase = Literal["choosing", "training", "teaching", "done"]


@dataclass
class Position:
    """Where a run is; all that it has to know, beside its networks, to go on."""

    phase: Phase = "choosing"
    begun: int = 0
    """Iteration at which the phase began."""
    attempt: int = 0
    head: int = 0
    """The winner."""
    best: float = -1.0
    """Its largest score so far."""
    waiting: int = 0
    """Measurements since the score last rose."""
    kept: int = 0
    """Steps of training after which the masks were that the run would end with."""
    round: int = 0
    chosen: dict[str, Any] = field(default_factory=dict)
    """What the card tells of it."""


class PhasedTraining(Training[None]):
    """Phases, one after the other, in one count of iterations.

    1. Choosing: all heads learn side by side. The most various masks win; if all are degenerate, it is begun anew.
    2. Training: the winner goes on until its masks get no better, and what they were best with is kept.
    3. Teaching, in rounds: generated samples are cut by their colours, where the masks seed the cuts, and a fresh alpha
       network learns the cuts. It takes the place of the one that seeded them, unless its masks are worse.
    """

    terms = (*TERMS, "cuts", "agreement", "score")

    def __init__(
        self, settings: CompleteAlphaSettings, chosen: Collection[str], folder: RunFolder, learner: HeadsLearner,
        images: RealImages, ending: Ending, *, count: Count = lambda progress: None,
    ):  # fmt: skip
        super().__init__(settings, folder, learner)
        self.settings, self.chosen, self.learner, self.images, self.ending = settings, chosen, learner, images, ending
        self.at = Position()
        stream = foregrounds(learner.generator, settings, "cut", learner.levels)
        cut = settings.cut_samples
        self.samples = teaching.Samples(stream, learner.device, probes=PROBES, cut=cut, count=count)
        self._round: teaching.Round | None = None
        self._news: list[str] = []
        self._measured: dict[str, float] = {}

    @property
    def expected(self) -> int:
        """Iterations of the whole run, if nothing ends earlier from here on."""
        s, at = self.settings, self.at
        left = {"choosing": s.choosing_iterations, "training": s.iterations, "teaching": s.teaching_iterations}
        later = {"choosing": s.iterations, "training": 0, "teaching": 0, "done": 0}[at.phase]
        rounds = s.cut_rounds - at.round if at.phase != "done" else 0
        return at.begun + left.get(at.phase, 0) + later + rounds * s.teaching_iterations

    def ended(self, done: int) -> bool:
        return self.at.phase == "done"

    def batches(self, iterations: range) -> Generator[None]:
        while True:  # what a step learns from depends on the phase
            yield None

    def step(self, iteration: int, batch: None) -> dict[str, Tensor]:
        at, s, learner = self.at, self.settings, self.learner
        self._measured, self._news = {}, []
        since = iteration - at.begun
        if at.phase == "teaching":
            terms = self._teach(since)
        else:
            learner.set_rates(rate_factor(since, s) if at.phase == "training" else 1.0)
            start = iteration * learner.largest_batch
            terms = learner.adversarial_step(
                iteration, since, self.images.batch(range(start, start + learner.batch), learner.device)
            )
        self._go_on(iteration + 1)
        return terms

    def judge(self, begun: int) -> Judge:
        def look(done: int, means: Mapping[str, float]) -> str | None:
            training = self.at.phase == "training" and done - self.at.begun > _UNDECIDED
            return degeneration.verdict(means) if training and "area" in means else None

        return look

    def measures(self, done: int, ended: bool) -> bool:
        return bool(self._measured or self._news)

    def measure(self, done: int) -> dict[str, float]:
        return self._measured

    def news(self) -> list[str]:
        return self._news

    def numbers(self) -> dict[str, Any]:
        return {"position": asdict(self.at)}

    def restore(self, numbers: Mapping[str, Any]) -> None:
        self.at = _position(state.section(numbers, "position"), len(self.settings.phi_2_heads))
        self.learner.adopt_settings(choosing.of_attempt(self.settings, self.chosen, self.at.attempt))
        if self.at.phase != "choosing":
            self.learner.keep_head(self.at.head)

    def show(self, sheet: Path) -> None:
        learner = self.learner
        behind = showing.backgrounds(learner.generator, self.settings, learner.switched_off, learner.scenes)
        showing.save_sheet(sheet, self.current, learner.generator, self.settings, behind)

    def save(self, target: Path, done: int) -> None:
        card = {"name": f"{self.folder.path.name}, iteration {done}"}
        native.save(target, alpha=self.ending.kept(self.current), card=card)

    def finish(self, done: int) -> None:
        self.ending.write(self.folder, self.learner.best, self.learner.generator, self.at.chosen | {"iterations": done})

    @property
    def current(self) -> AlphaNetwork:
        """The alpha network that is learning, averaged."""
        if self.at.phase == "done":
            return self.learner.best
        return self.learner.student_averaged if self.at.phase == "teaching" else self.learner.averaged[self.at.head]

    def _go_on(self, done: int) -> None:
        """Measure what this iteration is to be measured for, and go on to the next phase when this one is over."""
        at, s, spent = self.at, self.settings, done - self.at.begun
        if at.phase == "choosing" and spent >= s.choosing_iterations:
            self._choose(done)
        elif at.phase == "training":
            over = spent >= s.iterations
            if over or spent % MEASURED_EVERY == 0:
                over = self._compare(done) or over
            if over:
                self._end_training(done)
        elif at.phase == "teaching" and spent >= s.teaching_iterations:
            self._graduate(done)

    def _choose(self, done: int) -> None:
        """Let the best head go on, or begin anew."""
        at, s, learner = self.at, self.learner.settings, self.learner
        found = self.samples.measure(list(learner.averaged))
        tried = [criteria.rounded(one) | {"phi_2": phi} for phi, one in zip(s.phi_2_heads, found, strict=True)]
        at.chosen.setdefault("attempts", []).append(tried)
        head = choosing.winner(found)
        if head is None and at.attempt + 1 < len(choosing.ATTEMPTS):
            problems = sorted({str(choosing.degenerate(one)).partition(" (")[0] for one in found})
            at.attempt, at.begun = at.attempt + 1, done
            learner.restart(choosing.of_attempt(self.settings, self.chosen, at.attempt), at.attempt)
            self._news.append(f"all {len(found)} alpha networks have degenerated ({'; '.join(problems)}): begun anew")
            return
        if head is None:
            head = choosing.least_bad(found)
            told = f"all {len(found)} alpha networks have degenerated, {at.attempt + 1} times: the least bad goes on"
            at.chosen["problem"] = f"{choosing.degenerate(found[head])}, and so for all that was tried"
        else:
            good = sum(choosing.degenerate(one) is None for one in found)
            told = (
                f"{good} of {len(found)} alpha networks show an object; the one of φ2 {s.phi_2_heads[head]:g} goes on"
            )
        learner.keep_head(head)
        self.at = replace(at, phase="training", begun=done, head=head)
        self.at.chosen |= {"phi_2": s.phi_2_heads[head], "attempt": at.attempt, "head": head}
        self._news.append(f"{told} (score {choosing.score(found[head]):.3f})")
        self._compare(done)

    def _compare(self, done: int) -> bool:
        """Measure the winner and keep it unless it is worse than before. Returns whether it gets no better any more."""
        at, learner = self.at, self.learner
        (found,) = self.samples.measure([learner.averaged[at.head]])
        self._measured = {"score": choosing.score(found)}
        now = self._measured["score"] if choosing.degenerate(found) is None else 0.0
        at.waiting = 0 if at.best < 0 or now > choosing.GAIN * at.best else at.waiting + 1
        if now >= choosing.LOSS * at.best:
            learner.best.load_state_dict(learner.averaged[at.head].state_dict())
            at.kept = done - at.begun
        at.best = max(at.best, now)
        return 0 < self.settings.patience <= at.waiting

    def _end_training(self, done: int) -> None:
        at = self.at
        at.chosen |= {"training_iterations": done - at.begun, "kept_after": at.kept, "score": round(at.best, 4)}
        self._news.append(f"masks are as good as they get after {at.kept} steps (score {at.best:.3f})")
        self._begin_round(done)

    def _begin_round(self, done: int) -> None:
        """Begin to teach the cuts of the next round, unless that was the last or colours know nothing of the object."""
        at, s = self.at, self.settings
        self._round = None
        if at.round >= s.cut_rounds or not s.cut_samples or not s.teaching_iterations:
            self.at = replace(at, phase="done", begun=done)
            return
        found = self._cuts()
        at.chosen.setdefault("agreement_of_cuts", []).append(round(found.agreement, 4))
        self._measured["agreement"] = found.agreement
        if not len(found.rows) or found.agreement < teaching.AGREEING:
            self._news.append(
                f"masks and the colours' cuts agree in {found.agreement:.0%} only: nothing is learned from cuts"
            )
            self.at = replace(at, phase="done", begun=done)
            return
        self.at = replace(at, phase="teaching", begun=done, round=at.round + 1)
        self.learner.begin_teaching(self.at.round)
        self._news.append(
            f"cuts by colour, round {self.at.round}: {len(found.rows)} of {s.cut_samples} samples are learned from, "
            f"whose cuts agree with the masks in {found.agreement:.0%}"
            + (f"; the object touches {', '.join(sorted(found.touched))}" if found.touched else "")
        )

    def _cuts(self) -> teaching.Round:
        """The cuts of this round, made again when a run goes on."""
        if self._round is None:
            self.learner.let_go()
            self.samples.enlarge()
            self._round = self.samples.cuts(self.learner.best)
        return self._round

    def _teach(self, step: int) -> dict[str, Tensor]:
        s = self.settings
        cuts = self._cuts()
        features, wanted = self.samples.batch(cuts, s.seed, self.at.round, step, s.teaching_iterations)
        return self.learner.teaching_step(step, s.teaching_iterations, features, wanted)

    def _graduate(self, done: int) -> None:
        """The student takes the place of the alpha network that seeded its cuts, unless its masks are worse."""
        at, learner = self.at, self.learner
        (found,) = self.samples.measure([learner.student_averaged])
        now = choosing.score(found) if choosing.degenerate(found) is None else 0.0
        self._measured = {"score": now}
        at.chosen.setdefault("scores_of_cuts", []).append(round(now, 4))
        if now < choosing.LOSS * at.best:
            self._news.append(f"cuts made masks worse (score {now:.3f} after {at.best:.3f}): they are left out")
            self.at = replace(at, phase="done", begun=done)
            return
        at.best = now
        learner.best.load_state_dict(learner.student_averaged.state_dict())
        self._begin_round(done)


def _position(found: Mapping[str, Any], heads: int) -> Position:
    """A position as ``numbers`` gave it.

    Raises:
        Unfit: it is none.
    """
    known = asdict(Position())
    if found.keys() != known.keys() or found["phase"] not in get_args(Phase) or not isinstance(found["chosen"], dict):
        raise state.Unfit(f"its position is {short(found, quotes=True)}")
    numbers = {name: state.number(found, name) for name in known if name not in ("phase", "chosen")}
    if not 0 <= numbers["attempt"] < len(choosing.ATTEMPTS) or not 0 <= numbers["head"] < heads:
        raise state.Unfit(f"its position is {short(found, quotes=True)}")
    return Position(**found)
