"""Metrics of several targets: the mean of each under its plain name, and one for each target."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from runner.contract import Measure, Table
from runner.statistics.paired_bootstrap import known

Metrics = dict[str, float | int | None]

#: Targets that get tables of their own. A page of four tables for each of a hundred labels is read by nobody.
TABLED = 8


def mean_of(values: Iterable[float | None]) -> float | None:
    """The mean of those that are defined; None where none is."""
    numbers = [value for value in values if value is not None]
    return known(math.fsum(value / len(numbers) for value in numbers)) if numbers else None


def over_targets(each: Mapping[str, Metrics]) -> Metrics:
    """The means over the targets, then ``<target>/<metric>`` for each. One target has plain names alone.

    A metric that is undefined for a target, such as the AUC of a class that no held-out row has, is left out of the
    mean; the ``targets`` table shows where.
    """
    names = list(next(iter(each.values())))
    if len(each) == 1:
        return dict(next(iter(each.values())))
    means: Metrics = {name: mean_of(metrics[name] for metrics in each.values()) for name in names}
    return means | {f"{target}/{name}": metrics[name] for target, metrics in each.items() for name in names}


def targets_table(each: Mapping[str, Metrics], measures: Sequence[Measure]) -> Table:
    """One row a target: each measure of it, and the interval of the headline."""
    first = measures[0]
    columns = ["target", first.column, "low", "high", *(measure.column for measure in measures[1:])]
    rows: list[list[Any]] = [
        [target, metrics[first.metric], metrics[first.low], metrics[first.high]]
        + [metrics[measure.metric] for measure in measures[1:]]
        for target, metrics in each.items()
    ]
    note = "The mean of each column is the model's own figure; an empty cell is undefined and left out of it."
    own_units = [measure.column for measure in measures if measure.decimals is None]
    if own_units:
        note += (
            f" {', '.join(own_units)} are in each target's own unit: where units differ their means say nothing, and "
            f"{first.column} is what can be compared."
        )
    if len(each) > TABLED:
        note += f" The tables below are of the first {TABLED} targets."
    return Table("targets", "Targets", columns, rows, plot="bars", note=note, decimals=decimals_of(measures))


def decimals_of(measures: Sequence[Measure]) -> dict[str, int | None]:
    """Decimals of the measures' columns and of the headline's interval, but not of errors in a target's own unit.

    Three decimals of such an error are too few for millimetres in kilometres, and too many for a price.
    """
    decimals = {measure.column: measure.decimals for measure in measures if measure.decimals is not None}
    return decimals | {"low": measures[0].decimals, "high": measures[0].decimals}


def named(name: str, target: str, alone: bool) -> str:
    """The name of one target's table: plain where there is one target, else with its name."""
    return name if alone else f"{name}/{target}"


def titled(title: str, target: str, alone: bool) -> str:
    """The title of one target's table."""
    return title if alone else f"{title} of {target}"
