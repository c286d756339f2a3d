"""What online direct preference optimization will take."""

from __future__ import annotations

from typing import Any

from runner.builders.language._memory_estimate import rewarded_estimate
from runner.builders.language._reinforcing.pair_objective import PairObjective
from runner.contract import Footprint, FootprintContext


def estimate(spec: Any, context: FootprintContext) -> Footprint:
    """See :func:`runner.builders.language._memory_estimate.rewarded_estimate.estimate`."""
    return rewarded_estimate.estimate(
        spec, context, PairObjective.group, lambda _, reference: PairObjective(spec, reference), reference=True
    )
