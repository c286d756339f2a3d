"""Training on pairs of answers that are drawn."""

from __future__ import annotations

from typing import Any

from runner.builders.language._reinforcing import policy_training
from runner.builders.language._reinforcing.pair_objective import PairObjective
from runner.contract import TrainContext, TrainResult


def train(spec: Any, context: TrainContext) -> TrainResult:
    """Learn which of two answers to a prompt is better."""
    return policy_training.learn(spec, context, lambda trained, reference: PairObjective(spec, reference()))
