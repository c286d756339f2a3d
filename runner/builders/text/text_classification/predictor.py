"""The stored model that answers."""

from __future__ import annotations

from runner.builders.text._labelled.text_predictor import TextPredictor as Predictor

__all__ = ["Predictor"]
