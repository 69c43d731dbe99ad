"""Settings of every stage: frozen, validated, with their defaults."""

from .alpha_preset import chosen_values, with_alpha_preset
from .analyze import AnalyzeBackgroundsSettings, AnalyzeDirectionsSettings, AnalyzeSettings
from .base import StageSettings
from .edit import EditSettings
from .engine import EngineSettings
from .evaluate import (
    EvaluateAlphaSettings,
    EvaluateFrechetSettings,
    EvaluateMasksSettings,
    EvaluateProjectionSettings,
    EvaluateSegmenterSettings,
    HandMasksSettings,
)
from .experiment import EvaluationSettings, SegmentersSettings
from .export import ExportSettings
from .flags import GivenSettings, PipelineFlags
from .generate import GenerateSettings, ResolvedPrecision, identity, resolved_precision
from .generate_codes import CodesSettings
from .importing import ImportSettings
from .pipeline import Pipeline, load_pipeline, section_of
from .project import ProjectSettings
from .render import RenderSettings
from .segment import SegmentSettings
from .train_alpha import CompleteAlphaSettings, TrainAlphaSettings
from .train_encoder import TrainEncoderSettings
from .train_generator import CompleteGeneratorSettings, TrainGeneratorSettings, with_preset
from .train_layered import TrainLayeredSettings
from .train_segmenter import TrainSegmenterSettings
from .validation import fingerprint, resolve, validate

__all__ = [
    "AnalyzeBackgroundsSettings",
    "AnalyzeDirectionsSettings",
    "AnalyzeSettings",
    "CodesSettings",
    "CompleteAlphaSettings",
    "CompleteGeneratorSettings",
    "EditSettings",
    "EngineSettings",
    "EvaluateAlphaSettings",
    "EvaluateFrechetSettings",
    "EvaluateMasksSettings",
    "HandMasksSettings",
    "EvaluateProjectionSettings",
    "EvaluateSegmenterSettings",
    "EvaluationSettings",
    "ExportSettings",
    "GenerateSettings",
    "GivenSettings",
    "ImportSettings",
    "Pipeline",
    "PipelineFlags",
    "ProjectSettings",
    "RenderSettings",
    "ResolvedPrecision",
    "SegmentSettings",
    "SegmentersSettings",
    "StageSettings",
    "TrainAlphaSettings",
    "TrainEncoderSettings",
    "TrainGeneratorSettings",
    "TrainLayeredSettings",
    "TrainSegmenterSettings",
    "chosen_values",
    "fingerprint",
    "identity",
    "resolved_precision",
    "load_pipeline",
    "resolve",
    "section_of",
    "validate",
    "with_alpha_preset",
    "with_preset",
]
