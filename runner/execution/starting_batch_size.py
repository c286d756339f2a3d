"""How many examples go through a model at a time, to begin with, where a spec leaves that to the training."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from runner import registry
from runner.contract import FootprintContext
from runner.errors import RunnerError
from runner.execution.memory_limit import memory_free

#: Where nothing tells how much memory is needed, and the share of free memory that is counted on.
UNKNOWN, COUNTED_ON = 16, 0.85


def starting_rows(kind: str, spec: Any, context: FootprintContext, asked: int | None) -> int:
    """The most examples of a step, halved until their estimate fits the memory that is free.

    ``asked`` is ``/run/memory``, bytes. ``context.batch_size`` are the examples of a batch. The rows are not read: the
    estimate takes them to be as long as may be.
    """
    count = spec.step_rows(context.batch_size)
    estimate = registry.estimator(kind)
    if estimate is None:
        return min(count, UNKNOWN)
    free = memory_free(context.device, asked) * COUNTED_ON
    while count > 1:
        try:
            memory = estimate(spec, replace(context, data=None, at_once=count)).memory
        except RunnerError:
            # The training ends with it, and says where.
            return count
        if memory is None:
            return min(count, UNKNOWN)
        if memory <= free:
            break
        count = -(-count // 2)
    return count
