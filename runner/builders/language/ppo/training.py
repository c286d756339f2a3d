"""Training on answers and the value of their tokens."""

from __future__ import annotations

from typing import Any

from runner.builders.language._reinforcing import policy_training
from runner.builders.language._reinforcing.policy_objectives import ValueObjective
from runner.contract import TrainContext, TrainResult


def train(spec: Any, context: TrainContext) -> TrainResult:
    """Learn which tokens lead to more than was expected of them."""
    return policy_training.learn(
        spec, context, lambda trained, reference: ValueObjective(spec, reference(), trained.model)
    )
