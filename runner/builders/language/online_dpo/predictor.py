"""The stored model that answers."""

from __future__ import annotations

from runner.builders.language._answering.generator import Generator as Predictor

__all__ = ["Predictor"]
