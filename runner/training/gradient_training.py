"""The fields of every spec whose weights are trained by gradient steps: optimizer, schedule, early stopping, and what
is told of the training from the inside."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from runner.contract import Section, invalid, option
from runner.training.early_stopping import EarlyStopping
from runner.training.optimizers import AdamW, OptimizerSpec
from runner.training.schedules import Constant, ScheduleSpec, needs_length


class GradientTraining(Section):
    """A base of specs and of sections in them. Another default of ``optimizer`` is declared by who has one."""

    optimizer: OptimizerSpec = option(
        factory=lambda: AdamW(optimizer_type="adamw"), description="How the weights are trained."
    )
    schedule: ScheduleSpec | None = option(
        None,
        description="How the learning rates move over the steps of the training, all alike; null leaves them to the "
        "optimizer.",
    )
    early_stopping: EarlyStopping | None = option(
        None,
        resume="warn",
        description="When the training ends before its last epoch, by what is measured after each; null trains to the "
        "last.",
    )

    @model_validator(mode="after")
    def _one_decay(self) -> Self:
        schedule = self.schedule
        if schedule is None or isinstance(schedule, Constant) or self.optimizer.lr_decay_gamma is None:
            return self
        raise invalid(
            ("optimizer", "lr_decay_gamma"),
            "one_decay",
            f"the schedule {schedule.schedule_type} lowers the learning rate already: leave lr_decay_gamma out, or "
            "take the schedule constant",
        )

    def fixed_length(self) -> str | None:
        return "its schedule runs over all steps" if needs_length(self.schedule) else None


class DiagnosedTraining(GradientTraining):
    """The same of a training that tells how its network fares, where it is asked to."""

    diagnostics: bool = option(
        False,
        resume="free",
        description="Tell after each epoch how large the gradient is in each part of the network, and how far the "
        "scores vary among LLMs and among prompts. The model is the same; the training takes a little longer.",
    )
