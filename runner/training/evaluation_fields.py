"""When a training is measured, and by which figure its best weights are told: the section ``evaluation`` of a spec."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from runner.contract import Section, option
from runner.errors import DataError
from runner.near_names import nearest

Better = Literal["higher", "lower"]


class Evaluation(Section):
    """When a training is measured, and which figure decides."""

    every: int | None = option(
        None, ge=1, description="Measure every this many steps, and after the last; null measures after every epoch."
    )
    measure: str | None = option(
        None,
        min_length=1,
        max_length=256,
        description="The figure that the best weights are told by, and early stopping goes by: one that is measured on "
        "the held-out rows, or TASK/METRIC of a task; null is the kind's own.",
        examples=["loss"],
    )


def unknown_measure(measure: str, measures: Iterable[str]) -> str:
    """What is said of a measure that there is none of."""
    known = list(measures)
    near = nearest(measure, known)
    meant = f"did you mean {near!r}? " if near is not None else ""
    return f"{measure!r} is not measured: {meant}there are {', '.join(known)}"


def check_every(every: int | None, steps: int, where: str) -> None:
    """Raise :class:`DataError` for a training that is over before it is measured within.

    ``steps`` are those of the whole training, ``where`` the section's pointer.
    """
    if every is not None and every > steps:
        raise DataError(
            f"is {every:,}, and the training has {steps:,} step{'s' * (steps != 1)}",
            where=f"{where}/every",
            hint="lower it, or leave it out: then it is measured after every epoch",
        )


def check_measured(measured: Mapping[str, float | None], criterion: str, where: str) -> None:
    """Raise :class:`DataError` where early stopping waits for a figure that nothing is measured of."""
    if measured.get(criterion) is None:
        raise DataError(
            f"nothing ends the training early: no row is held out that {criterion} could be measured on",
            where=where,
            hint="hold rows out (data.validation_split), let evaluation.measure be a task's, or leave it out",
        )
