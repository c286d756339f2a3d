"""When a training ends before its last epoch or round, as a spec says it: ``early_stopping``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runner.contract import Section, option


class EarlyStopping(Section):
    """End the training once it has stopped getting better."""

    patience: int = option(
        10,
        ge=1,
        resume="warn",
        description="Evaluations in a row without an improvement after which the training ends: an epoch has one, and "
        "so has a round of boosting.",
    )
    min_delta: float = option(
        0.0,
        ge=0,
        resume="warn",
        description="An improvement is a value better by more than this than it was at the last improvement.",
    )


@dataclass
class Waiting:
    """Counts evaluations since the last improvement. Two numbers, which a checkpoint may hold."""

    #: The value at the last improvement; the greater the better.
    mark: float | None = None
    evaluations: int = 0

    def see(self, value: float | None, min_delta: float = 0.0) -> None:
        """Count one evaluation. A value that is not known can be no worse than others: it counts as better."""
        if value is None or self.mark is None or value > self.mark + min_delta:
            self.mark, self.evaluations = value, 0
        else:
            self.evaluations += 1

    def over(self, section: EarlyStopping | None) -> bool:
        """Whether it has been waited long enough; never without a section."""
        return section is not None and self.evaluations >= section.patience


def told(section: EarlyStopping, done: int, total: int, unit: str) -> dict[str, Any]:
    """The fields of the event ``stopped_early``: after ``done`` of ``total`` ``unit`` (``epochs``, ``rounds``)."""
    return {"done": done, "total": total, "unit": unit} | section.model_dump()
