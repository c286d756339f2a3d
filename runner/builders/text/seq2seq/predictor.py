"""The predictor of ``seq2seq``."""

from __future__ import annotations

from runner.builders.text._targets.target_writer import TargetWriter as Predictor

__all__ = ["Predictor"]
