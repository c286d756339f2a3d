"""Training on groups of answers."""

from __future__ import annotations

from typing import Any

from runner.builders.language._reinforcing import policy_training
from runner.builders.language._reinforcing.policy_objectives import GroupObjective
from runner.contract import TrainContext, TrainResult


def train(spec: Any, context: TrainContext) -> TrainResult:
    """Learn which of several answers to a prompt are worth more."""
    return policy_training.learn(
        spec, context, lambda trained, reference: GroupObjective(spec, reference() if spec.beta else None)
    )
