"""The predictor of ``vision_language``."""

from __future__ import annotations

from runner.builders.vision._talking.picture_answerer import PictureAnswerer as Predictor

__all__ = ["Predictor"]
