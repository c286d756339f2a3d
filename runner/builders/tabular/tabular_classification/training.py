"""Training of classes from a table."""

from __future__ import annotations

from typing import Any

from runner.builders.tabular._fitting.class_measuring import ClassMeasuring
from runner.builders.tabular._fitting.training_run import fit_table
from runner.contract import TrainContext, TrainResult


def train(spec: Any, context: TrainContext) -> TrainResult:
    """Fit a learner for each target, measured beside the baselines on the held-out rows."""
    return fit_table(spec, context, ClassMeasuring(spec, context))
