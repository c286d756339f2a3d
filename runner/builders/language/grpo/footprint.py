"""What group relative policy optimization will take."""

from __future__ import annotations

from typing import Any

from runner.builders.language._memory_estimate import rewarded_estimate
from runner.builders.language._reinforcing.policy_objectives import GroupObjective
from runner.contract import Footprint, FootprintContext


def estimate(spec: Any, context: FootprintContext) -> Footprint:
    """See :func:`runner.builders.language._memory_estimate.rewarded_estimate.estimate`."""
    return rewarded_estimate.estimate(
        spec, context, spec.drawn, lambda _, reference: GroupObjective(spec, reference), reference=spec.beta > 0
    )
