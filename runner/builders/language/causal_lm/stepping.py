"""A language model that a program trains step by step."""

from __future__ import annotations

from runner.builders.language._stepping.learner import StepLearner

__all__ = ["StepLearner"]
