"""What ``run --quick`` does less of: the one place of its numbers."""

from .validation import Settings

MOST: dict[str, dict[str, int]] = {
    "train-generator": {"kimg": 1},
    "train-alpha": {"iterations": 150},
    "generate": {"n": 1000},
    "train-segmenter": {"iterations": 300, "world_images": 1000},
    "segmenters": {"seeds": 1},
    "evaluate alpha": {"n": 100, "resamples": 200},
    "evaluate segmenter": {"n": 100, "resamples": 200},
    "evaluate frechet": {"n": 1000},
}
"""The largest value of a setting, by stage. Smaller ones stay."""


def quickened(stage: str, settings: Settings) -> Settings:
    """Settings of a stage with no more than ``MOST`` of everything."""
    values = {name: getattr(settings, name) for name in MOST[stage]}
    return settings.model_copy(
        update={name: most if values[name] is None else min(values[name], most) for name, most in MOST[stage].items()}
    )
