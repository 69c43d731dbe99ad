"""Rounds of self-training: train on the shards, label photographs, train anew on both, until nothing is gained."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ....documents import read_file, read_json
from ....errors import UserError, WorkError
from ....networks.segmenter import Segmenter
from ....settings import TrainSegmenterSettings
from ....storage import atomic
from ....storage.opening import local_place
from ....weights import load_segmenter, native
from ...core.loop import Count, Report, describe
from ...core.process_group import Processes
from ...core.run import ROUNDS, SAMPLES, RunFolder
from ...core.run_files import LOG, as_line, log_lines
from .. import beginning, weighting
from ..batches import LabelledBatches
from ..train import STAGE, SegmenterResult, check, check_processes, facts, result, train_segmenter
from . import labels
from .judging import HARD, WRONG, judge
from .labels import Photographs

_LABELS, _WEIGHTS, _ROUND = "labels.tar", "weights.csv", "round.json"
"""What a round leaves beside its students, once they are trained; ``round.json`` is the last of it."""
_GAIN = 0.001
"""A round that raises the agreement by less than this is the last one."""
_SEEDS = 1000
"""Seeds between the students of one round and those of the next."""
_MOST_BYTES = 1 << 20

Found = dict[str, Any]
"""``round.json``."""


def train_in_rounds(
    settings: TrainSegmenterSettings,
    out: str | Path,
    *,
    overwrite: bool = False,
    report: Report = lambda progress: None,
    tell: Callable[[str], None] = lambda line: None,
    count: Count = lambda progress: None,
) -> SegmenterResult:
    """Train segmenters in rounds into the run folder ``out``, or continue the rounds that are there.

    In round 0 students learn from the shards. They label the photographs together, each of them looking at mirrored
    and scaled copies too. Labels on which they agree are shards of the next round, and masks of generated samples that
    they contradict are left out there (``judging``). Rounds go on while the students' agreement on photographs that
    are held out rises. ``final/`` is the best student, by validation, of the round of the highest agreement.

    Everything that is finished stays when the run is interrupted, and the same call continues with the same bits.

    Args:
        report: gets every line of the logs of all students.
        tell: gets a line at the start of each student and at the end of each round.
        count: is told how many photographs are labelled, and how many samples judged.

    Raises:
        UserError: shards, photographs, settings or folder are not usable; nothing was written.
        WorkError: a loss was not finite, or an image is damaged; the checkpoints before it stay.
    """
    check(settings)
    processes = Processes(device=settings.device, precision=settings.precision)
    check_processes(settings, processes.count)
    _check_rounds(settings, processes.count)
    labelled = LabelledBatches(settings, device=str(processes.device))
    beginning.check(settings, labelled.size)
    photographs = labels.open_photographs(settings, labelled.size)
    known = facts(settings, labelled) | {"photographs": photographs.digest()}
    free = settings.FREE | {name for name in ("sample_weights", "without") if not getattr(settings, name)}
    folder = RunFolder(local_place(out))
    with folder.opened(processes, describe(STAGE, settings, free, known), overwrite=overwrite):
        if native.is_native(folder.final):
            return result(folder.final, 0)
        rounds = _Rounds(settings, folder, labelled, photographs, processes, report, tell, count)
        rounds.go()
        rounds.finish()
        return result(folder.final, rounds.made)


def _check_rounds(settings: TrainSegmenterSettings, processes: int) -> None:
    if settings.classes > 2:
        raise UserError(
            "photographs", got=f"photographs and {settings.classes} classes", expected="two classes",
            remedy="leave --photographs out",
        )  # fmt: skip
    if processes > 1:
        raise UserError(
            "photographs", got=f"photographs and {processes} processes", expected="one process",
            remedy="train without accelerate launch or torchrun, or leave --photographs out",
        )  # fmt: skip


class _Rounds:
    """The rounds of one run."""

    def __init__(
        self,
        settings: TrainSegmenterSettings,
        folder: RunFolder,
        labelled: LabelledBatches,
        photographs: Photographs,
        processes: Processes,
        report: Report,
        tell: Callable[[str], None],
        count: Count,
    ):
        self.settings, self.folder, self.labelled, self.photographs = settings, folder, labelled, photographs
        self.device, self.report, self.tell, self.count = processes.device, report, tell, count
        self.made = 0
        """Iterations of this call."""
        self.found: list[Found] = []
        """What each finished round found."""

    def go(self) -> None:
        """Do round after round, until one of them is the last."""
        for number in range(self.settings.rounds + 1):
            self.found.append(self._round(number))
            if number and self.found[-1]["agreement"] < self.found[-2]["agreement"] + _GAIN:
                break
            if not self.found[-1]["labelled"]:
                break

    def finish(self) -> None:
        """Write ``final/``, the log and the sheet: those of the best student of the best round."""
        best = max(self.found, key=lambda found: found["agreement"])
        scores = [student.get("miou", 0.0) for student in best["students"]]
        place = self._student(best["round"], scores.index(max(scores)))
        chosen = RunFolder(place)
        atomic.write_bytes(self.folder.path / LOG, b"".join(map(as_line, log_lines(place / LOG))))
        for sheet in sorted((place / SAMPLES).glob("*.png"))[-1:]:
            atomic.write_bytes(self.folder.sheet(int(sheet.stem)), sheet.read_bytes())
        card = native.read_card(chosen.final)
        used = self.settings.model_dump(mode="json") | {"foregrounds": self.labelled.foregrounds}
        card |= {"name": self.folder.path.name, "training": {"segmenter": used | {"rounds_found": self.found}}}
        card["source"] = {
            "segmenter": f"trained by l4f-datagen {STAGE} on {', '.join(self.settings.shards)} and, without labels, "
            f"on {self.settings.photographs}"
        }
        network = load_segmenter(chosen.final)
        self.folder.write_folder(self.folder.final, lambda target: native.save(target, segmenter=network, card=card))

    def _round(self, number: int) -> Found:
        """Do one round, or read what it found."""
        folder = self._place(number)
        if (folder / _ROUND).is_file():
            return self._read(folder / _ROUND)
        qualities = []
        for student in range(self.settings.students):
            s = self.settings
            self.tell(f"round {number} of at most {s.rounds}: student {student + 1} of {s.students}")
            place = self._student(number, student)
            trained = train_segmenter(self._settings(number, student), place, report=self._of_part(place))
            self.made += trained.made
            qualities.append(trained.quality)
        networks = [self._load(number, student) for student in range(self.settings.students)]
        agreement = labels.agreement(networks, self.photographs, count=self.count)
        found: Found = {"round": number, "agreement": agreement}
        found |= {"held_out": len(self.photographs.held_out), "students": qualities}
        found |= self._teach(networks, folder) if number < self.settings.rounds else {"labelled": 0}
        atomic.write_bytes(folder / _ROUND, json.dumps(found, indent=2).encode() + b"\n")
        self.tell(_told(found, len(self.photographs.others)))
        return found

    def _of_part(self, place: Path) -> Report:
        """A report of steps that are a student's: trackers tell them from those of another one."""
        part = place.relative_to(self.folder.path).as_posix()
        return lambda progress: self.report(replace(progress, part=part))

    def _teach(self, networks: Sequence[Segmenter], folder: Path) -> Found:
        """Leave for the next round: labels of photographs, weights of samples."""
        least, labelled, weighed = self.settings.agreement, folder / _LABELS, folder / _WEIGHTS
        if labelled.is_file():  # from before an interruption
            written = labels.count_labels(labelled)
        else:
            self.tell(f"labels {len(self.photographs.others)} photographs")
            written = labels.write_labels(labelled, networks, self.photographs, least=least, count=self.count)
        if weighed.is_file():
            weights = weighting.read(str(weighed))
        else:
            self.tell("looks for wrong and hard samples")
            weights = weighting.read(self.settings.sample_weights) if self.settings.sample_weights else {}
            for part in self.labelled.parts:
                weights = judge(networks, part, least=least, count=self.count) | weights  # what the user says counts
            weighting.write(weighed, weights)
        values = list(weights.values())
        return {"labelled": written, "wrong": values.count(WRONG), "hard": values.count(HARD)}

    def _settings(self, number: int, student: int) -> TrainSegmenterSettings:
        """Settings of a student: in all but the first round with what the round before leaves."""
        changes: dict[str, Any] = {"photographs": "", "seed": self.settings.seed + _SEEDS * number + student}
        changes["size"] = self.labelled.size
        if number:
            before = self._place(number - 1)
            total = sum(source.weight for source in self.settings.sources)
            changes["shards"] = (*self.settings.shards, f"tars:{before / _LABELS}:{total:g}")
            changes["sample_weights"] = str(before / _WEIGHTS)
        return TrainSegmenterSettings.model_validate(self.settings.model_dump() | changes)

    def _load(self, number: int, student: int) -> Segmenter:
        return load_segmenter(RunFolder(self._student(number, student)).final).to(self.device)

    def _place(self, number: int) -> Path:
        return self.folder.path / ROUNDS / str(number)

    def _student(self, number: int, student: int) -> Path:
        return self._place(number) / f"student-{student}"

    def _read(self, file: Path) -> Found:
        found = read_json(read_file(file, most=_MOST_BYTES), str(file), kind=dict)
        if not isinstance(found.get("agreement"), float) or not isinstance(found.get("students"), list):
            raise WorkError(f"{file}: it is damaged; remove it, and the same command makes it again")
        return found


def _told(found: Found, photographs: int) -> str:
    line = f"round {found['round']}: agreement on {found['held_out']} photographs held out {found['agreement']:.4f}"
    if found["labelled"]:
        line += f"; {found['labelled']} of {photographs} labelled, {found['wrong']} masks of samples left out as wrong"
    return line
