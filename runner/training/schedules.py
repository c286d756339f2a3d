"""How the learning rate moves over a run's steps, as a spec says it: ``schedule``, told apart by ``schedule_type``."""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from runner.contract import Section, invalid, option
from runner.errors import DataError

_FINAL = "Share of the learning rate that is left at the run's last step."


class WarmUp(Section):
    """What every schedule begins with: the rate rises in a straight line, from a step's share of it."""

    schedule_type: str
    warmup_steps: int | None = option(
        None,
        ge=0,
        description="Optimizer steps in which the rate rises: the first has rate / warmup_steps, the last all "
        "of it; null has none, or warmup_ratio.",
    )
    warmup_ratio: float | None = option(
        None, ge=0, lt=1, description="Share of the run's steps in which the rate rises, rounded up."
    )

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if self.warmup_steps is not None and self.warmup_ratio is not None:
            raise invalid(
                ("warmup_ratio",), "one_warmup", "warmup_steps says how long the warm-up is: leave one of them out"
            )
        return self


class Constant(WarmUp):
    """The learning rate as it is, after the warm-up."""

    schedule_type: Literal["constant"] = option(description="The learning rate stays as it is after the warm-up.")


class Linear(WarmUp):
    """A straight line down to the end of the run."""

    schedule_type: Literal["linear"] = option(
        description="The learning rate falls in a straight line from the warm-up to the run's end."
    )
    final_fraction: float = option(0.0, ge=0, le=1, description=_FINAL)


class Cosine(WarmUp):
    """Half a cosine wave down to the end of the run (Loshchilov and Hutter, 2017, without restarts)."""

    schedule_type: Literal["cosine"] = option(
        description="The learning rate falls along half a cosine wave: slowly, then fast, then slowly."
    )
    final_fraction: float = option(0.0, ge=0, le=1, description=_FINAL)


ScheduleSpec = Annotated[Constant | Linear | Cosine, Field(discriminator="schedule_type")]


def factor(schedule: Constant | Linear | Cosine, step: int, steps: int) -> float:
    """What every learning rate is multiplied by in step ``step`` of ``steps``, counted from 0.

    With ``w`` steps of warm-up it is ``(step + 1) / w`` before step ``w``: the first step learns too. After them
    ``t = (step - w) / (steps - w)`` goes from 0 to 1, and the factor is 1 (constant), ``f + (1 - f) (1 - t)``
    (linear), or ``f + (1 - f) (1 + cos(pi t)) / 2`` (cosine; Loshchilov and Hutter, "SGDR", ICLR 2017, equation 5),
    where ``f`` is ``final_fraction``. It hangs on the step alone, so a resumed run has the same.
    """
    warm = warmup_steps(schedule, steps)
    if step < warm:
        return (step + 1) / warm
    if isinstance(schedule, Constant):
        return 1.0
    gone = min(1.0, (step - warm) / max(1, steps - warm))
    left = 1.0 - gone if isinstance(schedule, Linear) else 0.5 * (1.0 + math.cos(math.pi * gone))
    return schedule.final_fraction + (1.0 - schedule.final_fraction) * left


def warmup_steps(schedule: WarmUp, steps: int) -> int:
    """The warm-up's length in a run of ``steps`` steps."""
    if schedule.warmup_ratio is not None:
        return math.ceil(schedule.warmup_ratio * steps)
    return schedule.warmup_steps or 0


def check_length(schedule: WarmUp, steps: int, where: str) -> None:
    """Raise :class:`DataError` for a warm-up that is longer than the run; ``where`` is the schedule's pointer."""
    warm = warmup_steps(schedule, steps)
    if warm > steps:
        raise DataError(
            f"the warm-up of {warm} steps is longer than the training, which has {steps}",
            where=f"{where}/warmup_steps",
            hint=f"at most {steps}, or more epochs; or a share of the steps: warmup_ratio",
        )


def needs_length(schedule: WarmUp | None) -> bool:
    """Whether the rate of a step hangs on how many steps there are in all."""
    return schedule is not None and (not isinstance(schedule, Constant) or bool(schedule.warmup_ratio))
