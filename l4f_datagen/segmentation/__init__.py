"""Trained segmenters at work: images of any size → masks and alphas."""

from .predict import Segmentation, segment

__all__ = ["Segmentation", "segment"]
