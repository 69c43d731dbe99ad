"""Folders that are older than a setting: its default leaves them as they are, another value makes another folder."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import create_model

import l4f_datagen as l4f
from l4f_datagen.engines import description
from l4f_datagen.errors import UserError
from l4f_datagen.generation.models import load_models
from l4f_datagen.making import importing, projected, render
from l4f_datagen.projection.run import project
from l4f_datagen.settings import (
    CodesSettings,
    EditSettings,
    GenerateSettings,
    ImportSettings,
    ProjectSettings,
    RenderSettings,
    StageSettings,
    TrainAlphaSettings,
    TrainEncoderSettings,
    TrainGeneratorSettings,
    TrainLayeredSettings,
    TrainSegmenterSettings,
)
from l4f_datagen.shards.folder import open_for_writing
from l4f_datagen.training.core.loop import describe
from l4f_datagen.training.core.run import RunFolder
from tests.conftest import TINY
from tests.projection.conftest import write_photographs

Make = Callable[..., Any]
"""A model of settings and values for it → settings, with or without a younger one among them."""


def maker(value: int | None) -> Make:
    """Makes settings with one more setting, of the default 7, that has this value; None: without it."""

    def make(model: type[StageSettings], **values: Any) -> Any:
        if value is None:
            return model(**values)
        younger = create_model("Younger", __base__=model, tomorrow=(int, 7))
        return younger(**values, tomorrow=value)

    return make


def generated(make: Make, out: Path, checkpoint: str) -> None:
    settings = make(GenerateSettings, generator=checkpoint, n=3, device="cpu")
    open_for_writing(out, description.describe(settings, load_models(settings)))


def rendered(make: Make, out: Path, checkpoint: str) -> None:
    open_for_writing(out, render.describe(make(RenderSettings, world="vessels", n=3, size=16)))


def imported(make: Make, out: Path, checkpoint: str) -> None:
    settings = make(ImportSettings, source="world:vessels", n=3, size=16)
    open_for_writing(out, importing.describe(settings, importing.open_source(settings)))


def of_codes(make: Make, out: Path, checkpoint: str) -> None:
    codes = out.parent / "codes"
    if not codes.exists():
        projected_photographs(maker(None), codes, checkpoint)
    photographs = projected.open_photographs(CodesSettings(codes=str(codes)))
    settings = make(CodesSettings, **photographs.settings.model_dump())
    open_for_writing(out, projected.describe(replace(photographs, settings=settings)))


def projected_photographs(make: Make, out: Path, checkpoint: str) -> None:
    if not (photographs := out.parent / "photographs").exists():
        write_photographs(photographs, 2)
    few = {"w_steps": 0, "steps": 0, "device": "cpu"}
    begun = out.exists()
    done = project(make(ProjectSettings, images=str(photographs), generator=checkpoint, **few), out)
    assert done.made == (0 if begun else 2)


def edited(make: Make, out: Path, checkpoint: str) -> None:
    direction = out.parent / "direction.npy"
    np.save(direction, np.eye(TINY.w_dim, dtype=np.float32)[0])
    subject = {"generator": checkpoint, "seeds": (0,), "steps": 1, "device": "cpu"}
    settings = make(EditSettings, direction=str(direction), **subject)
    begun = out.exists()
    assert l4f.edit(settings, out).made == (0 if begun else 1)


def run_of(model: type[StageSettings], **values: Any) -> Callable[[Make, Path, str], None]:
    def trained(make: Make, out: Path, checkpoint: str) -> None:
        settings = make(model, **values)
        RunFolder(out).begin(describe(settings.SECTION, settings, settings.FREE, {"images": 3}))

    return trained


FOLDERS = {
    "generate": generated,
    "render": rendered,
    "import": imported,
    "generate --codes": of_codes,
    "project": projected_photographs,
    "edit": edited,
    "train-alpha": run_of(TrainAlphaSettings),
    "train-encoder": run_of(TrainEncoderSettings),
    "train-generator": run_of(TrainGeneratorSettings, images="world:vessels"),
    "train-layered": run_of(TrainLayeredSettings, images="world:vessels"),
    "train-segmenter": run_of(TrainSegmenterSettings, shards="s"),
}  # fmt: skip


@pytest.mark.parametrize("folder", FOLDERS.values(), ids=FOLDERS.keys())
def test_a_younger_setting_makes_another_folder_only_where_it_is_not_its_default(folder, tmp_path, tiny_checkpoint):
    out, checkpoint = tmp_path / "out", str(tiny_checkpoint)
    folder(maker(None), out, checkpoint)
    folder(maker(7), out, checkpoint)
    with pytest.raises(UserError, match=r"other settings: tomorrow \((7|None) there, 8 here\)"):
        folder(maker(8), out, checkpoint)


@pytest.mark.parametrize("folder", FOLDERS.values(), ids=FOLDERS.keys())
def test_a_folder_with_a_setting_is_not_that_of_another_value(folder, tmp_path, tiny_checkpoint):
    out, checkpoint = tmp_path / "out", str(tiny_checkpoint)
    folder(maker(8), out, checkpoint)
    folder(maker(8), out, checkpoint)
    with pytest.raises(UserError, match=r"other settings: tomorrow \(8 there, (7|None) here\)"):
        folder(maker(7), out, checkpoint)
