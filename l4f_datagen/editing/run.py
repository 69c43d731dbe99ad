"""Edits as files: frames, masks, sheets and figures of every subject in a folder that can be continued."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import weights
from ..devices import explaining_memory, resolve_device
from ..mask_files import png as mask_png
from ..mask_files import values as mask_values
from ..mask_files.values import MaskValues
from ..networks.inference import freeze
from ..settings import EditSettings, same
from ..shards.format import encoding
from ..sheet import png_bytes
from ..storage import atomic, atomic_folders
from ..storage.opening import local_place
from ..weights.source import file_sha256
from . import folder, pictures
from .blending import figures
from .completing import Inpainter, opencv
from .completing_by_onnx import OnnxInpainter
from .drawing import Editor, NothingToKeep, scene_of, steps_of
from .paths import Way, way_of
from .subjects import Subject, check_subjects, subjects_of

logger = logging.getLogger(__name__)

_LEAD = frozenset({"generator", "alpha", "strength", "steps", "inpaint_onnx"})
"""Settings that count by what they lead to, which has another name."""
_SHEETS = 8
"""Subjects whose sheets are joined in one."""
_WORST: Mapping[str, Callable[[Iterable[float]], float]] = {
    "kept_outside": max, "plain_outside": max, "inside_db": min, "iou_before": min, "iou_original": min,
    "inside_change_db": lambda values: max(values, key=abs),
}  # fmt: skip
"""The worst of each figure over all steps."""


@dataclass(frozen=True)
class Edited:
    """What became of the subjects."""

    keys: tuple[str, ...]
    """Those that are edited now, whether just now or before."""
    made: int
    """How many were edited just now."""
    left_out: tuple[str, ...]
    """Those without a foreground or without a background."""
    steps: int
    """Steps of each edit."""
    worst: Mapping[str, float]
    """The worst figures over all steps, by the names that ``edit.json`` has."""


def edit(
    settings: EditSettings,
    out: str | Path,
    *,
    inpaint: Inpainter | None = None,
    overwrite: bool = False,
    report: Callable[[int, int], None] = lambda done, count: None,
) -> Edited:
    """Edit samples or projected photographs and keep their backgrounds; write the folder ``out``, or continue it.

    ``out`` gets a folder KEY for every subject: ``original.png``, ``background.png`` (completed where the foreground
    stood), ``plain/``, ``frames/``, ``masks/`` and ``alphas/`` with a file per step, ``sheet.png``, and figures in
    ``edit.json``. Outside the masks of the original and of a step, and the margin around them, its frame's bytes are
    the original's. A subject that is edited already stays as it is.

    Args:
        inpaint: completes backgrounds in place of what the settings say: takes an image, RGB uint8 H×W×3, and a hole,
            bool H×W, gives an image of the same shape.
        overwrite: replace edits with other settings.
        report: called with the numbers of steps that are done and that there are.

    Raises:
        UserError: a checkpoint, direction, inpainter or folder is not usable.
        NothingToKeep: no subject has a foreground before a background, which ``edit.json`` says too.
        TooLittleMemory: memory ran out on the device.
    """
    check_subjects(settings)
    out, device = local_place(out), resolve_device(settings.device)
    inpainter = inpaint or (OnnxInpainter(_file(settings.inpaint_onnx), device) if settings.inpaint_onnx else None)
    (generator, generator_source), (alpha, alpha_source) = weights.read_pair(settings.generator, settings.alpha)
    way = way_of(settings, generator)
    frozen = freeze(generator, device)
    editor = Editor(frozen, alpha.to(device), inpainter or opencv(settings.inpaint), settings)
    subjects = subjects_of(settings, frozen, generator_source, way)
    led_to = {
        "generator_sha256": generator_source.sha256,
        "alpha_sha256": alpha_source.sha256,
        "direction": way.name,
        "strengths": list(way.strengths),
        "margin": editor.margin,
        "inpaint": _named(settings, inpaint),
    }
    described = {**same.describe(settings, led_to, settings.FREE | _LEAD), mask_values.SETTING: "01"}
    with (
        folder.opened(out, described, overwrite=overwrite) as values,
        explaining_memory(device, settings.batch_size),
    ):
        return _edit_all(editor, subjects, way, out, values, report)


def _edit_all(
    editor: Editor,
    subjects: Sequence[Subject],
    way: Way,
    out: Path,
    values: MaskValues,
    report: Callable[[int, int], None],
) -> Edited:
    results: dict[str, dict[str, Any]] = {}
    refused: list[NothingToKeep] = []
    made, count = 0, len(way.strengths)
    for number, subject in enumerate(subjects):
        found = folder.finished(out, subject.key, subject.digest)
        if found is None:

            def done(step: int, number: int = number) -> None:
                report(number * count + step, len(subjects) * count)

            try:
                found = _write(editor, subject, way, out, values, done)
                made += 1
            except NothingToKeep as error:
                refused.append(error)
        if found is not None:
            results[subject.key] = found
        report((number + 1) * count, len(subjects) * count)
    worst = _worst(results) if results else {}
    left_out = tuple(str(error.subject) for error in refused)
    if results:
        atomic.write_bytes(out / folder.SHEET, _joined([out / key / folder.SHEET for key in list(results)[:_SHEETS]]))
    summary = {"steps": count, "strengths": list(way.strengths), "worst": worst, "left_out": list(left_out)}
    folder.write_result(out, summary | {"subjects": results})
    if refused and not results:
        raise refused[0]
    for error in refused:
        logger.warning("left out: %s", error)
    return Edited(tuple(results), made, left_out, count, worst)


def _write(
    editor: Editor, subject: Subject, way: Way, out: Path, values: MaskValues, done: Callable[[int], None]
) -> dict[str, Any]:
    """Edit one subject into its folder, which appears when it is complete; returns its figures."""
    scene, settings = scene_of(editor, subject), editor.settings
    shown, kept_steps, moving, rows = pictures.shown_steps(len(way.strengths)), [], [], []
    previous = scene.layer.mask
    with atomic_folders.replacing(out / subject.key) as place:
        _write_image(place / folder.ORIGINAL, scene.original)
        _write_image(place / folder.BACKGROUND, scene.background)
        for name in (folder.PLAIN, folder.FRAMES, folder.MASKS, folder.ALPHAS):
            atomic.make_folder(place / name)
        digits = max(2, len(str(len(way.strengths) - 1)))
        for number, step in enumerate(steps_of(editor, subject, scene, way)):
            file = f"{number:0{digits}d}.png"
            _write_image(place / folder.PLAIN / file, step.plain)
            _write_image(place / folder.FRAMES / file, step.kept)
            mask = step.layer.mask.astype(np.uint8)
            atomic.write_part(place / folder.MASKS / file, mask_png.encode(mask, values))
            atomic.write_part(place / folder.ALPHAS / file, encoding.encode_grey(step.alpha))
            row = figures(scene.original, scene.layer, step.plain, step.layer, step.kept, previous)
            rows.append({"strength": way.strengths[number], **{name: round(value, 6) for name, value in row.items()}})
            previous = step.layer.mask
            if not previous.any():
                logger.warning("%s: no foreground at %+.3g", subject.key, way.strengths[number])
            if number in shown:
                kept_steps.append(step)
            if settings.gif:
                moving.append(pictures.side_by_side(step))
            done(number + 1)
        strengths = [way.strengths[number] for number in shown]
        _write_image(place / folder.SHEET, pictures.edit_sheet(subject.key, scene, kept_steps, strengths))
        if settings.gif:
            content = pictures.gif_bytes(moving, milliseconds=settings.milliseconds)
            atomic.write_part(place / folder.GIF, content)
        result = {folder.DIGEST: subject.digest, "margin": editor.margin, "steps": rows}
        folder.write_result(place, result)
    return result


def _write_image(path: Path, image: np.ndarray) -> None:
    atomic.write_part(path, png_bytes(image))


def _joined(sheets: Sequence[Path]) -> bytes:
    """The sheets of some subjects below one another, as a PNG."""
    images = [encoding.decode_image(sheet.read_bytes()) for sheet in sheets]
    width = max(image.shape[1] for image in images)
    padded = [np.pad(i, ((0, 0), (0, width - i.shape[1]), (0, 0)), constant_values=255) for i in images]
    return png_bytes(np.concatenate(padded))


def _worst(results: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    steps = [step for result in results.values() for step in result["steps"]]
    return {name: worst(float(step[name]) for step in steps) for name, worst in _WORST.items()}


def _file(path: str) -> Path:
    return Path(path).expanduser()


def _named(settings: EditSettings, inpaint: Inpainter | None) -> str:
    """What completes backgrounds, so that another one is known."""
    if inpaint is not None:
        name = getattr(inpaint, "__qualname__", type(inpaint).__qualname__)  # of a function, or of its class
        return f"{inpaint.__module__}.{name}"
    return file_sha256(_file(settings.inpaint_onnx)) if settings.inpaint_onnx else settings.inpaint
