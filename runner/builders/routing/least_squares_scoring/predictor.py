"""A stored score per LLM."""

from __future__ import annotations

from runner.builders.routing._ratings.agnostic_predictor import AgnosticPredictor

Predictor = AgnosticPredictor
