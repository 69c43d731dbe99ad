"""Settings of every stage: frozen, validated, with their defaults (contract 5 of the design)."""

from .analyze import AnalyzeSettings
from .base import StageSettings
from .evaluate import (
    EvaluateAlphaSettings,
    EvaluateFrechetSettings,
    EvaluateMasksSettings,
    EvaluateSegmenterSettings,
)
from .generate import GenerateSettings, identity
from .pipeline import Pipeline, load_pipeline
from .render import RenderSettings
from .train_alpha import TrainAlphaSettings
from .validation import fingerprint, resolve, validate

__all__ = ["AnalyzeSettings", "EvaluateAlphaSettings", "EvaluateFrechetSettings", "EvaluateMasksSettings",
           "EvaluateSegmenterSettings", "GenerateSettings", "Pipeline", "RenderSettings", "StageSettings",
           "TrainAlphaSettings", "fingerprint", "identity", "load_pipeline", "resolve", "validate"]  # fmt: skip
